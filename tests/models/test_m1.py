"""M1 and M1+M2: labels spread over codes, and a model of codes on top of a model of images."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomized, terms

import zoo
from zoo import data
from zoo.backend import backend
from zoo.inference import label_propagation
from zoo.models.base import Batch
from zoo.nn.distributions import likelihoods

pytestmark = pytest.mark.backend

CLASSES = 3
LABELS = np.arange(12) % CLASSES
KNOWN = np.where(np.arange(12) < 6, LABELS, -1)


def moons(each):
    """Two arcs, each inside the bend of the other: what neighbors tell and a line does not."""
    angle = np.linspace(0, np.pi, 150)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    codes = np.concatenate([upper, [1.0, 0.4] - upper]).astype("float32")
    labels = np.repeat([0, 1], 150)
    known = np.full(300, -1)
    known[::each] = labels[::each]
    return codes, labels, known


def m1(**options):
    return zoo.M1((4, 4, 1), 2, num_classes=CLASSES, hidden_units=(5,), **options)


def stacked(**options):
    lower = randomized(zoo.VAE((4, 4, 1), 4, hidden_units=(5,)), 0.3)
    return randomized(zoo.M1M2(lower, 2, num_classes=CLASSES, hidden_units=(5,), **options), 0.3)


# Labeling


@pytest.mark.parametrize("method", label_propagation.METHODS)
def test_every_method_labels_all_codes(method):
    codes, labels, known = moons(15)
    found = label_propagation.METHODS[method](codes, known)
    assert (found.shape, found.dtype) == ((300,), np.int32)
    assert np.mean(found == labels) > 0.8


def test_labels_that_are_spread_follow_the_shape_of_the_classes():
    codes, labels, known = moons(75)
    np.testing.assert_array_equal(label_propagation.spread(codes, known), labels)
    assert np.mean(label_propagation.svm(codes, known) == labels) < 1


def test_spreading_settles_where_the_closed_form_does():
    """F = (I - alpha S)^-1 Y with S = D^-1/2 W D^-1/2: Zhou et al. 2003."""
    generator = np.random.default_rng(0)
    codes, y = generator.normal(size=(40, 2)), np.full(40, -1)
    y[:6] = np.arange(6) % 3
    distances = np.linalg.norm(codes[:, None] - codes[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :5]
    last = np.take_along_axis(distances, nearest[:, -1:], axis=1)
    weights = np.zeros((40, 40))
    rows = np.arange(40)[:, None]
    weights[rows, nearest] = np.exp(-(distances[rows, nearest] ** 2) / (0.5 * np.median(last**2)))
    weights = np.maximum(weights, weights.T)
    degree = weights.sum(axis=1)
    similarity = weights / np.sqrt(degree[:, None] * degree[None])
    flow = np.linalg.solve(np.eye(40) - 0.9 * similarity, np.eye(3)[y] * (y >= 0)[:, None])
    found = label_propagation.spread(codes, y, neighbors=5, alpha=0.9)
    reached = flow.max(axis=1) > 1e-3
    np.testing.assert_array_equal(found[reached], flow.argmax(axis=1)[reached])
    assert reached.sum() > 30


def test_codes_that_are_all_the_same_are_labeled_all_the_same():
    codes, y = np.zeros((40, 2)), np.full(40, -1)
    y[:6] = np.arange(6) % 3
    with np.errstate(all="raise"):
        assert set(label_propagation.spread(codes, y)) <= {0, 1, 2}


def test_self_training_asks_for_two_labels_a_class():
    codes, _, known = moons(75)
    known[known == 0] = [0, -1]
    with pytest.raises(ValueError, match="at least two labeled images of each class"):
        label_propagation.self_train(codes, known)


# M1


def test_the_elbo_does_not_depend_on_labels(monkeypatch):
    first, second = m1(), zoo.VAE((4, 4, 1), 2, hidden_units=(5,))
    for part in ("encoder", "decoder"):
        getattr(second, part).set_weights(getattr(first, part).get_weights())
    monkeypatch.setattr(backend, "normal", lambda shape, seed: ops.ones(shape))
    found = terms(first, X)
    for name, expected in terms(second, X).items():
        np.testing.assert_array_equal(found.pop(name), expected)
    assert not found
    assert len(first.trainable_variables) == len(second.trainable_variables)


@pytest.mark.slow
@pytest.mark.compiled
def test_few_labels_are_enough_to_learn_digits():
    (x, y), (x_test, y_test) = data.load("digits")
    model = zoo.M1((8, 8, 1), 8, num_classes=10, hidden_units=(64,), classifier_epochs=60)
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(
        x,
        data.keep_labels(y, 100),
        epochs=25,
        batch_size=64,
        validation_data=(x_test, y_test),
        verbose=0,
    )
    assert "val_elbo" in history.history
    assert np.mean(model.predict_labels(x_test) != y_test) < 0.35  # other writers
    guessed = model.learn_labels(x, data.keep_labels(y, 100))
    assert np.mean(guessed == y) > 0.8
    assert np.mean(guessed == model.predict_labels(x)) > 0.95
    assert not model.classifier.trainable


def test_every_training_makes_a_new_classifier():
    model = m1(classifier_epochs=0)
    spoiled = [np.full(w.shape, 7.0) for w in model.classifier.get_weights()]
    model.classifier.set_weights(spoiled)
    model.learn_labels(X, KNOWN)
    for fresh in model.classifier.get_weights():
        assert not np.any(fresh == 7.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: m1(method="guessing"), "method is 'guessing'; choose one of spreading"),
        (lambda: zoo.M1((4, 4, 1), 2, num_classes=1), "num_classes is 1"),
    ],
)
def test_arguments_without_meaning_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_labels_that_cannot_be_learned_from_are_refused_before_training():
    model = m1()
    model.compile()
    before = model.get_weights()
    for y, message in (
        (np.where(LABELS == 0, 0, -1), "No training image of class 1, 2 has a label"),
        (LABELS + 1, "integers from 0 to 2, or -1"),
        (LABELS[:5], r"shape \(5,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, verbose=0)
    with pytest.raises(ValueError, match="give arrays"):
        model.fit((x for x in [X]), KNOWN)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# M1+M2


def test_the_stack_is_m2_on_mean_codes(monkeypatch):
    model = stacked()
    monkeypatch.setattr(backend, "normal", lambda shape, seed: ops.zeros(shape))
    upper = zoo.M2((4,), 2, num_classes=CLASSES, hidden_units=(5,), likelihood="learned_gaussian")
    for name in ("encoder", "decoder", "classifier"):
        getattr(upper, name).set_weights(getattr(model, name).get_weights())
    codes, y = model.lower.encode(X), LABELS
    np.testing.assert_allclose(model.predict_proba(X), upper.predict_proba(codes), rtol=1e-5)
    np.testing.assert_allclose(model.encode(X, y), upper.encode(codes, y), rtol=1e-4, atol=1e-6)
    labels = ops.convert_to_tensor(KNOWN.astype("int32"))
    found = model.losses(Batch(ops.convert_to_tensor(X), labels), False)
    expected = upper.losses(Batch(ops.convert_to_tensor(codes), labels), False)
    for name, metric in expected.metrics.items():
        np.testing.assert_allclose(array(found.metrics[name]), array(metric), rtol=1e-4, atol=1e-5)
    for summand, same in zip(found.terms, expected.terms, strict=True):
        np.testing.assert_allclose(array(summand), array(same), rtol=1e-4, atol=1e-5)
    z = model.encode(X, y)
    images = model.lower.decode(upper.decode(z, y))
    np.testing.assert_allclose(model.decode(z, y), images, atol=1e-6)


def test_codes_are_sampled_from_the_lower_posterior():
    model = stacked()
    x = np.repeat(X[:1], 20_000, axis=0)
    drawn = array(model.input_pixels(ops.convert_to_tensor(x), draw=True))
    mean, log_var = model.lower.posterior_moments(X[:1])
    np.testing.assert_allclose(drawn.mean(axis=0), mean[0], atol=0.05)
    np.testing.assert_allclose(drawn.std(axis=0), np.exp(0.5 * log_var[0]), rtol=0.03)


def test_the_lower_model_does_not_change():
    model = stacked()
    before = model.lower.get_weights()
    model.compile()
    model.fit(X, KNOWN, epochs=2, verbose=0)
    after = model.lower.get_weights()
    for a, b, variable in zip(before, after, model.lower.weights, strict=True):
        if "seed" not in variable.path:
            np.testing.assert_array_equal(a, b)
    copy = zoo.M1M2.from_config(model.get_config())
    assert isinstance(copy.decoder_likelihood, likelihoods.LearnedGaussian)
    assert len(copy.trainable_variables) == len(model.trainable_variables)
    assert not any("lower" in variable.path for variable in model.trainable_variables)


def test_the_lower_model_can_be_a_preset_and_is_copied(tmp_path):
    lower = zoo.load("vae_digits")
    model = zoo.M1M2("vae_digits", 2, num_classes=10, hidden_units=(5,))
    x = data.load("digits")[1][0][:20]
    np.testing.assert_array_equal(model.lower.encode(x), lower.encode(x))
    assert zoo.M1M2(lower, 2, num_classes=10).lower is not lower
    zoo.save(model, tmp_path / "stacked", storage="compact")
    copy = zoo.load(tmp_path / "stacked")
    np.testing.assert_allclose(copy.predict_proba(x), model.predict_proba(x), atol=0.02)
    assert copy.generate(labels=[3, 4], seed=0).shape == (2, 8, 8, 1)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: zoo.M1M2(None, 2, num_classes=3), TypeError, "lower is None"),
        (lambda: stacked(filters=(3,)), TypeError, "takes no filters="),
        (lambda: stacked().log_likelihood(X, LABELS), TypeError, "no likelihood of images"),
        (lambda: stacked().kl_and_log_prob(X, X), TypeError, "no likelihood of images"),
    ],
)
def test_methods_that_a_stack_does_not_have_are_refused(use, error, message):
    with pytest.raises(error, match=message):
        use()
