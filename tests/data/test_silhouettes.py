"""Silhouettes and gray levels of clothes."""

import numpy as np
import pytest
from scipy import ndimage

from zoo import data
from zoo.experiments import translation


@pytest.fixture(scope="module")
def images():
    return data.load("digits")[0][0][:60]


def test_a_silhouette_is_the_object_with_its_holes_filled(images):
    expected = [ndimage.binary_fill_holes(image[..., 0] > 0.02) for image in images]
    np.testing.assert_array_equal(data.silhouettes(images)[..., 0], expected)
    found = data.silhouettes(images)
    assert (found.shape, found.dtype) == (images.shape, np.float32)


def test_objects_at_the_border_and_empty_images_are_silhouettes_too():
    full, empty = np.ones((1, 5, 5, 1)), np.zeros((1, 5, 5, 1))
    np.testing.assert_array_equal(data.silhouettes(full), full)
    np.testing.assert_array_equal(data.silhouettes(empty), empty)


def test_levels_are_those_of_a_flat_garment_and_nothing_is_outside_of_it(images):
    for shade, level in ((0.1, 1 / 3), (0.5, 2 / 3), (0.9, 1.0)):
        garment = np.zeros((1, 12, 12, 1), "float32")
        garment[:, 3:9, 3:9] = shade
        found = data.gray_levels(garment)
        np.testing.assert_allclose(found[garment > 0], level, rtol=1e-6)
        assert (found[garment == 0] == 0).all()
    found = data.gray_levels(images, 5)
    assert set(np.round(4 * np.unique(found), 5)) <= {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(found > 0, data.silhouettes(images) > 0)


def test_the_nearest_silhouette_is_found_by_comparing_all(images):
    shapes = data.silhouettes(images)
    others = data.silhouettes(data.load("digits")[1][0][:9])
    differ = (shapes[None] != others[:, None]).sum(axis=(2, 3, 4))
    found = translation.nearest(shapes, others)
    np.testing.assert_array_equal(differ[np.arange(9), found], differ.min(axis=1))


@pytest.mark.parametrize(
    ("images_", "says"),
    [
        (np.zeros((2, 4, 4)), r"the shape \(2, 4, 4\)"),
        (np.zeros((2, 4, 4, 3)), r"the shape \(2, 4, 4, 3\)"),
        (np.full((2, 4, 4, 1), 255.0), "go from 255.0"),
    ],
)
def test_images_that_have_no_silhouette_are_refused(images_, says):
    with pytest.raises(ValueError, match=says):
        data.silhouettes(images_)
    with pytest.raises(ValueError, match="levels is 1"):
        data.gray_levels(np.zeros((1, 4, 4, 1)), 1)
