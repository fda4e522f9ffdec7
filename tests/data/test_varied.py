"""Parts of images are what they are said to be."""

import numpy as np
import pytest

from zoo.data import varied


def ramp(n=3, height=12, width=8):
    """Images whose first channel is the row, and whose second is the column, from 0 to 1."""
    rows, columns = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.repeat(np.stack([rows, columns], axis=-1)[None], n, axis=0).astype("float32")


def test_images_come_first_then_mirror_images_then_parts():
    x = np.random.default_rng(0).random((3, 12, 8, 2)).astype("float32")
    found = varied(x, 4)
    assert (found.shape, found.dtype) == ((3 + 3 + 12, 12, 8, 2), np.float32)
    np.testing.assert_array_equal(found[:3], x)
    np.testing.assert_array_equal(found[3:6], x[:, :, ::-1])
    np.testing.assert_array_equal(found, varied(x, 4))
    assert not np.array_equal(found, varied(x, 4, seed=1))


def test_without_parts_there_are_images_and_mirror_images():
    x = np.random.default_rng(0).random((3, 4, 4, 1), "float32")
    found = varied(x, 0)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.concatenate([x, x[:, :, ::-1]]))


def test_whole_images_are_parts_of_themselves():
    x = np.random.default_rng(0).random((3, 12, 8, 2)).astype("float32")
    np.testing.assert_allclose(varied(x, 2, least=1, mirrored=False), np.tile(x, (3, 1, 1, 1)))


def test_a_part_is_a_rectangle_of_half_the_sides_or_more():
    """Of a ramp, a part is a ramp with half of its slope or more, at any place."""
    parts = varied(ramp(), 60, mirrored=False)[3:]
    for axis, channel in ((1, 0), (2, 1)):
        ends = parts[..., channel]
        low, high = ends.min(axis=(1, 2)), ends.max(axis=(1, 2))
        assert (low >= 0).all()
        assert (high <= 1).all()
        assert 0.35 < (high - low).min() < 0.7 < (high - low).max()
        assert (np.diff(ends, axis=axis) >= -1e-6).all()  # not mirrored
        assert low.std() > 0.05


def test_half_of_the_parts_are_mirrored():
    parts = varied(ramp(), 60)[6:]
    falling = (parts[:, 0, 0, 1] > parts[:, 0, -1, 1]).mean()
    assert 0.4 < falling < 0.6
    assert (parts[:, 0, 0, 0] < parts[:, -1, 0, 0]).all()  # never upside down


@pytest.mark.parametrize(
    ("x", "options", "match"),
    [
        (np.zeros((3, 8)), {}, r"\(3, 8\)"),
        (np.zeros((3, 8, 8, 1)), {"least": 0}, "least"),
        (np.zeros((3, 8, 8, 1)), {"copies": -1}, "copies"),
    ],
)
def test_other_arguments_are_refused(x, options, match):
    with pytest.raises(ValueError, match=match):
        varied(x, **options)
