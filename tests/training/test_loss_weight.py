"""A setting that is changed on a finished object acts from the next step on, or is refused."""

import collections

import keras
import numpy as np
import pytest
from support.each_class import data_of, every_class, make
from support.tiny import X, array

import zoo
from zoo.checks.constructors import arguments_of
from zoo.models import CLASSES
from zoo.training.loss_weight import LossWeight

BACKEND = keras.backend.backend()
# Given above 0, as the loss has no such term otherwise.
FIRST = {"l1": 0.01, "l2": 0.01, "total_variation_weight": 0.3, "pulling_away_weight": 0.2}
OBJECTS = [
    zoo.Gaussian(0.1),
    zoo.nn.distributions.LearnedGaussian(),
    zoo.Categorical(4),
    zoo.GaussianColumns([0.0], [1.0]),
    zoo.MixedColumns([0.0, 0.0], [1.0, 1.0], [(0, 2)]),
    zoo.Normal(2),
    zoo.Uniform(2),
    zoo.CategoricalPrior(3),
    zoo.GaussianMixture.petals(3),
    zoo.SwissRoll(3),
    zoo.Masking(0.5),
    zoo.SaltAndPepper(0.5),
    zoo.GaussianNoise(0.5),
    zoo.Translation(1),
    zoo.Composition([zoo.Masking(0.5)]),
]


def weights_of(model):
    """The settings of a model that weigh terms of its loss; a weight for each layer is one too."""
    values = {key: getattr(model, key, None) for key in arguments_of(type(model))}
    return [key for key, value in values.items() if isinstance(value, LossWeight)]


def data_for(model):
    if hasattr(model, "recolor"):
        return X.repeat(3, axis=-1), np.full((len(X), *model.label_shape), 0.4, "float32")
    if model.label_dtype == "float32" and model.learns_labels:
        times = model.label_shape[0] // 4
        return X, X.repeat(times, axis=1).repeat(times, axis=2)
    x = data_of(type(model).__name__, X)
    return (x, np.arange(len(X)) % 3) if model.learns_labels else (x,)


def trained(model, weight=None, value=None):
    """Return the weights after one step, before which a setting may be changed."""
    model.compile(keras.optimizers.SGD(0.01))
    if weight:
        setattr(model, weight, value)
    model.train_on_batch(*data_for(model))
    return np.concatenate([array(w).ravel() for w in model.trainable_weights])


@pytest.mark.skipif(BACKEND == "jax", reason="compiles each; test_a_callback_... runs there")
@pytest.mark.backend
@pytest.mark.parametrize("name", every_class())
def test_a_weight_of_the_loss_acts_from_the_next_step_on(name):
    for weight in weights_of(make(name)):
        first = FIRST.get(weight, 0.5)
        changed = make(name, seed=1, **{weight: first})
        new = getattr(changed, weight).bounds["most"] or 3.0
        got = trained(changed, weight, new)
        assert getattr(changed, weight) == changed.get_config()[weight] == new
        np.testing.assert_array_equal(got, trained(make(name, seed=1, **{weight: new})))
        unchanged = trained(make(name, seed=1, **{weight: first}))
        assert not np.allclose(got, unchanged, rtol=0, atol=1e-7)
        with pytest.raises(ValueError, match=rf"^{weight} is -1"):
            setattr(changed, weight, -1.0)
        assert getattr(changed, weight) == new


@pytest.mark.slow
def test_each_class_says_which_weights_can_be_changed():
    found = collections.Counter(w for name in CLASSES for w in weights_of(make(name)))
    assert found >= collections.Counter(WEIGHTS)


WEIGHTS = {
    "l1": 6,
    "l2": 6,
    "balance": 1,
    "weight": 2,
    "proximity": 1,
    "beta": 7,
    "alpha": 3,
    "generator_weight": 8,
    "label_weight": 2,
    "image_weight": 1,
    "total_variation_weight": 1,
    "feature_weight": 2,
    "pulling_away_weight": 1,
    "l1_weight": 1,
    "color_weight": 1,
}


