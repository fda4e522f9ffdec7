"""Images of any kind are read in 8 bits, and what they lose is said."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zoo.data.whole_images import read_image, write_image


def saved(path, image, **options):
    image.save(path, **options)
    return path


GRAY = np.arange(60, dtype="uint8").reshape(6, 10)
SIXTEEN = (np.arange(60).reshape(6, 10) * 1000).astype("uint16")
COLORS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), "uint8")


def test_colors_are_read_as_they_are(tmp_path):
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(COLORS)))
    assert (found.pixels == COLORS).all()
    assert found.changes == []


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_images_have_the_channels_that_are_asked_for(tmp_path, channels):
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(GRAY)), channels)
    assert (found.pixels == GRAY[..., None]).all()
    assert found.pixels.shape == (6, 10, channels)
    assert found.changes == ([] if channels == 1 else ["gray becomes three channels"])


def test_sixteen_bits_become_eight(tmp_path):
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(SIXTEEN)), 1)
    assert (found.pixels[..., 0] == np.rint(SIXTEEN / 257)).all()
    assert found.changes == ["16 bits a channel become 8"]


def test_transparent_pixels_are_put_on_white(tmp_path):
    image = np.dstack([COLORS, np.full((6, 10), 0, "uint8")])
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(image)))
    assert (found.pixels == 255).all()
    assert found.changes == ["transparent pixels are put on white"]


def test_an_image_on_its_side_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(COLORS), exif=exif))
    assert (found.pixels == np.rot90(COLORS, -1)).all()
    assert found.changes == ["it is turned upright"]


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.fromarray(COLORS), Image.fromarray(255 - COLORS)]
    path = tmp_path / "a.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    found = read_image(path)
    assert (found.pixels == COLORS).all()
    assert found.changes == ["only the first of 2 frames is read"]


def test_a_color_profile_metadata_and_further_bits_are_said_to_be_lost(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "mine"
    path = saved(tmp_path / "a.png", Image.fromarray(COLORS), exif=exif, icc_profile=b"profile")
    assert read_image(path).changes == [
        "its color profile is left out",
        "its metadata (EXIF) are left out",
    ]
    sixteen = b"\x89PNG\r\n\x1a\n"  # one pixel of 16 bits a channel
    for kind, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" + bytes(range(6)))),
        (b"IEND", b""),
    ):
        sixteen += struct.pack(">I", len(body)) + kind + body
        sixteen += struct.pack(">I", zlib.crc32(kind + body))
    (tmp_path / "b.png").write_bytes(sixteen)
    assert read_image(tmp_path / "b.png").changes == ["16 bits a channel become 8"]
    cmyk = saved(tmp_path / "c.jpg", Image.fromarray(COLORS).convert("CMYK"))
    assert read_image(cmyk).changes == ["CMYK becomes RGB"]


def test_an_image_beyond_the_limit_of_pillow_is_refused(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(COLORS))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ValueError, match="ZOO_MAX_PIXELS"):
        read_image(path)


def test_large_images_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(COLORS))
    with pytest.raises(ValueError, match="has 10 x 6 pixels; max_pixels"):
        read_image(path, max_pixels=59)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "10")
    with pytest.raises(ValueError, match="ZOO_MAX_PIXELS"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"no image", "cut"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "a.png"
    if content == "cut":
        saved(path, Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90), "uint8")))
        content = path.read_bytes()[:300]
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        read_image(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_image(tmp_path / "b.png")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".PNG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_written_without_loss(tmp_path, suffix, channels):
    path = tmp_path / f"a{suffix}"
    write_image(path, COLORS[..., :channels])
    assert (read_image(path, channels).pixels == COLORS[..., :channels]).all()


def test_images_that_webp_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="16,383 pixels a side"):
        write_image(tmp_path / "a.webp", np.zeros((1, 16384, 1), "uint8"))


def test_files_with_loss_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"end its name in \.png or \.webp"):
        write_image(tmp_path / "a.jpg", COLORS)
