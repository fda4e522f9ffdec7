"""The variants of MNIST are drawn as Larochelle et al. describe them."""

import numpy as np
import pytest
from scipy import stats

from zoo import data
from zoo.checks.names import UnknownNameError
from zoo.data import variants


@pytest.fixture
def digits():
    generator = np.random.default_rng(0)
    x = np.zeros((300, 28, 28), "uint8")
    x[:, 8:20, 8:20] = generator.integers(1, 200, (300, 12, 12))
    return x, np.arange(300) % 10


PHOTOGRAPHS = [np.random.default_rng(i).integers(0, 90, (40, 50)).astype("uint8") for i in (0, 1)]
PHOTOGRAPHS[0][:, :40] = 7  # without texture


def draw(name, digits, **options):
    options = {"photographs": PHOTOGRAPHS, "training": 60, "testing": 200, **options}
    return variants.draw(name, digits, **options)


@pytest.mark.parametrize("name", variants.TRAINING)
def test_a_seed_gives_the_same_images_and_another_one_others(name, digits):
    first, again, other = draw(name, digits), draw(name, digits), draw(name, digits, seed=1)
    for a, b, shape in zip(first, again, [(60, 28, 28), (60,), (200, 28, 28), (200,)], strict=True):
        assert a.shape == shape
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()


def test_basic_digits_are_those_given_and_none_is_for_training_and_testing(digits):
    x, y, x_test, y_test = draw("mnist_basic", digits)
    place = {image.tobytes(): i for i, image in enumerate(digits[0])}
    found = [place[image.tobytes()] for image in np.concatenate([x, x_test])]
    assert len(set(found)) == 260
    np.testing.assert_array_equal(digits[1][found], np.concatenate([y, y_test]))


def test_a_quarter_turn_is_numpys_and_no_turn_changes_nothing(digits):
    images = digits[0][:4]
    for quarters in range(-1, 4):
        expected = np.rot90(images, quarters, axes=(1, 2))
        angles = np.full(4, 90.0 * quarters)
        np.testing.assert_array_equal(variants.rotated_levels(images, angles), expected)
        found = variants.rotated(images[..., None] / 255, angles[0])
        np.testing.assert_allclose(found[..., 0], expected / 255, atol=1e-6)


def test_rotated_digits_keep_their_sum_and_have_any_angle():
    bar = np.zeros((300, 28, 28), "uint8")
    bar[:, 13:15, 14:24] = 200
    x, *_ = draw("mnist_rot", (bar, np.zeros(300)))
    ink = x.sum(axis=(1, 2), dtype="float64")
    np.testing.assert_allclose(ink, bar[0].sum(), rtol=0.05)
    side = np.arange(28) - 13.5
    down, right = (x * side[:, None]).sum((1, 2)) / ink, (x * side).sum((1, 2)) / ink
    angles = np.arctan2(-down, right) % (2 * np.pi)
    assert stats.kstest(angles, "uniform", args=(0, 2 * np.pi)).pvalue > 0.01


def test_digits_on_noise_show_the_lighter_of_both(digits):
    x, _, x_test, _ = draw("mnist_bg_rand", digits)
    plain, _, plain_test, _ = draw("mnist_basic", digits)
    noisy, plain = np.concatenate([x, x_test]), np.concatenate([plain, plain_test])
    assert (noisy >= plain).all()
    background = noisy[plain == 0]
    assert stats.kstest(background / 256, "uniform").statistic < 0.01


def places_of(patches):
    """The photograph and the place of each patch; every patch is in one of the photographs."""
    windows = np.lib.stride_tricks.sliding_window_view
    found = []
    for patch in patches:
        for i, photograph in enumerate(PHOTOGRAPHS):
            equal = (windows(photograph, (28, 28)) == patch).all(axis=(2, 3))
            if equal.any():
                found.append((i, *np.argwhere(equal)[0]))
    return np.array(found)


def test_photographs_without_texture_are_refused():
    plain = np.full((40, 40), 128, "uint8")
    with pytest.raises(ValueError, match="Only 0 of 2 patches"):
        variants.textures([plain], 2, np.random.default_rng(0))


def test_textures_are_patches_from_all_places_of_photographs_that_vary():
    places = places_of(variants.textures(PHOTOGRAPHS, 200, np.random.default_rng(0)))
    assert len(places) == 200
    assert set(places[:, 0]) == {0, 1}
    assert (places[:, 1].min(), places[:, 1].max()) == (0, 12)
    assert (places[:, 2].min(), places[:, 2].max()) == (0, 22)
    for i, top, left in places:
        patch = PHOTOGRAPHS[i][top : top + 28, left : left + 28]
        assert patch.std() >= variants.LEAST_DEVIATION


