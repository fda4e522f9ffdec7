"""Files of compressed images: what is in them, and that damage is always noticed."""

import pytest

from zoo.runtime.compressed_file import MAGIC, CompressedImage, parse

HELD = CompressedImage("codec", b"identity", 7, 9, 3, 2, 12345, bytes(range(40)))
DATA = HELD.to_bytes()

pytestmark = pytest.mark.lowest


def test_a_file_holds_what_was_written():
    assert parse(DATA) == HELD
    assert HELD.bits_per_pixel == 8 * len(DATA) / 63
    assert len(DATA) < len(HELD.payload) + 60


@pytest.mark.parametrize("place", range(len(DATA)))
def test_a_changed_byte_is_noticed(place):
    damaged = bytearray(DATA)
    damaged[place] ^= 1
    with pytest.raises(ValueError, match=r"^photo\.zae "):
        parse(bytes(damaged), "photo.zae")


@pytest.mark.parametrize("length", range(len(DATA)))
def test_a_cut_file_is_noticed(length):
    with pytest.raises(ValueError, match=r"^photo\.zae "):
        parse(DATA[:length], "photo.zae")


def test_something_added_is_noticed():
    with pytest.raises(ValueError, match="or something was added"):
        parse(DATA + b"\0")


def test_a_text_copy_is_no_file():
    with pytest.raises(ValueError, match="is not an image that `zoo compress` wrote"):
        parse(DATA.replace(b"\r\n", b"\n"))


@pytest.mark.parametrize(
    "change", [{"height": 0}, {"width": 0}, {"channels": 2}, {"rate": 0}, {"payload": b"abc"}]
)
def test_an_impossible_header_is_refused(change):
    with pytest.raises(ValueError, match="invalid header"):
        parse(HELD._replace(**change).to_bytes())


def test_a_later_version_is_named():
    with pytest.raises(ValueError, match="format version 2"):
        parse(MAGIC + b"\2" + DATA[len(MAGIC) + 1 :])


def test_long_names_are_cut():
    assert parse(HELD._replace(name="ä" * 90).to_bytes()).name.startswith("ä" * 50)
