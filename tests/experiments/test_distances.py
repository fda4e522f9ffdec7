"""Distances, volumes and neighbors against closed forms, sampling and brute force."""

import numpy as np
import pytest
from scipy import ndimage

from zoo.experiments import distances


def test_a_move_is_the_bilinear_one_of_scipy():
    x = np.random.default_rng(0).random((3, 8, 8, 1)).astype("float32")
    expected = ndimage.shift(x, (0, 0.5, 0.5, 0), order=1, mode="grid-constant")
    np.testing.assert_allclose(distances.moved(x), expected, atol=1e-6)
    whole = distances.moved(x, 1.0)
    np.testing.assert_allclose(whole[:, 1:, 1:], x[:, :-1, :-1])
    assert not whole[:, 0].any()


def test_two_rows_are_erased_and_the_original_is_kept():
    x = np.ones((1, 28, 28, 1), "float32")
    damaged = distances.erased(x)
    assert distances.squared_distances(x, damaged) == [2 * 28]
    assert x.all()


@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_shares_of_volumes_are_those_of_samples(d):
    generator = np.random.default_rng(d)
    cube = generator.random((40_000, d))
    near = distances.in_cube_shell(cube).mean()
    assert near == pytest.approx(distances.shell(d), abs=0.01)
    # d coordinates of a point on a sphere in d + 2 dimensions are uniform in the ball.
    sphere = generator.normal(size=(40_000, d + 2))
    ball = (sphere / np.linalg.norm(sphere, axis=1, keepdims=True))[:, :d]
    near = (np.linalg.norm(ball, axis=1) > 1 - distances.SHELL).mean()
    assert near == pytest.approx(distances.shell(d), abs=0.01)
    if d <= 5:
        inside = (np.linalg.norm(2 * cube - 1, axis=1) < 1).mean()
        assert inside == pytest.approx(10 ** distances.log10_of_ball(d), abs=0.01)


def test_the_ball_in_a_square_and_in_a_cube():
    assert 10 ** distances.log10_of_ball(2) == pytest.approx(np.pi / 4)
    assert 10 ** distances.log10_of_ball(3) == pytest.approx(np.pi / 6)


def test_the_number_of_images_has_so_many_digits():
    assert distances.digits_of_power(256, 40_000) == 96_330
    assert 10**96_329 <= 256**40_000 < 10**96_330
    assert distances.digits_of_power(2, 10) == 4


def test_nearest_and_farthest_are_those_of_brute_force():
    generator = np.random.default_rng(0)
    a, b = generator.random((20, 3)), generator.random((30, 3))
    table = np.linalg.norm(a[:, None] - b[None], axis=-1)
    index, squared = distances.nearest_rows(a, b)
    np.testing.assert_array_equal(index, table.argmin(axis=1))
    np.testing.assert_allclose(squared, table.min(axis=1) ** 2)
    own = np.linalg.norm(a[:, None] - a[None], axis=-1)
    ratios = [np.sort(row)[1] / row.max() for row in own]
    assert distances.contrast(a) == pytest.approx(np.mean(ratios))


def test_neighbors_that_agree_are_counted():
    z, y = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([3, 4, 5, 5])
    z_test, y_test = np.array([[0.2], [10.2]]), np.array([3, 5])
    assert distances.neighbors_agree(z, y, z_test, y_test, k=2) == 75.0
