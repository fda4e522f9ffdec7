"""Masks in a folder: found by the names of images, resized and cropped as they are."""

import numpy as np
import pytest
from PIL import Image

from zoo import data


@pytest.fixture
def parts(tmp_path):
    """Write images of 40x30 pixels with a white square, and masks of this square."""
    for place in ("test/good", "test/cut", "masks/cut"):
        (tmp_path / place).mkdir(parents=True)
    pixels = np.zeros((30, 40), "uint8")
    Image.fromarray(pixels).save(tmp_path / "test/good/a.png")
    pixels[6:18, 15:27] = 255
    Image.fromarray(pixels).save(tmp_path / "test/cut/a.jpg", quality=95)
    Image.fromarray(pixels).save(tmp_path / "masks/cut/a_mask.png")
    return tmp_path


def read(parts, size=15, **options):
    images = data.from_folder(parts / "test", size, channels=1, validation=0)
    return images, data.masks_from_folder(parts / "masks", images, **options)


def test_masks_lie_where_the_defects_of_the_images_lie(parts):
    images, masks = read(parts)
    assert images.files == ("cut/a.jpg", "good/a.png")
    assert masks.shape == (2, 15, 15)
    assert not masks[1].any()
    np.testing.assert_array_equal(masks[0], np.asarray(images.images)[0, ..., 0] > 0.5)
    assert masks[0].sum() == 36  # half of the size, and cropped to 30x30 pixels


def test_the_name_of_the_image_alone_is_enough(parts):
    (parts / "masks/cut/a_mask.png").rename(parts / "masks/cut/a.png")
    assert read(parts)[1][0].any()


def test_images_without_masks_are_named(parts):
    (parts / "masks/cut/a_mask.png").rename(parts / "masks/cut/b_mask.png")
    with pytest.raises(FileNotFoundError, match=r"cut/a\.jpg: cut/a_mask\.png or .*normal="):
        read(parts)
    assert not read(parts, normal=("good", "cut"))[1].any()


def test_a_mask_of_another_size_is_refused(parts):
    Image.new("L", (30, 40), 255).save(parts / "masks/cut/a_mask.png")
    with pytest.raises(ValueError, match="has 30 x 40 pixels, but its image .* has 40 x 30"):
        read(parts)


def test_sides_are_compared_after_rotation(parts):
    pixels = np.zeros((30, 40), "uint8")
    pixels[6:18, 15:27] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the file is turned by a quarter
    Image.fromarray(np.rot90(pixels)).save(parts / "test/cut/a.jpg", exif=exif, quality=95)
    images, masks = read(parts)
    np.testing.assert_array_equal(masks[0], np.asarray(images.images)[0, ..., 0] > 0.5)


def test_a_defect_that_would_vanish_is_refused(parts):
    thin = np.zeros((30, 40), "uint8")
    thin[:, 20] = 255
    Image.fromarray(thin).save(parts / "masks/cut/a_mask.png")
    with pytest.raises(ValueError, match="covers less than 0.6 of every pixel"):
        read(parts, covered=0.6)
    assert read(parts, covered=0.5)[1][0].sum() == 15


def test_a_file_that_is_no_image_is_named(parts):
    (parts / "masks/cut/a_mask.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="a_mask.png cannot be read"):
        read(parts)


def test_a_mask_of_too_many_pixels_is_not_decoded(parts, monkeypatch):
    images = data.from_folder(parts / "test", 15, channels=1, validation=0)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "1000")
    with pytest.raises(ValueError, match="40 x 30 pixels"):
        data.masks_from_folder(parts / "masks", images)


@pytest.mark.parametrize("kind", ["ones", "photograph", "transparent"])
def test_what_is_no_mask_is_refused(parts, kind):
    pixels = np.zeros((30, 40), "uint8")
    pixels[6:18, 15:27] = 1
    image = Image.fromarray(pixels)
    if kind == "photograph":
        noise = np.random.default_rng(0).integers(0, 256, (30, 40))
        image = Image.fromarray(noise.astype("uint8"))
    if kind == "transparent":
        image = Image.merge("LA", [Image.fromarray(255 * pixels)] * 2)
    image.save(parts / "masks/cut/a_mask.png")
    said = "transparent pixels" if kind == "transparent" else "is no mask"
    with pytest.raises(ValueError, match=said):
        read(parts)


def test_one_normal_folder_may_be_a_name(parts):
    (parts / "masks/cut/a_mask.png").unlink()
    with pytest.raises(FileNotFoundError):
        read(parts, normal="cutter")
    (parts / "test/good/a.png").unlink()
    assert not read(parts, normal="cut")[1].any()
