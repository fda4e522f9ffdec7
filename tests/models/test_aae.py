"""The adversarial family: who is moved by which update, and what labels do."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats
from support.each_class import every_class, longer
from support.tiny import X, array, randomized

import zoo
from zoo import data
from zoo.models.base import Batch
from zoo.training.labeled_images import LabeledImages

pytestmark = pytest.mark.backend

LABELS = np.arange(12) % 4
KNOWN = np.where(np.arange(12) < 8, LABELS, -1)  # two of each class


def aae(**options):
    return zoo.AAE((4, 4, 1), 2, hidden_units=(5,), **options)


def informed(prior=None, **options):
    prior = prior or zoo.GaussianMixture.petals(4)
    return zoo.LabelInformedAAE(
        (4, 4, 1), 2, prior=prior, num_classes=4, hidden_units=(5,), **options
    )


def supervised(**options):
    return zoo.SupervisedAAE((4, 4, 1), 2, num_classes=4, hidden_units=(5,), **options)


def semi_supervised(**options):
    options = {"filters": (3,), "hidden_units": (5,), "decoder_hidden_units": (6,), **options}
    return zoo.SemiSupervisedAAE(
        (4, 4, 1),
        2,
        num_classes=4,
        discriminator_hidden_units=(5,),
        labeled_batch_size=6,
        **options,
    )


CHANGED = {
    "reconstruction": {"encoder", "decoder"},
    "discriminator": {"discriminator"},
    "generator": {"encoder"},
}
MODELS = {
    "AAE": (aae, CHANGED),
    "LabelInformedAAE": (informed, CHANGED),
    "SupervisedAAE": (supervised, CHANGED),
    "SemiSupervisedAAE": (
        semi_supervised,
        {
            "reconstruction": {"encoder", "trunk", "classifier", "decoder"},
            "discriminator": {"discriminator", "label_discriminator"},
            "generator": {"encoder", "trunk", "classifier"},
            "classification": {"encoder", "trunk", "classifier"},  # the encoder holds the trunk
        },
    ),
}


def batch_of(model, y=LABELS):
    label = ops.convert_to_tensor(np.asarray(y, "int32")) if model.learns_labels else None
    return Batch(ops.convert_to_tensor(X), label)


# Updates


@pytest.mark.parametrize("name", every_class(MODELS))
def test_each_update_changes_its_own_variables_and_no_others(name):
    """A rate of 0 keeps the other updates still."""
    make, changed = MODELS[name]
    for update, expected in changed.items():
        model = make()
        rates = {other: keras.optimizers.SGD(0.1 * (other == update)) for other in changed}
        model.compile(rates, run_eagerly=True)

        def values(model=model):
            return {
                part: [array(v) for v in getattr(model, part).trainable_variables]
                for part in model.network_names
            }

        before = values()
        labels = KNOWN if model.semi_supervised else LABELS
        model.fit(X, labels if model.learns_labels else None, verbose=0)
        moved = {
            part
            for part, weights in values().items()
            if any((a != b).any() for a, b in zip(before[part], weights, strict=True))
        }
        assert moved == expected


@longer
def test_the_generator_can_be_repeated():
    counts = {}
    for repeats in (1, 3):
        model = aae(generator_steps=repeats)
        model.compile(run_eagerly=True)
        model.fit(X, batch_size=6, verbose=0)
        counts[repeats] = [int(member.iterations) for member in model.optimizer.members.values()]
    assert counts == {1: [2, 2, 2], 3: [2, 2, 6]}


def test_labels_of_prior_samples_are_smoothed():
    """Binary cross-entropy with the target 0.9 for prior samples, and 0 for codes."""
    model = aae(label_smoothing=0.1)
    state = array(model.seed_generator.state).copy()
    samples = model.prior.draw(12, model.seed_generator)
    model.seed_generator.state.assign(state)
    found = array(model.discriminator_losses(batch_of(model), False).metrics["discriminator"])
    on_samples, on_codes = (
        1 / (1 + np.exp(-array(model.discriminator(ops.convert_to_tensor(z)))[:, 0]))
        for z in (samples, model.encode(X))
    )
    expected = -0.9 * np.log(on_samples) - 0.1 * np.log(1 - on_samples) - np.log(1 - on_codes)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_distance_is_the_sliced_wasserstein_one():
    model = zoo.AAE((4, 4, 1), 3, hidden_units=(5,))
    a, b = np.random.default_rng(0).normal(size=(2, 400, 3)).astype("float32")
    found = [
        float(array(model.sliced_wasserstein(*map(ops.convert_to_tensor, (a, b + 1)))))
        for _ in "ab"
    ]
    expected = zoo.metrics.sliced_wasserstein(a, b + 1, directions=2000)
    np.testing.assert_allclose(np.mean(found), expected, rtol=0.3)
    assert float(array(model.sliced_wasserstein(*map(ops.convert_to_tensor, (a, a))))) == 0
    along = np.linspace(-1, 1, 50)[:, None]
    one = zoo.AAE((4, 4, 1), 1, hidden_units=(5,))
    exact = float(
        array(one.sliced_wasserstein(*map(ops.convert_to_tensor, (along, 0.5 * along + 0.2))))
    )
    assert exact == pytest.approx(np.sqrt(np.mean((0.5 * along - 0.2) ** 2)), rel=1e-4)
    quantiles = stats.wasserstein_distance(along[:, 0], 0.5 * along[:, 0] + 0.2)
    assert quantiles <= exact  # the 1-distance bounds the 2-distance from below


def drawn(model, x):
    """Return a code of each image as steps draw them, [batch, latent_dim]."""
    return model.posterior(x, training=True).draw(1, model.seed_generator)[:, 0]


@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal"])
def test_a_posterior_is_a_setting_and_a_distribution_whose_codes_a_seed_repeats(posterior):
    model = randomized(aae(posterior=posterior))
    assert model.posterior_kind == model.get_config()["posterior"] == posterior
    x, noise = ops.convert_to_tensor(X), np.random.default_rng(3).standard_normal((12, 2), "f")
    codes = array(model.posterior(x).reparameterize(ops.convert_to_tensor(noise[:, None])))
    np.testing.assert_allclose(model.encode(X, sample=True, seed=3), codes[:, 0], rtol=1e-5)
    moved = np.abs(codes[:, 0] - model.encode(X)).max()
    assert (moved == pytest.approx(0, abs=1e-6)) == (posterior == "deterministic")
    for name in ("posterior", "posterior_kind"):
        with pytest.raises(AttributeError, match=f"{name} of a AAE cannot be changed"):
            setattr(model, name, "gaussian" if posterior != "gaussian" else "universal")


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
def test_codes_are_sampled_in_training_and_fixed_elsewhere(posterior):
    model = randomized(aae(posterior=posterior))
    x = ops.convert_to_tensor(np.repeat(X[:1], 20_000, axis=0))
    sampled = array(drawn(model, x))
    assert (sampled.std(axis=0) > 0.1).all()
    fixed = model.encode(X[:1])
    np.testing.assert_array_equal(fixed, model.encode(X[:1]))
    samples = model.encode(np.repeat(X[:1], 20_000, axis=0), sample=True, seed=3)
    np.testing.assert_allclose(samples.mean(axis=0), sampled.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(samples.std(axis=0), sampled.std(axis=0), rtol=0.05)
    few = model.encode(X, sample=True, seed=3, batch_size=5)
    np.testing.assert_allclose(few, model.encode(X, sample=True, seed=3), rtol=1e-5)
    if posterior == "gaussian":
        encode = model.parts()["encoder"].function
        found = {name: array(value)[0] for name, value in encode({"x": X[:1]}).items()}
        np.testing.assert_array_equal(found["z_mean"], fixed[0])
        np.testing.assert_allclose(sampled.mean(axis=0), fixed[0], atol=0.1)
        stddev = np.exp(found["z_log_var"] / 2)
        np.testing.assert_allclose(sampled.std(axis=0), stddev, rtol=0.03)
        model.encoder.get_layer("z_log_var").bias.assign([1e6, -1e6])
        assert np.isfinite(array(drawn(model, x))).all()
    else:
        noise = {"x": ops.convert_to_tensor(X[:1]), "noise": ops.zeros((1, 2))}
        np.testing.assert_allclose(array(model.noisy_encoder(noise)), fixed, atol=1e-6)


@longer
def test_a_saturated_discriminator_is_reported_once():
    far = zoo.GaussianMixture([[900.0, 900.0], [901.0, 900.0]])
    model = aae(prior=far)
    right = [np.ones((2, 5)), np.zeros(5), np.ones((5, 1)), np.full(1, -100.0)]
    model.discriminator.set_weights(right)  # a logit above 0 for a sum of codes above 20
    model.compile({name: keras.optimizers.SGD(0.0) for name in CHANGED})
    with pytest.warns(
        UserWarning, match="of AAE was right about every code and every prior sample"
    ) as said:
        model.fit(X, epochs=3, verbose=0)
    (message,) = [str(w.message) for w in said if "right about every code" in str(w.message)]
    assert "generator_steps" in message


def test_divergence_is_reported_by_name_and_ends_the_training():
    model = aae()
    model.compile(keras.optimizers.SGD(1e30))
    with pytest.warns(UserWarning, match="AAE diverged in epoch .*generator.* became NaN"):
        history = model.fit(X, epochs=20, verbose=0)
    assert len(history.epoch) < 20


# Labels


def test_prior_samples_for_the_discriminator_are_of_the_images_classes():
    model = informed()
    many = np.repeat(np.append(LABELS, -1), 300)
    batch = Batch(ops.zeros((len(many), 4, 4, 1)), ops.convert_to_tensor(many.astype("int32")))
    components = model.prior.component_of(array(model.prior_samples_like(batch)))
    assert np.mean(components[many >= 0] == many[many >= 0]) > 0.98
    assert set(components[many < 0]) == {0, 1, 2, 3}


def test_the_discriminator_has_a_class_for_unlabeled_images():
    model = informed()
    z = ops.zeros((5, 2))
    logits = array(model.logits(z, ops.convert_to_tensor(np.arange(-1, 4, dtype="int32")), False))
    assert len(np.unique(logits)) == 5
    direct = model.discriminator({"z": z[:1], "label": ops.convert_to_tensor([4])})
    np.testing.assert_allclose(logits[0], array(direct)[0, 0], rtol=1e-6)


@pytest.mark.parametrize("given", [None, [4, 3, 2, 1]])
def test_each_part_of_the_prior_gets_the_mass_of_its_class(given):
    model = informed(zoo.GaussianMixture.petals(4, probabilities=given))
    model.compile(jit_compile=False)
    y = np.array([0, 0, 0, 0, 1, 1, 2, 3, -1, -1, -1, -1])
    model.fit(X, y, verbose=0)
    expected = np.array([4, 2, 1, 1]) / 8 if given is None else np.array(given) / 10
    np.testing.assert_allclose(model.prior.probabilities, expected)
    copy = type(model).from_config(model.get_config())
    np.testing.assert_allclose(copy.prior.probabilities, expected)


@pytest.mark.slow
@pytest.mark.compiled
def test_codes_lie_in_the_part_of_their_class():
    (x, y), (x_test, y_test) = data.load("digits")
    prior = zoo.GaussianMixture.petals()
    model = zoo.LabelInformedAAE((8, 8, 1), 2, prior=prior, num_classes=10, hidden_units=(128, 128))
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5))
    model.fit(x, y, batch_size=64, epochs=40, verbose=0)
    assert np.mean(model.predict_labels(x) == y) > 0.8
    assert np.mean(model.predict_labels(x_test) == y_test) > 0.7  # other writers
    again = model.encode(model.generate(labels=np.arange(200) % 10, seed=0))
    assert np.mean(prior.component_of(again) == np.arange(200) % 10) > 0.7


@pytest.mark.slow
@pytest.mark.compiled
def test_few_labels_are_enough_to_learn_digits():
    (x, y), (x_test, y_test) = data.load("digits")
    options = {"filters": (8, 16), "hidden_units": (64,), "decoder_hidden_units": (64,)}
    model = zoo.SemiSupervisedAAE(
        (8, 8, 1), 4, num_classes=10, discriminator_hidden_units=(64,), **options
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(x, data.keep_labels(y, 100), batch_size=64, epochs=30, verbose=0)
    assert np.mean(model.predict_labels(x) == y) > 0.85
    logs = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    assert logs["label_entropy"] > 2.0  # no class was lost; ln 10 = 2.303 at most


@longer
def test_labels_come_from_the_labeled_images_only(monkeypatch):
    """Of a batch without labels nothing is classified; of one with some, these."""
    model = semi_supervised()
    losses = model.classification_losses(batch_of(model, KNOWN), False)
    found = array(losses.metrics["classification"])
    probability = model.predict_proba(X)
    np.testing.assert_allclose(found[:8], -np.log(probability[np.arange(8), LABELS[:8]]), rtol=1e-4)
    np.testing.assert_array_equal(found[8:], 0)
    model.compile(run_eagerly=True)
    seen, draw = [], LabeledImages.draw
    monkeypatch.setattr(LabeledImages, "draw", lambda *args: seen.append(draw(*args)) or seen[-1])
    model.fit(X, KNOWN, verbose=0)
    images, labels, _ = map(array, seen[0])
    rows = [int(np.flatnonzero((image == X).all(axis=(1, 2, 3)))[0]) for image in images]
    np.testing.assert_array_equal(labels, KNOWN[rows])
    assert (labels >= 0).all()


def test_the_decoder_reads_labels_as_certain_probabilities():
    model = semi_supervised()
    z = model.encode(X)
    both = ops.convert_to_tensor(np.concatenate([np.eye(4)[LABELS], z], axis=1).astype("float32"))
    expected = array(ops.sigmoid(model.mixing(both)))
    np.testing.assert_allclose(model.decode(z, LABELS), expected, atol=1e-6)


def test_the_encoder_of_a_supervised_one_sees_no_label():
    model = supervised()
    np.testing.assert_array_equal(model.encode(X), model.encode(X, LABELS))
    z = model.encode(X)
    first, second = model.decode(z, LABELS), model.decode(z, (LABELS + 1) % 4)
    assert not np.allclose(first, second)
    inputs = {name: [info.name for info in part.inputs] for name, part in model.parts().items()}
    code_and_label = ["z", "label"]
    assert inputs == {
        "encoder": ["x"],
        "decoder": code_and_label,
        "discriminator": code_and_label,
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: aae(label_smoothing=0.5), "label_smoothing is 0.5"),
        (lambda: aae(posterior="flow"), "posterior is 'flow'; choose one of deterministic"),
        (lambda: aae(posterior="universal", encoder=aae().encoder), "builds its own encoder"),
        (lambda: aae(generator_steps=0), "generator_steps is 0"),
        (lambda: aae(generator_weight=0.0), "generator_weight is 0.0"),
        (lambda: aae(prior=zoo.Normal(3)), "3 dimensions, but the codes have 2"),
        (lambda: informed(zoo.Normal(2)), "the prior has no components"),
        (lambda: semi_supervised(instance_noise=-1), "instance_noise is -1"),
        (lambda: semi_supervised(posterior="gaussian"), "takes no posterior="),
        (lambda: semi_supervised(encoder=aae().encoder), "takes no encoder="),
        (lambda: semi_supervised(probabilities=[1, 2]), "give 4 numbers above 0"),
        (lambda: informed(zoo.SwissRoll(5)), "num_classes is 4, but the prior has 5"),
        (lambda: informed(discriminator=aae().discriminator), "a dict of z and label"),
        (lambda: informed().generate(3, labels=[0, 1]), "n is 3, but there are 2 labels"),
        (lambda: informed().generate(labels=[4]), "integers from 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "learns from images and labels"),
        (np.zeros(12, int), "No training image of class 1, 2, 3 has a label"),
        (LABELS + 1, "integers from 0 to 3, or -1"),
    ],
)
def test_labels_that_do_not_fit_are_refused_before_training(y, message):
    model = informed()
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, verbose=0)


def test_a_discriminator_with_labels_gets_those_of_the_images():
    model = randomized(supervised())
    z = ops.convert_to_tensor(np.tile([[0.3, -0.2]], (4, 1)).astype("float32"))
    logits = array(model.logits(z, ops.convert_to_tensor(np.arange(4, dtype="int32")), False))
    assert len(np.unique(logits)) == 4
    assert [info.name for info in model.parts()["discriminator"].inputs] == ["z", "label"]
    assert supervised(conditional_discriminator=False).discriminator_classes == 0


@pytest.mark.slow
@pytest.mark.compiled
def test_codes_of_every_class_match_the_prior_if_the_discriminator_takes_labels():
    """A linear classifier finds less of the class in the code."""
    from sklearn.linear_model import LogisticRegression

    (x, y), _ = data.load("digits")
    found = {}
    for conditional_discriminator in (False, True):
        keras.utils.set_random_seed(1)
        model = zoo.SupervisedAAE(
            (8, 8, 1),
            4,
            num_classes=10,
            hidden_units=(64,),
            conditional_discriminator=conditional_discriminator,
        )
        model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5))
        model.fit(x, y, batch_size=64, epochs=60, verbose=0)
        probe = LogisticRegression(max_iter=500).fit(model.encode(x), y)
        found[conditional_discriminator] = probe.score(model.encode(x), y)
    assert found[True] < found[False] - 0.1
