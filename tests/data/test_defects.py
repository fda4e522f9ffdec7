"""Drawn defects: inside of their masks, of the size and strength that were asked for."""

import numpy as np
import pytest

from zoo import data

GRAY = np.full((30, 64, 48, 1), 0.5, "float32")


def photographs(channels, n=9):
    """Return smooth random images, in which pasted pieces can be seen."""
    generator = np.random.default_rng(0)
    coarse = generator.random((n, 8, 8, channels)).astype("float32")
    return coarse.repeat(5, axis=1).repeat(4, axis=2)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_images_change_inside_of_the_masks_alone(channels):
    x = photographs(channels)
    before = x.copy()
    drawn = data.drawn_defects(x, seed=2)
    np.testing.assert_array_equal(x, before)
    assert drawn.kinds == ["scratch", "blob", "cut_paste"] * 3
    changed = np.abs(drawn.x - x).max(axis=-1)
    assert (changed[~drawn.masks] == 0).all()
    for change, mask in zip(changed, drawn.masks, strict=True):
        assert change[mask].max() > 0.25
        assert np.mean(change[mask] > 0.02) > 0.8
    assert drawn.x.min() >= 0
    assert drawn.x.max() <= 1
    assert drawn.x.dtype == np.float32


def test_a_seed_gives_the_same_defects_and_another_seed_others():
    x = photographs(3)
    one, again, other = (data.drawn_defects(x, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.x, again.x)
    np.testing.assert_array_equal(one.masks, again.masks)
    assert (one.masks != other.masks).any()


def test_the_strength_is_the_largest_change():
    for strength in (0.1, 0.4):
        drawn = data.drawn_defects(GRAY, ["scratch", "blob"], strength=strength)
        change = np.abs(drawn.x - GRAY).reshape(len(GRAY), -1).max(axis=1)
        np.testing.assert_allclose(change, strength, atol=1e-6)


def test_images_without_room_above_become_darker():
    white = np.ones_like(GRAY)
    drawn = data.drawn_defects(white, "blob")
    assert (drawn.x.reshape(len(white), -1).min(axis=1) < 0.75).all()


def test_blobs_have_the_area_of_a_disk_and_scratches_the_length_of_a_line():
    areas = data.drawn_defects(GRAY, "blob", size=0.25).masks.sum(axis=(1, 2))
    factor = np.mean(np.linspace(2 / 3, 4 / 3, 1000) ** 2)
    assert np.mean(areas) == pytest.approx(np.pi / 4 * (0.25 * 48) ** 2 * factor, rel=0.2)
    drawn = data.drawn_defects(GRAY, "scratch", size=0.2)
    covered = np.abs(drawn.x - GRAY).sum(axis=(1, 2, 3)) / 0.3  # pixels
    assert np.mean(covered) == pytest.approx(3 * 0.2 * 48 * 48 / 32, rel=0.15)


def test_a_pasted_piece_is_a_rectangle_from_the_same_image():
    x = np.random.default_rng(0).random((6, 20, 30, 3)).astype("float32")
    drawn = data.drawn_defects(x, "cut_paste", size=0.3)
    for image, mask, before in zip(drawn.x, drawn.masks, x, strict=True):
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        piece = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert mask.sum() == piece.shape[0] * piece.shape[1]
        windows = np.lib.stride_tricks.sliding_window_view(before, piece.shape)[:, :, 0]
        assert (windows == piece).all(axis=(2, 3, 4)).any()


def test_a_defect_smaller_than_a_pixel_marks_one():
    drawn = data.drawn_defects(np.full((5, 8, 8, 1), 0.5), "blob", size=0.01)
    assert (drawn.masks.sum(axis=(1, 2)) >= 1).all()


@pytest.mark.parametrize(
    ("x", "options", "said"),
    [
        (GRAY[0], {}, r"shape \(64, 48, 1\)"),
        (GRAY * 255, {}, "from 127.5 to 127.5"),
        (GRAY, {"kinds": "scrach"}, "scratch"),
        (GRAY, {"kinds": ()}, "kind of defect"),
        (GRAY, {"size": 0.6}, "size is 0.6"),
        (GRAY, {"strength": 0}, "strength is 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(x, options, said):
    with pytest.raises(ValueError, match=said):
        data.drawn_defects(x, **options)
