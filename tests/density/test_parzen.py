import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import KernelDensity

from zoo.density import ParzenWindows, base, parzen

generator = np.random.default_rng(0)


@pytest.mark.parametrize("bandwidth", [0.1, 0.8, 3.0])
def test_the_density_is_that_of_scikit_learn(bandwidth, monkeypatch):
    X, rows = generator.normal(size=(50, 4)), generator.normal(size=(23, 4))
    expected = KernelDensity(bandwidth=bandwidth).fit(X).score_samples(rows)
    density = ParzenWindows(bandwidth).fit(X)
    np.testing.assert_allclose(density.score_samples(rows), expected, rtol=1e-10)
    assert density.score(rows) == pytest.approx(expected.mean())
    monkeypatch.setattr(parzen, "BLOCK", 200)  # four rows at a time
    np.testing.assert_allclose(density.score_samples(rows), expected, rtol=1e-10)


def test_the_chosen_bandwidth_comes_near_the_best_one_of_a_normal_distribution():
    """With n rows in one dimension it is about (4 / 3 n)^(1/5) deviations (Silverman 1986)."""
    X, rows = generator.normal(0, 3, (2, 1000, 1))
    density = ParzenWindows(random_state=0).fit(X)
    assert density.bandwidth_ / (3 * (4 / 3000) ** 0.2) == pytest.approx(1.0, abs=0.6)
    assert density.score(rows) == pytest.approx(-stats.norm.entropy(0, 3), abs=0.06)


def test_the_unit_of_rows_changes_the_bandwidth_alone():
    X = generator.normal(size=(200, 3))
    one, other = (ParzenWindows(random_state=0).fit(c * X) for c in (1.0, 1000.0))
    assert other.bandwidth_ == pytest.approx(1000 * one.bandwidth_)


def test_samples_have_the_density():
    X = np.array([[-5.0, 0.0], [5.0, 0.0]])
    samples = ParzenWindows(0.5).fit(X).sample(4000, random_state=0)
    right = samples[samples[:, 0] > 0]
    assert len(right) / 4000 == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(right.mean(axis=0), [5, 0], atol=0.05)
    np.testing.assert_allclose(right.std(axis=0), 0.5, atol=0.03)


def test_memory_does_not_grow_with_the_number_of_rows_to_score():
    assert [len(range(100)[b]) for b in base.blocks(100, 32)] == [32, 32, 32, 4]
    assert len(base.blocks(5, 0)) == 5


@pytest.mark.parametrize(
    ("bandwidth", "X", "message"),
    [
        (0.0, np.zeros((5, 2)), "bandwidth is 0.0; give a finite number, above 0"),
        (None, np.zeros((5, 2)), "At least half of the rows are equal"),
        (None, np.eye(3), "There are 3 rows, and a width is chosen from at least 5"),
        (1.0, np.full((5, 2), np.nan), "NaN"),
        (1.0, np.zeros((5, 8, 8, 1)), r"Flatten images by X.reshape\(len\(X\), -1\)"),
    ],
)
def test_bad_input_is_refused(bandwidth, X, message):
    with pytest.raises(ValueError, match=message):
        ParzenWindows(bandwidth).fit(X)
