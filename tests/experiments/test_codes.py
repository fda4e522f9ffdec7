"""Divergences, noise and probes of codes against SciPy, closed forms and constructed codes."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from zoo.experiments import codes


def test_the_penalty_is_least_at_a_variance_of_one():
    found = optimize.minimize_scalar(codes.penalty, bounds=(0.01, 5), method="bounded")
    assert found.x == pytest.approx(1, abs=1e-4)
    assert codes.penalty(1.0) == 0
    step = 1e-6
    slope = (codes.penalty(0.25 + step) - codes.penalty(0.25 - step)) / (2 * step)
    assert slope == pytest.approx(1 - 1 / 0.25, rel=1e-6)


def test_the_divergence_is_the_integral_of_its_definition():
    q, p = stats.norm(0.7, np.sqrt(0.3)), stats.norm(0, 1)

    def integrand(z):
        return q.pdf(z) * (q.logpdf(z) - p.logpdf(z))

    expected, _ = integrate.quad(integrand, -8, 8)
    found = codes.kl_to_normal(np.array([[0.7, 0.0]]), np.array([[0.3, 1.0]]))
    assert found == pytest.approx([expected], rel=1e-6)


def test_shuffled_pixels_are_those_of_each_image():
    x = np.random.default_rng(0).random((5, 4, 4, 1))
    noise = codes.shuffled_pixels(x, 1)
    np.testing.assert_array_equal(*(np.sort(a.reshape(5, -1)) for a in (x, noise)))
    assert not np.array_equal(x, noise)
    np.testing.assert_array_equal(noise, codes.shuffled_pixels(x, 1))


def test_probes_find_classes_where_they_are():
    generator = np.random.default_rng(0)
    y = np.arange(400) % 2
    noise = generator.normal(size=(400, 2))
    apart = noise + 10 * y[:, None]
    radius = 1 + 9.0 * y
    rings = radius[:, None] * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    half = slice(0, 200), slice(200, 400)
    for z, linear, neighbors in ((apart, 100, 100), (rings, 50, 100), (noise, 50, 50)):
        found = codes.probes(z[half[0]], y[half[0]], z[half[1]], y[half[1]])
        assert found == pytest.approx((linear, neighbors), abs=15)