@pytest.mark.parametrize(("name", "below"), [("", "mnist_basic"), ("_rot", "mnist_rot")])
def test_digits_on_photographs_show_the_lighter_of_both(name, below, digits):
    """The digits are those of the variant without photographs, in the same order."""
    few = digits[0][:30], digits[1][:30]
    count = {"training": 10, "testing": 20}
    on_photographs, _, on_test, _ = draw(f"mnist_bg_img{name}", few, **count)
    plain, _, plain_test, _ = draw(below, few, **count)
    found, plain = np.concatenate([on_photographs, on_test]), np.concatenate([plain, plain_test])
    assert (found >= plain).all()
    assert (found[plain >= 90] == plain[plain >= 90]).all()  # no photograph is lighter
    assert len(np.unique(found[plain == 0])) > 80


def test_full_rectangles_are_a_patch_on_another():
    black, gray = (np.full((60, 60), level, "uint8") for level in (0, 200))
    for photograph in (black, gray):
        photograph[:, ::2] += 40  # 0 and 40, or 200 and 240
    x, y, *_ = draw("rectangles_img", None, photographs=[black, gray], testing=0, training=400)
    sides = []
    for image, label in zip(x, y, strict=True):
        light = image > 100
        corners = light[[0, 0, -1, -1], [0, -1, 0, -1]].sum()
        if light.all() or not light.any() or corners == 2:
            continue  # both patches are of one photograph, or either could be the rectangle
        inside = light if corners < 2 else ~light
        height, width = (np.ptp(np.flatnonzero(inside.any(axis=a))) + 1 for a in (1, 0))
        assert inside.sum() == height * width
        assert label == (width > height)
        sides.append((height, width))
    assert 100 < len(sides) < 300
    assert np.min(sides) >= 10
    assert (np.abs(np.diff(sides)) >= 5).all()


def test_variants_on_photographs_need_some(digits, monkeypatch):
    with pytest.raises(ValueError, match="mnist_bg_img has photographs as backgrounds"):
        draw("mnist_bg_img", digits, photographs=())
    monkeypatch.delenv("ZOO_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="rectangles_img takes photographs"):
        data.load("rectangles_img")


def test_rectangles_are_outlines_whose_label_says_which_side_is_longer():
    x, y, x_test, y_test = variants.draw("rectangles", training=1000, testing=1000)
    x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    assert set(np.unique(x)) == {0, 255}
    sides = np.empty((len(x), 2), int)
    for i, image in enumerate(x):
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        expected = np.full((np.ptp(rows) + 1, np.ptp(columns) + 1), 255)
        expected[1:-1, 1:-1] = 0
        found = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        np.testing.assert_array_equal(found, expected)
        sides[i] = expected.shape
    assert (np.abs(sides[:, 0] - sides[:, 1]) >= 3).all()
    np.testing.assert_array_equal(y, sides[:, 1] > sides[:, 0])
    assert abs(y.mean() - 0.5) < 0.05
    assert (sides.min(), sides.max()) == (1, 28)


def test_digits_that_do_not_suffice_are_refused(digits):
    with pytest.raises(UnknownNameError, match="mnist_rot"):
        variants.draw("mnist_rott", digits)
    for wrong in (None, (digits[0] / 255, digits[1])):
        with pytest.raises(ValueError, match="give images as uint8"):
            variants.draw("mnist_rot", wrong)


def test_rectangles_load_without_any_file():
    (x, y), (x_test, _) = data.load("rectangles")
    assert (x.shape, x_test.shape) == ((1200, 28, 28, 1), (50_000, 28, 28, 1))
    assert (x.dtype, y.dtype, x.max()) == ("float32", "int32", 1.0)


def test_variants_of_mnist_load_from_its_verified_arrays(monkeypatch, digits):
    x, y = digits
    arrays = x[:280], y[:280], x[280:], y[280:]
    monkeypatch.setattr(variants, "gray_images", lambda name: arrays)
    with pytest.raises(ValueError, match="62,000 digits are needed, but there are 300"):
        data.load("mnist_rot")
    monkeypatch.setattr(variants, "TESTING", 200)
    monkeypatch.setitem(variants.TRAINING, "mnist_rot", 60)
    (turned, labels), (x_test, _) = data.load("mnist_rot")
    expected = draw("mnist_rot", digits)
    np.testing.assert_allclose(turned[..., 0], expected[0] / np.float32(255))
    np.testing.assert_array_equal(labels, expected[1])
    assert x_test.shape == (200, 28, 28, 1)
