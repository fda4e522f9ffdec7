"""Posteriors beside the Gaussian one."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import array

from zoo.nn.distributions import DiagonalNormal, ImplicitPosterior, PointMass

pytestmark = pytest.mark.backend

MEAN = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 0.0]], "float32")
NOISE = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")


def tensor(values):
    return ops.convert_to_tensor(values)


def test_a_point_mass_gives_its_code_and_takes_no_random_number():
    q, seed = PointMass(tensor(MEAN)), keras.random.SeedGenerator(3)
    before = array(seed.state).copy()
    drawn = array(q.draw(4, seed))
    np.testing.assert_array_equal(drawn, np.repeat(MEAN[:, None], 4, axis=1))
    np.testing.assert_array_equal(array(q.reparameterize(tensor(NOISE))), drawn)
    np.testing.assert_array_equal(array(seed.state), before)


def test_a_function_of_noise_draws_like_the_gaussian_that_it_computes():
    log_var = np.full((3, 2), np.log(0.25), "float32")
    gaussian = DiagonalNormal(tensor(MEAN), tensor(log_var))
    implicit = ImplicitPosterior(lambda noise: tensor(MEAN) + 0.5 * noise, 3, 2)
    for found, expected in (
        (implicit.reparameterize(tensor(NOISE)), MEAN[:, None] + 0.5 * NOISE),
        (gaussian.reparameterize(tensor(NOISE)), MEAN[:, None] + 0.5 * NOISE),
        (
            implicit.draw(4, keras.random.SeedGenerator(5)),
            array(gaussian.draw(4, keras.random.SeedGenerator(5))),
        ),
    ):
        np.testing.assert_allclose(array(found), expected, rtol=1e-6, atol=1e-6)
