"""Squares of photographs at their own size."""

import numpy as np
import pytest
from PIL import Image

from zoo import data

IMAGES = [np.arange(i, i + 30 * 40 * 3).reshape(30, 40, 3).astype("uint8") for i in (0, 7)]


def test_squares_are_parts_of_the_images():
    found = data.patches(IMAGES, n=20, side=12, mirrored=False)
    assert (found.shape, found.dtype) == ((20, 12, 12, 3), np.uint8)
    for patch in found:
        assert any(
            (image[i : i + 12, j : j + 12] == patch).all()
            for image in IMAGES
            for i in range(19)
            for j in range(29)
        )


def test_half_of_them_are_mirrored_and_a_seed_gives_the_same():
    plain = data.patches(IMAGES[:1], n=40, side=30, mirrored=False, seed=3)
    mirrored = data.patches(IMAGES[:1], n=40, side=30, seed=3)
    np.testing.assert_array_equal(mirrored, data.patches(IMAGES[:1], n=40, side=30, seed=3))
    # Neighbors in a row differ by 3, to the right or to the left.
    signs = [int(patch[0, 1, 0]) - int(patch[0, 0, 0]) in (3, 3 - 256) for patch in mirrored]
    assert 8 < sum(signs) < 32
    assert all(int(p[0, 1, 0]) - int(p[0, 0, 0]) in (3, 3 - 256) for p in plain)


def test_a_folder_is_read_with_its_subfolders(tmp_path):
    (tmp_path / "more").mkdir()
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
    Image.fromarray(np.zeros((20, 20), "uint8")).save(tmp_path / "more" / "gray.png")
    Image.fromarray(IMAGES[0][:5]).save(tmp_path / "small.png")
    found = data.patches(tmp_path, n=30, side=20)
    assert found.shape == (30, 20, 20, 3)
    assert (found.reshape(30, -1) == 0).all(axis=1).any()


def test_no_images_and_small_ones_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        data.patches(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="holds no images"):
        data.patches(tmp_path)
    with pytest.raises(ValueError, match="None of the 2 images has 31 pixels on both sides"):
        data.patches(IMAGES, side=31)
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        data.patches(tmp_path)
    for image in (IMAGES[0] / 255, IMAGES[0][..., 0], np.zeros((30, 40, 4), "uint8")):
        with pytest.raises(ValueError, match=r"uint8 and \[height, width, 3\] are expected"):
            data.patches([image], side=8)


def test_data_in_the_folder_that_is_not_named_say_so(monkeypatch):
    monkeypatch.delenv("ZOO_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="ZOO_DATA names, which is not set"):
        data.load("bsds500")


@pytest.mark.slow
def test_the_free_photographs_come_with_the_packages():
    (x, y), (x_test, _) = data.load("photographs")
    assert (x.shape, x_test.shape, y) == ((2000, 128, 128, 3), (48, 128, 128, 3), None)
    assert x.dtype == np.float32
    assert x.min() >= 0
    assert x.max() <= 1
    assert len({patch.tobytes() for patch in x}) > 1990  # some are black
