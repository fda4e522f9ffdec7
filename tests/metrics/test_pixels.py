"""Maps against masks: equal to loops over all thresholds, scikit-learn and closed forms."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import label
from sklearn.metrics import f1_score, roc_auc_score

from zoo import metrics


def drawn(seed, levels=None):
    """Return maps [6, 12, 10] and masks with several regions, some of which touch at corners."""
    generator = np.random.default_rng(seed)
    masks = generator.random((6, 12, 10)) < 0.15
    masks[0] = False
    maps = generator.normal(size=masks.shape) + masks
    if levels:
        maps = np.floor(maps * levels)
    return maps, masks


def by_loops(maps, masks, limit):
    """Integrate the overlap of regions over the false positive rate, threshold by threshold."""
    regions = []
    for i, mask in enumerate(masks):
        numbers, count = label(mask, structure=np.ones((3, 3)))
        regions += [(i, numbers == k) for k in range(1, count + 1)]
    points = [(0.0, 0.0)]
    for threshold in np.unique(maps)[::-1]:
        above = maps >= threshold
        overlaps = [above[i][region].mean() for i, region in regions]
        points.append((above[~masks].mean(), np.mean(overlaps)))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 >= limit:
            break
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [None, 2])
@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_the_area_under_the_overlap_is_that_of_loops(seed, levels, limit):
    maps, masks = drawn(seed, levels)
    assert metrics.aupro(maps, masks, limit=limit) == pytest.approx(by_loops(maps, masks, limit))


def test_a_point_exactly_at_the_limit_has_no_width():
    maps = np.array([[[4.0, 3.0, 2.0, 1.0]]])  # normal, then defect, then normal ones
    masks = np.array([[[0, 1, 0, 0]]])
    rate, overlap = metrics.pro_curve(maps, masks)
    np.testing.assert_allclose(rate, [0, 1 / 3, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(overlap, [0, 0, 1, 1, 1])
    assert metrics.aupro(maps, masks, limit=1 / 3) == 0
    assert metrics.aupro(maps, masks, limit=1) == pytest.approx(2 / 3)


def test_small_regions_count_as_much_as_large_ones():
    masks = np.zeros((1, 20, 20), bool)
    masks[0, :10, :10] = masks[0, 15, 15] = True
    maps = np.zeros(masks.shape)
    maps[0, :10, :10] = 1  # finds the large region alone
    assert metrics.aupro(maps, masks) == pytest.approx(0.5 + 0.5 * 0.3 / 2)
    assert metrics.pixel_auroc(maps, masks) == pytest.approx((100 + 0.5) / 101)


@pytest.mark.parametrize("seed", range(3))
def test_the_roc_area_is_that_of_all_pairs_of_pixels(seed):
    maps, masks = drawn(seed, levels=3)
    bad, good = maps[masks][:, None], maps[~masks][None]
    pairs = np.mean((bad > good) + 0.5 * (bad == good))
    assert metrics.pixel_auroc(maps, masks) == pytest.approx(pairs)
    assert metrics.pixel_auroc(maps, masks) == pytest.approx(
        roc_auc_score(masks.ravel(), maps.ravel())
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [None, 2])
def test_no_threshold_has_a_larger_f1_than_the_best(seed, levels):
    maps, masks = drawn(seed, levels)
    threshold, f1 = metrics.best_threshold(maps, masks)
    assert f1 == pytest.approx(f1_score(masks.ravel(), maps.ravel() > threshold))
    others = [maps.min() - 1, *np.unique(maps)]
    assert f1 == pytest.approx(max(f1_score(masks.ravel(), maps.ravel() > t) for t in others))


def test_if_all_pixels_are_marked_the_threshold_is_below_all():
    maps = np.array([[[0.0, 5.0], [5.0, 5.0]]])
    threshold, f1 = metrics.best_threshold(maps, [[[1, 1], [1, 0]]])
    assert threshold < 0
    assert f1 == pytest.approx(6 / 7)


def test_maps_with_channels_and_masks_with_an_axis_of_one():
    maps, masks = drawn(0)
    three = np.stack([maps, maps + 1, maps - 1], axis=-1)
    assert metrics.localization(three, masks[..., None]) == pytest.approx(
        metrics.localization(maps, masks)
    )


@pytest.mark.parametrize(
    ("maps", "masks", "said"),
    [
        (np.zeros((2, 4, 4)), np.zeros((2, 4, 5)), r"\(2, 4, 5\)"),
        (np.zeros((2, 4)), np.zeros((2, 4)), r"\(2, 4\)"),
        (np.zeros((1, 2, 2)), [[[0, 255], [0, 0]]], "masks > 127"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), "no defect"),
        (np.zeros((1, 2, 2)), np.ones((1, 2, 2)), "only defects"),
        (np.full((1, 2, 2), np.nan), [[[0, 1], [0, 0]]], "NaN"),
    ],
)
def test_what_cannot_be_measured_is_refused(maps, masks, said):
    with pytest.raises(ValueError, match=said):
        metrics.localization(maps, masks)


def test_a_threshold_between_neighbors_of_float32_marks_what_it_says():
    low = np.float32(1.0)
    high = np.nextafter(low, np.float32(2.0))
    maps, masks = np.float32([[[low, low], [low, high]]]), [[[0, 0], [0, 1]]]
    threshold, f1 = metrics.best_threshold(maps, masks)
    assert f1 == 1
    np.testing.assert_array_equal(maps > np.float32(threshold), np.bool_(masks))
