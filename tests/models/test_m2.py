"""The semi-supervised models against sums over all labels."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import BACKEND, X, array, randomized

import zoo
from zoo.backend import backend
from zoo.checks.data import Data
from zoo.models.base import Batch

pytestmark = [pytest.mark.backend, pytest.mark.graph]

CLASSES = 3
LABELS = np.arange(12) % CLASSES


def m2(**options):
    return randomized(zoo.M2((4, 4, 1), 2, num_classes=CLASSES, hidden_units=(5, 4), **options))


def terms(model, labels, training=False):
    batch = Batch(ops.convert_to_tensor(X), ops.convert_to_tensor(np.asarray(labels, "int32")))
    found = model.losses(batch, training)
    summands = sum(array(summand) for summand in found.terms)
    return {"loss": summands, **{name: array(metric) for name, metric in found.metrics.items()}}


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(backend, "normal", lambda shape, seed: ops.zeros(shape))


def by_label(model):
    """Reconstruction and divergence of every image under every label, at mean codes, [n, C]."""
    columns = []
    for label in range(CLASSES):
        y = np.full(len(X), label)
        mean, log_var = model.posterior_moments(X, y)
        prior_mean, prior_log_var = np.zeros(2), np.zeros(2)
        if model.prior_network is not None:
            prior_mean, prior_log_var = model.prior.moments(y)
        ratio = (np.exp(log_var) + (mean - prior_mean) ** 2) / np.exp(prior_log_var)
        kl = 0.5 * (prior_log_var - log_var + ratio - 1).sum(axis=1)
        _, log_prob = model.kl_and_log_prob(X, mean, y)
        columns.append((-log_prob, kl))
    return np.moveaxis(np.array(columns), 0, -1)


@pytest.mark.parametrize("prior", [None, "learned"])
def test_unlabeled_images_are_summed_over_all_labels(prior, no_noise):
    model = m2(prior=prior)
    reconstruction, kl = by_label(model)
    q = model.predict_proba(X)
    found = terms(model, np.full(12, -1))
    np.testing.assert_allclose(found["reconstruction"], (q * reconstruction).sum(1), rtol=1e-4)
    np.testing.assert_allclose(found["kl"], (q * kl).sum(1), rtol=1e-4)
    np.testing.assert_allclose(found["label"], (q * np.log(q * CLASSES)).sum(1), atol=1e-5)
    bound = (q * (reconstruction + kl + np.log(CLASSES) + np.log(q))).sum(1)
    np.testing.assert_allclose(found["elbo"], -bound, rtol=1e-4)
    np.testing.assert_allclose(found["loss"], bound, rtol=1e-4)
    np.testing.assert_array_equal(found["classification"], 0)


def test_labeled_images_have_the_bound_of_their_label(no_noise):
    model = m2()
    reconstruction, kl = (term[np.arange(12), LABELS] for term in by_label(model))
    found = terms(model, LABELS)
    np.testing.assert_allclose(found["reconstruction"], reconstruction, rtol=1e-4)
    np.testing.assert_allclose(found["kl"], kl, rtol=1e-4)
    np.testing.assert_allclose(found["label"], np.log(CLASSES), rtol=1e-6)
    likelihood = model.predict_proba(X)[np.arange(12), LABELS]
    np.testing.assert_allclose(found["classification"], -np.log(likelihood), rtol=1e-4)
    bound = reconstruction + kl + np.log(CLASSES)
    np.testing.assert_allclose(found["loss"], bound - 10.0 * np.log(likelihood), rtol=1e-4)
    mixed = np.where(np.arange(12) < 6, LABELS, -1)
    both = terms(model, mixed)
    unlabeled = terms(model, np.full(12, -1))
    for name in ("elbo", "classification"):
        expected = np.where(mixed < 0, unlabeled[name], found[name])
        np.testing.assert_allclose(both[name], expected, rtol=1e-5)


def test_labeled_images_are_sampled_for_each_batch(no_noise):
    model = m2(labeled_batch_size=3000)
    y = np.where(np.arange(12) < 6, LABELS, -1)
    model.data_of_batches(Data(model, X, y))
    found = terms(model, np.full(12, -1), training=True)
    reconstruction, kl = (term[np.arange(6), LABELS[:6]] for term in by_label(model)[:, :6])
    bound = (reconstruction + kl + np.log(CLASSES)).mean()
    assert found["labeled_bound"] == pytest.approx(bound, rel=0.02)  # six labeled, six not
    likelihood = model.predict_proba(X[:6])[np.arange(6), LABELS[:6]]
    assert found["classification"] == pytest.approx(-np.log(likelihood).mean(), rel=0.05)


WEIGHTS = {
    "none": {},
    "for each image": {"sample_weight": np.full(12, 3.0)},
    "for each class": {"class_weight": dict.fromkeys(range(-1, CLASSES), 3.0)},
    "for labeled images": {"class_weight": dict.fromkeys(range(CLASSES), 3.0)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["M2", "SemiSupervisedAAE"])
def test_weights_count_for_images_with_and_without_a_label(name):
    start, found = None, {}
    for case, weights in WEIGHTS.items():
        model = getattr(zoo, name)((4, 4, 1), 2, num_classes=CLASSES, hidden_units=(5,), seed=0)
        start = start or model.get_weights()
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(0.0))
        y = np.where(np.arange(12) < 6, LABELS, -1)
        found[case] = model.fit(X, y, verbose=0, **weights).history
    of_labeled = ("classification", "labeled_bound") if name == "M2" else ("classification",)
    for term, factor in {"reconstruction": 1.0, **dict.fromkeys(of_labeled, 3.0)}.items():
        plain = found["none"][term][0]
        assert found["for each image"][term][0] == pytest.approx(3.0 * plain, rel=1e-5)
        assert found["for each class"][term][0] == pytest.approx(3.0 * plain, rel=1e-5)
        assert found["for labeled images"][term][0] == pytest.approx(factor * plain, rel=1e-5)


@pytest.mark.parametrize("name", ["M2", "SemiSupervisedAAE"])
def test_a_split_keeps_its_labels_for_the_validation(name):
    """The last four images have labels, and none of them is learned from."""
    model = getattr(zoo, name)((4, 4, 1), 2, num_classes=CLASSES, hidden_units=(5,))
    y = np.where((np.arange(12) < 4) | (np.arange(12) >= 8), LABELS, -1)
    model.compile(keras.optimizers.SGD(0.0))
    logs = model.fit(X, y, validation_split=1 / 3, verbose=0).history
    np.testing.assert_array_equal(model.labeled.arrays[0], X[:4])
    likelihood = model.predict_proba(X[8:])[np.arange(4), LABELS[8:]]
    assert logs["val_classification"][0] == pytest.approx(-np.log(likelihood).mean(), rel=1e-4)


def test_a_sampled_label_gives_the_bound_on_average(no_noise):
    model = m2()
    x = ops.convert_to_tensor(np.repeat(X[:1], 20_000, axis=0))
    features = model.trunk(x)
    q = ops.softmax(model.classifier(features))
    drawn = model.terms_of_sampled_label(x, features, q)
    expected = model.expected_terms(x[:1], features[:1], q[:1], True)
    for found, term in zip(map(array, drawn), expected, strict=True):
        assert abs(found.mean() - array(term)[0]) < 5 * found.std() / np.sqrt(len(found)) + 1e-4


@pytest.mark.parametrize("warm_up", [0, 2, 1000])
def test_the_warm_up_keeps_unlabeled_images_from_the_classifier(warm_up):
    model = m2(alpha=0.0, warm_up=warm_up)
    model.steps_taken.assign(0.0)
    before, phases = model.classifier.get_weights(), []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: phases.append(model.sampling_labels)
    )
    model.compile()
    model.fit(X, np.where(np.arange(12) < 6, LABELS, -1), epochs=4, verbose=0, callbacks=note)
    after = model.classifier.get_weights()
    moved = any((a != b).any() for a, b in zip(before, after, strict=True))
    assert moved == (warm_up < 4)
    assert phases == [step < warm_up for step in range(4)]
    assert float(array(model.steps_taken)) == 4


@pytest.mark.parametrize("warm_up", [0, 1000])
def test_the_warm_up_keeps_labels_from_the_trunk(warm_up):
    start, trunks = m2().get_weights(), []
    for alpha in (0.0, 1000.0):
        model = m2(alpha=alpha, warm_up=warm_up)
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(1e-3))
        model.fit(X, np.where(np.arange(12) < 6, LABELS, -1), shuffle=False, verbose=0)
        trunks.append(model.trunk.get_weights())
    same = all(np.allclose(a, b, atol=1e-6) for a, b in zip(*trunks, strict=True))
    assert same == (warm_up > 0)


@pytest.mark.slow
def test_an_epoch_that_leaves_the_warm_up_sums_over_the_labels():
    """Where the gradient reaches q(y | x), a drawn label would give it the entropy's part alone."""
    model, phases = m2(warm_up=5), []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: phases.append(model.sampling_labels)
    )
    model.compile()
    y = np.where(np.arange(12) < 6, LABELS, -1)  # six without a label: two steps an epoch
    model.fit(X, y, batch_size=3, epochs=4, verbose=0, callbacks=[note])
    assert phases == [True, True, False, False]