@pytest.mark.parametrize("name", every_class())
def test_every_other_setting_is_refused_and_not_saved(name):
    model = make(name)
    before = model.get_config()
    settings = [*arguments_of(type(model)), "image_shape"]
    settings += ["code_shape"] if hasattr(model, "code_shape") else []
    others = [s for s in settings if s not in (*weights_of(model), "name", "dtype")]
    for setting in others:
        with pytest.raises(
            AttributeError, match=rf"^{setting} of a {name} cannot be changed, .*new"
        ):
            setattr(model, setting, (17, 4))
    assert len(others) > 4
    after = model.get_config()
    assert keras.saving.serialize_keras_object(after) == keras.saving.serialize_keras_object(before)


@pytest.mark.parametrize("owner", OBJECTS, ids=lambda owner: type(owner).__name__)
def test_objects_that_are_handed_in_do_not_change(owner):
    before = owner.get_config()
    for setting in arguments_of(type(owner)):
        if hasattr(owner, setting):
            with pytest.raises(AttributeError, match=rf"^{setting} of a {type(owner).__name__}"):
                setattr(owner, setting, 0.25)
    assert owner.get_config() == before


def test_a_schedule_and_weights_of_several_layers():
    scheduled = make("VAE", beta=keras.optimizers.schedules.PolynomialDecay(0.0, 10, 1.0))
    with pytest.raises(AttributeError, match="^beta of a VAE cannot be changed"):
        scheduled.beta = 4.0
    model = make("DFCVAE", feature_weight=(1.0, 2.0))
    model.feature_weight = [3.0, 4.0]
    assert model.get_config()["feature_weight"] == (3.0, 4.0) == model.feature_weight
    with pytest.raises(ValueError, match="give 2 numbers"):
        model.feature_weight = [3.0]
    with pytest.raises(TypeError, match="^feature_weight is 'much'; give a finite number"):
        model.feature_weight = ["much", 1.0]


def test_a_term_that_the_loss_does_not_have_is_not_weighed():
    model = make("Autoencoder")
    with pytest.raises(
        ValueError, match="^l2 was 0 when the model was made, .* new model with l2="
    ):
        model.l2 = 0.1
    model.l2 = 0.0
    assert model.l2 == 0.0


def test_a_changed_weight_is_saved_and_the_file_has_no_further_weights(tmp_path):
    model = make("VAE")
    model.beta = 4.0
    zoo.save(model, tmp_path / "vae")
    loaded = zoo.load(tmp_path / "vae")
    assert loaded.beta == 4.0
    assert float(array(loaded.beta.value)) == 4.0
    assert model.count_params() == sum(np.size(w) for w in model.get_weights())


class Annealing(keras.callbacks.Callback):
    """Changes a weight after the first batch, and notes the means of each epoch so far."""

    def __init__(self, setting):
        super().__init__()
        self.setting, self.means = setting, []

    def on_train_batch_end(self, batch, logs=None):
        self.means.append({name: float(value) for name, value in logs.items()})
        if batch == 0:
            setattr(self.model, self.setting, 10.0)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.backend
@pytest.mark.parametrize("jit", {"jax": [True], "torch": [False]}.get(BACKEND, [False, True]))
def test_a_callback_changes_a_weight_within_an_epoch_and_nothing_is_traced_again(jit):
    traces = []

    class Counting(zoo.VAE):
        def losses(self, batch, training):
            traces.append(len(traces))
            return super().losses(batch, training)

    x = np.random.default_rng(0).random((32, 4, 4, 1), np.float32)
    model = Counting((4, 4, 1), 2, hidden_units=(8,), beta=1.0)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=jit, steps_per_execution=1)
    noted = Annealing("beta")
    model.fit(x, batch_size=8, verbose=0, callbacks=[noted])
    traced = len(traces)
    model.fit(x, batch_size=8, verbose=0)
    assert len(traces) == traced or BACKEND == "torch"  # which runs every step anew
    loss, reconstruction, kl = (
        np.diff([0.0, *(n * means[name] for n, means in enumerate(noted.means, 1))])
        for name in ("loss", "reconstruction", "kl")
    )
    np.testing.assert_allclose(loss, reconstruction + [1, 10, 10, 10] * kl, rtol=1e-4)
    assert (kl > 1e-3).all()
    assert model.beta == model.get_config()["beta"] == 10.0
