"""EBGAN and BEGAN: their losses against the formulas, the balance k, and what they refuse."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomized

import zoo
from zoo.models.base import Batch
from zoo.models.ebgan import pulling_away
from zoo.training.monitors import ModeCollapseMonitor

pytestmark = pytest.mark.backend

SHAPE = (4, 4, 1)
CLASSES = (zoo.EBGAN, zoo.BEGAN)
SMALL = {"hidden_units": (5,)}


class Fixed(zoo.Normal):
    """A prior whose draws are all the same code, so that losses can be compared."""

    def draw(self, n, seed_generator, label=None):
        return ops.tile(ops.convert_to_tensor([[0.5, -1.0]]), (n, 1))


def fixed(cls, **options):
    model = randomized(cls(SHAPE, 2, prior_of_noise=Fixed(2), **SMALL, **options))
    sample = array(model.generated(ops.convert_to_tensor([[0.5, -1.0]])))
    return model, np.repeat(sample, len(X), axis=0)


def losses_of(model):
    batch = Batch(ops.convert_to_tensor(X))
    both = model.discriminator_losses(batch, False), model.generator_losses(batch, False)
    totals = [sum(array(summand) for summand in losses.terms) for losses in both]
    metrics = {name: array(value) for losses in both for name, value in losses.metrics.items()}
    return *totals, metrics


@pytest.mark.parametrize("margin", [0.5, 100.0])
def test_ebgan_minimizes_equations_1_and_2_of_the_paper(margin):
    model, samples = fixed(zoo.EBGAN, margin=margin, pulling_away_weight=0.3)
    on_images, on_samples = (
        ((images - model.reconstruct(images)) ** 2).sum(axis=(1, 2, 3)) for images in (X, samples)
    )
    discriminator, generator, metrics = losses_of(model)
    expected = on_images + np.maximum(0, margin - on_samples)
    np.testing.assert_allclose(discriminator, expected, rtol=1e-4)
    np.testing.assert_allclose(generator, on_samples + 0.3, rtol=1e-4)  # all codes alike: PT is 1
    np.testing.assert_allclose(metrics["energy_of_images"], on_images, rtol=1e-4)
    np.testing.assert_allclose(metrics["variance_of_samples"], 0.0, atol=1e-6)


def test_pulling_away_is_the_mean_squared_cosine_of_pairs():
    codes = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    cosines = [
        (a @ b / (np.linalg.norm(a) * np.linalg.norm(b))) ** 2
        for a, b in itertools.permutations(codes, 2)
    ]
    assert len(cosines) == 20
    np.testing.assert_allclose(array(pulling_away(codes)), np.mean(cosines), rtol=1e-5)
    np.testing.assert_allclose(array(pulling_away(np.eye(3, dtype="float32"))), 0.0, atol=1e-6)
    np.testing.assert_allclose(array(pulling_away(codes[:1])), 0.0, atol=1e-6)


def test_began_minimizes_the_objective_of_section_3_4():
    model, samples = fixed(zoo.BEGAN)
    model.k.assign(0.25)
    on_images, on_samples = (
        np.abs(images - model.reconstruct(images)).mean(axis=(1, 2, 3)) for images in (X, samples)
    )
    discriminator, generator, metrics = losses_of(model)
    np.testing.assert_allclose(discriminator, on_images - 0.25 * on_samples, rtol=1e-4)
    np.testing.assert_allclose(generator, on_samples, rtol=1e-4)
    np.testing.assert_allclose(metrics["balance"], 0.25)


@pytest.mark.parametrize("weight", [None, np.linspace(0, 2, len(X), dtype="float32")])
def test_the_balance_moves_as_the_paper_says(weight):
    model, samples = fixed(zoo.BEGAN, diversity=0.7, balance_rate=0.5)
    model.k.assign(0.0)
    share = np.ones(len(X)) if weight is None else weight
    on_images, on_samples = (
        np.average(np.abs(images - model.reconstruct(images)).mean(axis=(1, 2, 3)), weights=share)
        for images in (X, samples)
    )
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    model.fit(X, batch_size=len(X), verbose=0, sample_weight=weight)
    gap = 0.7 * on_images - on_samples
    np.testing.assert_allclose(array(model.k), np.clip(0.5 * gap, 0, 1), rtol=1e-4)
    logs = model.evaluate(X, verbose=0, return_dict=True)
    if weight is None:
        np.testing.assert_allclose(logs["loss"], on_images + abs(gap), rtol=1e-4)


@pytest.mark.parametrize(("k", "end"), [(1.0, 1.0), (0.0, 0.0)])
def test_the_balance_stays_between_0_and_1(k, end):
    model, _ = fixed(zoo.BEGAN, balance_rate=1e3)
    model.k.assign(k)
    sign = 1.0 if end else -1.0
    model.gap = lambda on_images, on_samples, batch: ops.convert_to_tensor(sign)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    model.fit(X, verbose=0)
    assert float(array(model.k)) == end


@pytest.mark.parametrize("cls", CLASSES)
def test_each_update_trains_its_networks_alone(cls):
    model = randomized(cls(SHAPE, 2, **SMALL))
    for update, others in (
        ("discriminator", ("generator",)),
        ("generator", ("encoder", "decoder")),
    ):
        before = {name: getattr(model, name).get_weights() for name in model.network_names}
        optimizers = {
            name: keras.optimizers.SGD(0.1 if name == update else 0.0) for name in model.updates
        }
        model.compile(optimizers, run_eagerly=True)
        model.fit(X, verbose=0)
        for name in model.network_names:
            pairs = zip(before[name], getattr(model, name).get_weights(), strict=True)
            changed = any((a != b).any() for a, b in pairs)
            assert changed == (name not in others), (update, name)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_generator_of_ones_own_is_taken_saved_and_exported(cls, tmp_path):
    z = keras.Input((2,))
    pixels = keras.layers.Reshape(SHAPE)(keras.layers.Dense(16)(z))
    model = cls(SHAPE, 2, generator=keras.Model(z, pixels), **SMALL)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = model.generate(5, seed=3)
    np.testing.assert_array_equal(loaded.generate(5, seed=3), images)
    noise = model.prior_of_noise.sample(5, seed=3)
    exported = model.parts()["generator"].function({"z": ops.convert_to_tensor(noise)})
    np.testing.assert_allclose(array(exported["x"]), images, rtol=1e-6)
    assert images.min() >= 0
    assert images.max() <= 1


def test_the_generators_noise_is_normal_or_uniform():
    assert zoo.EBGAN(SHAPE, 2, **SMALL).parts()["generator"].inputs[0].prior["kind"] == "normal"
    began = zoo.BEGAN.from_config(zoo.BEGAN(SHAPE, 2, **SMALL).get_config())
    assert isinstance(began.prior_of_noise, zoo.Uniform)
    assert began.parts()["generator"].inputs[0].prior == {
        "kind": "uniform",
        "low": -1.0,
        "high": 1.0,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "setting"), [(zoo.EBGAN, "pulling_away_weight="), (zoo.BEGAN, "diversity=")]
)
def test_samples_that_are_all_alike_are_reported_once_with_the_setting_that_helps(cls, setting):
    model, _ = fixed(cls)
    model.compile("adam", run_eagerly=True)
    with pytest.warns(UserWarning, match=f"nearly all alike: .* or raise {setting}") as told:
        model.fit(X, epochs=4, verbose=0)
    assert len([w for w in told if "all alike" in str(w.message)]) == 1


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (zoo.EBGAN, {"margin": 0.0}, "margin is 0.0"),
        (zoo.EBGAN, {"pulling_away_weight": -1.0}, "pulling_away_weight is -1.0"),
        (zoo.BEGAN, {"diversity": 1.5}, "diversity is 1.5"),
        (zoo.BEGAN, {"balance_rate": 0}, "balance_rate is 0"),
        (zoo.BEGAN, {"margin": 1.0}, "takes no margin="),
    ],
)
def test_numbers_out_of_their_range_are_refused(cls, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        cls(SHAPE, 2, **SMALL, **options)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"generator": 3}, TypeError, "generator= is 3; give a Keras model"),
        (
            {"generator": keras.Sequential([keras.Input((3,)), keras.layers.Dense(16)])},
            ValueError,
            r"generator takes \(3,\) and gives \(16,\)",
        ),
        ({"prior_of_noise": zoo.Normal(5)}, ValueError, "5 dimensions"),
        ({"likelihood": "categorical"}, ValueError, "the likelihood is Categorical"),
    ],
)
def test_bad_settings_are_refused(cls, options, kind, message):
    with pytest.raises(kind, match=message):
        cls(SHAPE, 2, **SMALL, **options)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_images_and_labels_are_refused(cls):
    model = cls(SHAPE, 2, **SMALL)
    for n, said in ((None, "Give the number"), (0, "n is 0"), (2.5, "n is 2.5; give a whole")):
        with pytest.raises(ValueError, match=said):
            model.generate(n)
    with pytest.raises(ValueError, match="takes no labels"):
        model.generate(labels=[1])


def test_samples_that_become_alike_again_are_not_reported_again():
    monitor = ModeCollapseMonitor()
    monitor.set_model(fixed(zoo.EBGAN)[0])

    def train():
        for epoch, share in enumerate((0.01, 0.5, 0.01, 0.01, 0.5, 0.01, 0.01)):
            monitor.on_epoch_end(epoch, {"variance_of_samples": share})

    with pytest.warns(UserWarning, match="in the epochs 3 and 4") as told:
        train()
    assert len(told) == 1