@pytest.mark.slow
@pytest.mark.compiled
def test_few_labels_are_enough_to_learn_digits():
    (x, y), (x_test, y_test) = zoo.data.load("digits")
    model = zoo.M2((8, 8, 1), 4, num_classes=10, hidden_units=(64,), warm_up=100)
    model.compile(keras.optimizers.Adam(3e-3), jit_compile=BACKEND == "jax")
    model.fit(x, zoo.data.keep_labels(y, 100), batch_size=64, epochs=15, verbose=0)
    assert np.mean(model.predict_labels(x_test) != y_test) < 0.25
    logs = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    cross_entropy = -np.log(model.predict_proba(x_test)[np.arange(len(y_test)), y_test]).mean()
    assert logs["classification"] == pytest.approx(cross_entropy, rel=1e-3)


def test_codes_need_no_labels_if_the_model_predicts_them():
    model = m2()
    np.testing.assert_array_equal(model.encode(X), model.encode(X, model.predict_labels(X)))
    probability = model.predict_proba(X)
    assert probability.shape == (12, CLASSES)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: m2(alpha=-1), "alpha is -1"),
        (lambda: m2(labeled_batch_size=0), "labeled_batch_size is 0"),
        (lambda: m2(corruption={"masking": 0.1}), "takes no corruption="),
        (lambda: zoo.M2((4, 4, 1), 2, num_classes=3, hidden_units=()), "hidden_units is empty"),
        (lambda: zoo.M2(encoder=1, decoder=1, num_classes=3), "takes no encoder="),
    ],
)
def test_arguments_without_meaning_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_labels_that_cannot_be_learned_from_are_refused():
    model = m2()
    model.compile()
    with pytest.raises(ValueError, match="No training image of class 1, 2 has a label"):
        model.fit(X, np.where(LABELS == 0, 0, -1))
    with pytest.raises(ValueError, match="No training image of class 0, 1, 2 has a label"):
        model.fit(X, np.full(12, -1))
    with pytest.raises(ValueError, match=r"integers from 0 to 2, or -1 for images without"):
        model.fit(X, LABELS - 2)
    with pytest.raises(ValueError, match="-1 where unknown; y is missing"):
        model.fit(X)
    supervised = zoo.CVAE((4, 4, 1), 2, num_classes=3, hidden_units=(4,))
    supervised.compile()
    with pytest.raises(ValueError, match="-1, are for semi-supervised models such as zoo.M2"):
        supervised.fit(X, np.full(12, -1))


@pytest.mark.slow
@pytest.mark.compiled
def test_a_step_is_made_again_only_for_other_labeled_images():
    """What failed in between does not count, and all labels known are other ones than a few."""
    model = m2()
    model.compile(jit_compile=BACKEND == "jax")
    few = np.where(np.arange(12) < 6, LABELS, -1)
    model.fit(X, few, batch_size=6, verbose=0)
    first = model.train_function
    assert first is not None
    model.fit(X, few.copy(), batch_size=6, verbose=0)
    assert model.train_function is first
    with pytest.raises(ValueError, match="No training image of class 2 has a label"):
        model.fit(X, np.where(np.arange(12) < 2, LABELS, -1), verbose=0)
    known = model.fit(X, LABELS, batch_size=6, verbose=0).history
    assert known["labeled_bound"] == [0.0]  # the labels are the batch's own
    assert model.train_function is not first
    others = np.where(np.arange(12) >= 6, LABELS, -1)
    model.fit(X, few, batch_size=6, verbose=0)
    second = model.train_function
    model.fit(X, others, batch_size=6, verbose=0)
    assert model.train_function is not second
