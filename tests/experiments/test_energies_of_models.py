"""The energies of an ellipse with latent numbers, and how it is fitted."""

import numpy as np
import pytest
from scipy import optimize, special, stats

import zoo
from zoo.experiments import energies_of_models as models
from zoo.nn import energies


@pytest.mark.parametrize(
    ("beta", "strength"), [(1.0, np.inf), (25.0, np.inf), (np.inf, np.inf), (np.inf, 1.0)]
)
def test_the_gradient_is_that_of_finite_differences(beta, strength):
    y, w = models.noisy_ellipse(40, 0), np.array([1.7, 1.2])

    def value(w):
        return energies.free_energy(models.energies_of(y, w, strength)[0], beta).mean()

    expected = optimize.approx_fprime(w, value, 1e-7)
    np.testing.assert_allclose(models.gradient(y, w, beta, strength), expected, atol=1e-5)


def test_the_free_energy_of_a_circle_is_a_bessel_function():
    """The mean of exp(2 beta w |y| cos z) over angles z is I_0(2 beta w |y|)."""
    y, beta, w = np.array([[0.0, 0.0], [0.3, -0.4], [2.0, 1.0]]), 3.0, 1.5
    radius = np.linalg.norm(y, axis=1)
    expected = (radius - w) ** 2 - np.log(special.ive(0, 2 * beta * w * radius)) / beta
    found = energies.free_energy(models.energies_of(y, (w, w))[0], beta)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_the_free_energy_is_a_negative_log_likelihood_but_for_a_constant():
    y, beta = models.noisy_ellipse(10, 0), 25.0
    angles = np.linspace(0, 2 * np.pi, models.ANGLES, endpoint=False)
    centers = energies.ellipse(angles, *models.TRUE)
    normal = stats.norm(scale=(2 * beta) ** -0.5)
    densities = normal.pdf(y[:, None] - centers).prod(axis=-1).mean(axis=1)
    free = energies.free_energy(models.energies_of(y, models.TRUE)[0], beta)
    np.testing.assert_allclose(np.log(densities), -beta * free + np.log(beta / np.pi))


def test_a_circle_with_a_radius_has_a_closed_form():
    """F(y) = strength (|y| - w)^2 / (strength + w^2); it vanishes without the regularizer."""
    angles = 2 * np.pi * np.arange(0, models.ANGLES, 7) / models.ANGLES
    radius, w = np.linspace(0.2, 3, len(angles)), 1.5
    y = energies.ellipse(angles, 1, 1) * radius[:, None]
    for strength in (0.0, 0.3, 2.0):
        found = models.energies_of(y, (w, w), strength)[0].min(axis=-1)
        expected = strength * (radius - w) ** 2 / (strength + w**2)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_infinite_strength_is_the_limit():
    y = models.noisy_ellipse(10, 0)
    limit, r = models.energies_of(y, models.TRUE, 1e9)
    np.testing.assert_allclose(limit, models.energies_of(y, models.TRUE)[0], atol=1e-6)
    np.testing.assert_allclose(r, 1, atol=1e-6)


def test_points_without_noise_give_the_true_ellipse():
    y = models.noisy_ellipse(100, 0, noise=0.0)
    for beta, strength in ((np.inf, np.inf), (np.inf, 1.0), (1e3, np.inf)):
        np.testing.assert_allclose(models.descend(y, beta, strength, 200), (2, 1), atol=5e-3)


def test_the_fit_is_that_of_another_optimizer():
    y = models.noisy_ellipse(100, 0)

    def value(w):
        return energies.free_energy(models.energies_of(y, w)[0], 5.0).mean()

    found = optimize.minimize(value, models.START, method="Nelder-Mead")
    np.testing.assert_allclose(models.descend(y, 5.0), found.x, atol=1e-3)


def test_without_a_regularizer_nothing_is_learned():
    y = models.noisy_ellipse(100, 0)
    np.testing.assert_allclose(models.descend(y, np.inf, 0.0), models.START, atol=5e-3)


def test_the_angle_of_the_spiral_grows_with_its_radius_and_distances_are_those_of_a_tree():
    from scipy.spatial import cKDTree

    x = models.spiral(400, 1)
    radius = np.linalg.norm(x, axis=1)
    angle = np.arctan2(x[:, 1], x[:, 0])
    difference = np.angle(np.exp(1j * (2.5 * np.pi * radius - angle)))
    away = radius > 0.4
    assert np.abs(radius[away] * difference[away]).max() < 0.5
    assert (radius.min(), radius.max()) == pytest.approx((0.1, 1.0), abs=0.1)
    y = np.random.default_rng(0).normal(size=(30, 2))
    np.testing.assert_allclose(models.distances_to(y, x), cKDTree(x).query(y)[0], rtol=1e-6)


def test_the_energy_of_an_autoencoder_is_its_squared_error():
    model = zoo.Autoencoder((2,), 1, hidden_units=(), likelihood="squared_error", seed=1)
    y = models.spiral(7, 1)
    expected = [np.sum((model.reconstruct(point[None])[0] - point) ** 2) for point in y]
    np.testing.assert_allclose(models.reconstruction_energy(model, y), expected, rtol=1e-5)
