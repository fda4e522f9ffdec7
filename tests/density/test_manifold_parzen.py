import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from zoo.density import ManifoldParzen, ParzenWindows, manifold_parzen

generator = np.random.default_rng(0)


def by_hand(X, rows, d, k, noise):
    """Return the log-density of a mixture of Gaussians with full covariances."""
    each = []
    for x in X:
        nearest = np.argsort(np.sum((X - x) ** 2, axis=1))[1 : k + 1]
        steps = X[nearest] - x
        values, vectors = np.linalg.eigh(steps.T @ steps / k)
        values, vectors = values[::-1][:d], vectors[:, ::-1][:, :d]
        covariance = vectors * values @ vectors.T + noise * np.eye(len(x))
        each.append(multivariate_normal(x, covariance).logpdf(rows))
    return logsumexp(each, axis=0) - np.log(len(X))


@pytest.mark.parametrize(("d", "k"), [(0, 3), (1, 3), (2, 4), (3, 5), (5, 5)])
def test_the_density_is_a_mixture_with_full_covariances(d, k, monkeypatch):
    X, rows = generator.normal(size=(10, 3)), generator.normal(size=(7, 3))
    density = ManifoldParzen(d, k, 0.3).fit(X)
    expected = by_hand(X, rows, d, k, 0.3)
    np.testing.assert_allclose(density.score_samples(rows), expected, rtol=1e-10)
    monkeypatch.setattr(manifold_parzen, "BLOCK", 20)
    blocks = ManifoldParzen(d, k, 0.3).fit(X)
    np.testing.assert_allclose(blocks.score_samples(rows), expected, rtol=1e-10)


def test_more_features_than_neighbors_make_no_difference():
    X, rows = generator.normal(size=(12, 40)), generator.normal(size=(5, 40))
    found = ManifoldParzen(3, 4, 0.2).fit(X).score_samples(rows)
    np.testing.assert_allclose(found, by_hand(X, rows, 3, 4, 0.2), rtol=1e-10)


def test_without_directions_it_is_parzen_windows():
    X = generator.normal(size=(30, 4))
    np.testing.assert_allclose(
        ManifoldParzen(0, 3, 0.25).fit(X).score_samples(X),
        ParzenWindows(0.5).fit(X).score_samples(X),
    )


def test_constant_columns_and_repeated_rows_have_a_density():
    X = np.column_stack([generator.normal(size=20), np.ones(20)]).repeat(3, axis=0)
    density = ManifoldParzen(2, 2, 0.1).fit(X)  # the nearest neighbors of a row are equal to it
    np.testing.assert_allclose(density.variances_, 0.0)
    np.testing.assert_allclose(
        density.score_samples(X), ParzenWindows(0.1**0.5).fit(X).score_samples(X)
    )


def test_samples_lie_along_the_line_of_the_rows():
    line = np.linspace(-1, 1, 50)[:, None] * np.array([[3.0, 4.0]]) / 5
    density = ManifoldParzen(1, 6, 1e-6).fit(line)
    samples = density.sample(500, random_state=0)
    assert np.abs(samples @ [4 / 5, -3 / 5]).max() < 0.01
    between = np.abs((samples @ [3 / 5, 4 / 5])[:, None] - line @ [3 / 5, 4 / 5]).min(axis=1)
    assert between.max() > 0.01  # not at the rows alone


def test_the_chosen_variance_gives_new_rows_a_higher_density_than_windows():
    angle = generator.uniform(0, 2 * np.pi, (2, 300))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=2) + generator.normal(
        0, 0.01, (2, 300, 2)
    )
    local = ManifoldParzen(1, 5, random_state=0).fit(circle[0])
    assert (
        local.score(circle[1]) > ParzenWindows(random_state=0).fit(circle[0]).score(circle[1]) + 0.2
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 11}, "n_components is 11, but 10 neighbors span at most 10 directions"),
        ({"n_neighbors": 20, "n_components": 2}, "a row has 19 others, and 20 neighbors"),
        ({"noise_variance": 0.0}, "noise_variance is 0.0; give a finite number, above 0"),
        ({"n_neighbors": 0}, "n_neighbors is 0; give a whole number of at least 1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ManifoldParzen(**settings).fit(generator.normal(size=(20, 3)))
