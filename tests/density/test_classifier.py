import numpy as np
import pytest
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity
from sklearn.utils.estimator_checks import check_estimator

from zoo.density import (
    DensityClassifier,
    ManifoldParzen,
    NonLocalManifoldParzen,
    ParzenWindows,
    held_out,
)

generator = np.random.default_rng(0)
X = np.concatenate([generator.normal(0, 1, (60, 2)), generator.normal(2, 1, (30, 2))])
y = np.repeat(["a", "b"], [60, 30])


def test_classes_are_those_of_bayes_rule():
    """With one Gaussian a class, the rule is that of scikit-learn's naive Bayes."""
    one = GaussianMixture(1, covariance_type="diag", reg_covar=1e-9)
    found = DensityClassifier(one).fit(X, y)
    expected = GaussianNB().fit(X, y)
    np.testing.assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-4)
    assert list(found.predict(X)) == list(expected.predict(X))
    assert found.score(X, y) == expected.score(X, y)


def test_priors_change_the_probabilities_by_their_ratio():
    density = ParzenWindows(0.5)
    plain = DensityClassifier(density).fit(X, y).predict_log_proba(X)
    even = DensityClassifier(density, priors=[0.5, 0.5]).fit(X, y).predict_log_proba(X)
    ratio = (even[:, 0] - even[:, 1]) - (plain[:, 0] - plain[:, 1])
    np.testing.assert_allclose(ratio, np.log(30 / 60))


def test_far_rows_have_probabilities():
    proba = DensityClassifier(ParzenWindows(0.01)).fit(X, y).predict_proba([[1e4, 1e4]])
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


def test_a_density_of_scikit_learn_is_taken():
    classifier = DensityClassifier(KernelDensity(bandwidth=0.5)).fit(X, y)
    ours = DensityClassifier(ParzenWindows(0.5)).fit(X, y)
    np.testing.assert_allclose(classifier.predict_proba(X), ours.predict_proba(X), rtol=1e-8)


def test_digits_are_classified():
    from zoo import data

    (x, labels), (x_test, labels_test) = data.load("digits")
    classifier = DensityClassifier(ManifoldParzen(5, 10, 0.01))
    classifier.fit(x.reshape(-1, 64), labels)
    assert classifier.score(x_test.reshape(-1, 64), labels_test) > 0.96


@pytest.mark.parametrize(
    "density",
    [ParzenWindows(random_state=0), ManifoldParzen(1, 4, random_state=0)],
    ids=lambda density: type(density).__name__,
)
def test_all_classes_have_the_width_that_classifies_rows_left_out_best(density, monkeypatch):
    """Every candidate is tried by hand, on the same fifths."""
    widths = np.geomspace(0.05, 2.0, 5)
    monkeypatch.setattr(held_out, "_range_of_widths", lambda rows: (0.05, 2.0))
    monkeypatch.setattr(held_out, "CANDIDATES", 5)
    order = np.random.RandomState(0).permutation(len(X))
    scores = []
    for width in widths:
        right, log_proba = [], []
        for some in np.array_split(order, 5):
            kept = np.setdiff1d(order, some)
            given = DensityClassifier(density.with_width(width), priors=[0.5, 0.5])
            found = given.fit(X[kept], y[kept]).predict_log_proba(X[some])
            truth = (y[some] == "b").astype(int)
            right += list(found.argmax(axis=1) == truth)
            log_proba += list(found[np.arange(len(some)), truth])
        scores.append((np.mean(right), np.mean(log_proba)))
    best = widths[max(range(5), key=lambda i: scores[i])]
    power = 1 if density.width_parameter == "bandwidth" else 2
    for fitted in DensityClassifier(density).fit(X, y).densities_:
        given = getattr(fitted, f"{density.width_parameter}_")
        assert given == pytest.approx(best**power)


def test_nothing_has_to_be_set():
    classifier = DensityClassifier().fit(X, y)
    assert len({one.noise_variance_ for one in classifier.densities_}) == 1
    assert classifier.score(X, y) > 0.8


def test_of_many_rows_the_widths_come_from_those_that_are_drawn(monkeypatch):
    monkeypatch.setattr(held_out, "FEW", 10)
    monkeypatch.setattr(held_out, "MOST", 40)
    seen, taken = [], held_out._range_of_widths
    monkeypatch.setattr(held_out, "_range_of_widths", lambda x: seen.append(x) or taken(x))
    ParzenWindows(random_state=0).fit(np.arange(500.0)[:, None])
    assert len(seen[0]) == 40
    assert seen[0].max() > 300  # not the first ones


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": np.full(90, "a")}, "only one class"),
        ({"y": np.repeat(["a", "b"], [88, 2])}, "The rows of class b: .*a row has 1 others"),
        ({"priors": [1.0]}, "give 2 numbers above 0 with the sum 1"),
        ({"priors": [0.7, 0.7]}, "give 2 numbers above 0 with the sum 1"),
    ],
)
def test_bad_input_is_refused(changed, message):
    density = DensityClassifier(ManifoldParzen(1, 3, 0.1), priors=changed.get("priors"))
    with pytest.raises(ValueError, match=message):
        density.fit(X, changed.get("y", y))


@pytest.mark.parametrize(
    "estimator",
    [
        ParzenWindows(1.0),
        ManifoldParzen(1, 1, 1.0),
        DensityClassifier(ParzenWindows(1.0)),
        pytest.param(
            NonLocalManifoldParzen(
                1, 1, noise_variance=1.0, hidden_units=2, epochs=1, random_state=0
            ),
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda e: type(e).__name__,
)
def test_scikit_learns_checks_pass(estimator):
    failed = {
        result["check_name"]: result["exception"]
        for result in check_estimator(clone(estimator), on_fail=None)
        if result["status"] == "failed"
    }
    assert not failed
