"""The Gaussian copula: its correlation, its marginals, and what it cannot know."""

import numpy as np
import pytest
from scipy.stats import kendalltau, ks_2samp, norm

import zoo
from zoo.density import GaussianCopula

R = np.array([[1, 0.8, -0.3], [0.8, 1, 0.1], [-0.3, 0.1, 1]])


def drawn(n, seed=0):
    return np.random.default_rng(seed).multivariate_normal(np.zeros(3), R, n)


def test_the_correlation_of_normal_scores_is_found_whatever_the_marginals():
    g = drawn(20_000)
    x = np.column_stack([np.exp(g[:, 0]), g[:, 1] ** 3, 100 + g[:, 2]])  # monotone
    copula = GaussianCopula(random_state=0).fit(x)
    np.testing.assert_allclose(copula.correlation_, R, atol=0.02)
    rows = copula.sample(20_000, random_state=1)
    for j in range(3):
        assert ks_2samp(rows[:, j], x[:, j]).pvalue > 1e-3
    assert rows.min(axis=0).tolist() >= x.min(axis=0).tolist()
    for i, j in ((0, 1), (0, 2), (1, 2)):  # Kendall's tau of a Gaussian copula
        tau = kendalltau(rows[:, i], rows[:, j]).statistic
        assert tau == pytest.approx(2 / np.pi * np.arcsin(R[i, j]), abs=0.02)


def test_categories_keep_their_shares_and_go_with_numbers():
    g = drawn(20_000)
    kind = np.digitize(g[:, 1], norm.ppf([0.2, 0.5]))  # shares of 0.2, 0.3, 0.5
    x = np.column_stack([g[:, 0], np.eye(3)[kind], g[:, 2]])
    copula = GaussianCopula([(1, 4)], random_state=0).fit(x)
    assert copula.sources_ == [0, 1, 4]
    rows = copula.sample(20_000, random_state=1)
    np.testing.assert_array_equal(rows[:, 1:4].sum(axis=1), 1)
    np.testing.assert_allclose(rows[:, 1:4].mean(axis=0), [0.2, 0.3, 0.5], atol=0.02)
    means, expected = ([a[a[:, 1 + k] == 1, 0].mean() for k in range(3)] for a in (rows, x))
    assert expected[2] - expected[0] > 1.5  # they go together
    # Ranks that are drawn within a category weaken the correlation.
    assert means[2] - means[0] > 0.7 * (expected[2] - expected[0])
    assert means == sorted(means)


def test_ties_and_columns_that_determine_each_other():
    generator = np.random.default_rng(0)
    x = np.where(generator.random((3000, 1)) < 0.7, 0, generator.lognormal(size=(3000, 1)))
    x = np.concatenate([x, 2 * x], axis=1)
    rows = GaussianCopula(random_state=0).fit(x).sample(5000, random_state=0)
    assert (rows == 0).mean(axis=0) == pytest.approx([0.7, 0.7], abs=0.03)
    twice = np.arange(50.0)[:, None] * [1, 3]
    rows = GaussianCopula().fit(twice).sample(100, random_state=0)
    np.testing.assert_allclose(rows[:, 1], 3 * rows[:, 0], rtol=1e-6, atol=1e-6)


def test_a_seed_gives_the_same_rows():
    copula = GaussianCopula(random_state=0).fit(drawn(50))
    a, b, c = (copula.sample(5, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).all()


def test_what_it_cannot_learn_from_is_refused():
    with pytest.raises(ValueError, match="A category of X is not one-hot"):
        GaussianCopula([(0, 2)]).fit([[0.5, 0.5], [1, 0]])
    with pytest.raises(ValueError, match="minimum of 2"):
        GaussianCopula().fit([[1.0]])
    with pytest.raises(ValueError, match="NaN"):
        GaussianCopula().fit([[1.0], [np.nan]])
    with pytest.raises(ValueError, match="n_samples is 0"):
        zoo.density.GaussianCopula().fit([[1.0], [2.0]]).sample(0)


@pytest.mark.parametrize("pairs", [[(-2, 0)], [(2, 4), (3, 4)], [(0, 5)]])
def test_categories_that_are_no_columns_are_refused(pairs):
    rows = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]], float)
    with pytest.raises(ValueError, match="categories is"):
        GaussianCopula(pairs).fit(rows)


def test_a_table_with_categories_is_answered_with_the_way_to_numbers():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": np.arange(40.0) ** 2, "kind": ["a", "b"] * 20})
    with pytest.raises(ValueError, match=r"'a': X must hold numbers.*from_table\(X\)"):
        zoo.density.GaussianCopula().fit(frame)
