"""PaletteNet: colors by known values, turned hues, its losses by hand, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from support.tiny import array

import zoo
from zoo.experiments import recoloring
from zoo.models.base import Batch
from zoo.nn import colors

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def photographs():
    """Patches of colored squares, which no gray is in."""
    generator = np.random.default_rng(0)
    squares = generator.random((40, 4, 4, 3))
    return np.kron(squares, np.ones((1, 2, 2, 1))).astype("float32")


@pytest.fixture(scope="module")
def own(photographs):
    return zoo.data.palettes(photographs)


def small(**options):
    return zoo.PaletteNet(**{"input_shape": SHAPE, "filters": (4, 8), "seed": 0, **options})


# Colors


@pytest.mark.backend
@pytest.mark.parametrize(
    ("rgb", "lab"),  # of D65, as tables and other programs have them
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (100, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
        ((0.5, 0.5, 0.5), (53.39, 0, 0)),
        ((1, 1, 0), (97.14, -21.55, 94.48)),
    ],
)
def test_known_colors_have_their_known_values(rgb, lab):
    found = array(colors.rgb_to_lab(ops.convert_to_tensor([rgb], "float32")))[0]
    np.testing.assert_allclose(found, lab, atol=0.06)
    np.testing.assert_allclose(array(colors.lab_to_rgb(found[None]))[0], rgb, atol=1e-4)


@pytest.mark.backend
def test_colors_come_back_and_those_that_do_not_exist_are_clipped():
    rgb = np.random.default_rng(0).random((500, 3), "float32")
    there = colors.rgb_to_lab(rgb)
    np.testing.assert_allclose(array(colors.lab_to_rgb(there)), rgb, atol=1e-4)
    beyond = array(colors.lab_to_rgb(ops.convert_to_tensor([[50.0, 120.0, -120.0]])))
    assert (beyond.min() >= 0, beyond.max() <= 1) == (True, True)
    assert np.isfinite(beyond).all()


def test_a_turned_hue_keeps_lightness_and_distances():
    lab = np.random.default_rng(0).normal(0, 30, (2, 50, 3)).astype("float32")
    angles = np.array([0.0, 2.0], "float32")
    turned = array(colors.with_turned_hue(lab, angles))
    np.testing.assert_allclose(turned[0], lab[0], atol=1e-5)
    np.testing.assert_array_equal(turned[..., 0], lab[..., 0])
    hue, before = (np.arctan2(v[1, :, 2], v[1, :, 1]) for v in (turned, lab))
    np.testing.assert_allclose(np.exp(1j * (hue - before)), np.exp(2j) * np.ones(50), atol=1e-4)
    apart = [np.linalg.norm(v[1, :, None] - v[1, None], axis=-1) for v in (turned, lab)]
    np.testing.assert_allclose(*apart, atol=1e-3)


# Palettes


def test_a_palette_is_k_means_in_lab_from_dark_to_light(photographs, own):
    assert (own.shape, own.dtype) == ((40, 6, 3), np.float32)
    lab = array(colors.rgb_to_lab(own))
    assert (np.diff(lab[..., 0], axis=1) >= -1e-3).all()
    pixels = array(colors.rgb_to_lab(photographs[0].reshape(-1, 3)))
    means = KMeans(6, n_init=1, max_iter=20, random_state=0).fit(pixels).cluster_centers_
    distance = np.linalg.norm(lab[0][:, None] - means[None], axis=-1)
    assert distance[linear_sum_assignment(distance)].max() < 3.0  # colors are clipped to sRGB


def test_the_palette_of_a_turned_image_is_the_turned_palette():
    """Of colors so pale that none leaves sRGB."""
    generator = np.random.default_rng(0)
    pale = (0.5 + 0.12 * (generator.random((6, 8, 8, 3)) - 0.5)).astype("float32")
    angles = np.linspace(0.3, 5.0, 6)
    found = zoo.data.palettes(zoo.metrics.turned_hues(pale, angles))
    asked = zoo.metrics.turned_hues(zoo.data.palettes(pale), angles)
    apart = np.linalg.norm(
        array(colors.rgb_to_lab(found))[:, :, None] - array(colors.rgb_to_lab(asked))[:, None],
        axis=-1,
    )
    matched = [each[linear_sum_assignment(each)].mean() for each in apart]
    # k-means finds another of its local minima now and then.
    assert np.median(matched) < 0.5


def test_images_of_fewer_colors_have_palettes_too():
    plain = np.full((1, 4, 4, 3), 0.25, "float32")
    np.testing.assert_allclose(zoo.data.palettes(plain), np.full((1, 6, 3), 0.25), atol=1e-3)
    assert zoo.data.palettes(plain[:0]).shape == (0, 6, 3)


@pytest.mark.parametrize(
    ("images", "colors_", "says"),
    [
        (np.zeros((2, 4, 4, 1)), 6, r"the shape \(2, 4, 4, 1\); give \[n, height, width, 3\]"),
        (np.full((2, 4, 4, 3), 255.0), 6, "go from 255.0 to 255.0"),
        (np.zeros((2, 4, 4, 3)), 0, "colors is 0; give a whole number of at least 1"),
    ],
)
def test_images_without_palettes_are_refused(images, colors_, says):
    with pytest.raises(ValueError, match=says):
        zoo.data.palettes(images, colors_)


# Losses


@pytest.mark.backend
def test_the_losses_are_those_of_the_paper(photographs, own):
    model = small(color_weight=7.0)
    batch = Batch(*(ops.convert_to_tensor(a[:5]) for a in (photographs, own)))
    x, p = (array(colors.rgb_to_lab(a[:5])) for a in (photographs, own))
    angles = np.pi * (3 - np.sqrt(5)) * np.arange(1, 6)
    target, t = (array(colors.with_turned_hue(a, angles.astype("float32"))) for a in (x, p))
    r = array(model.recolored_lab(*map(ops.convert_to_tensor, (x, t))))
    np.testing.assert_array_equal(r[..., 0], x[..., 0])  # lightness is kept

    def probability(image, palette):
        logits = model.logits(*map(ops.convert_to_tensor, (image, palette)))
        return 1 / (1 + np.exp(-array(logits).astype("float64")))

    (loss,) = model.discriminator_losses(batch, training=False).terms
    others = [np.log(1 - probability(*pair)) for pair in ((r, t), (x, t), (r, p))]
    expected = (-np.log(probability(x, p)) - sum(others)).mean(axis=1)
    np.testing.assert_allclose(array(loss), expected, rtol=1e-3)
    losses = model.generator_losses(batch, training=False)
    error = np.square(target - r)[..., 1:].sum(axis=-1).mean(axis=(1, 2))
    np.testing.assert_allclose(array(losses.metrics["color_error"]), error, rtol=1e-3)
    expected = 7.0 * error / 100**2 - np.log(probability(r, t)).mean(axis=1)
    np.testing.assert_allclose(array(sum(losses.terms)), expected, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.compiled
def test_it_learns_to_follow_the_palette(photographs, own):
    model = small(filters=(16, 32), color_weight=1000.0)
    model.compile(keras.optimizers.Adam(0.003))
    model.fit(photographs, own, batch_size=20, epochs=60, verbose=0)
    images, asked = zoo.metrics.asked_of(model, photographs)
    recolored = model.recolor(photographs, asked)
    alone = zoo.metrics.color_distance(photographs, images)
    assert zoo.metrics.color_distance(recolored, images) < 0.6 * alone
    assert zoo.metrics.palette_distance(recolored, asked) < 0.8 * zoo.metrics.palette_distance(
        photographs, asked
    )


# Use


def test_one_palette_may_be_for_all_images(photographs, own):
    model = small()
    one, many = model.recolor(photographs[:3], own[7]), model.recolor(photographs[:3], own[[7] * 3])
    np.testing.assert_array_equal(one, many)
    assert (one.shape, one.dtype) == ((3, *SHAPE), np.float32)
    assert (one.min() >= 0, one.max() <= 1) == (True, True)


BAD_PALETTES = [
    (lambda y: y[:, :5], r"palettes has shape \(40, 5, 3\)"),
    (lambda y: 2 * y, "palettes (reach|go)"),
    (lambda y: y[:7], "40 inputs, but 7 in palettes"),
    (lambda y: y * np.nan, "NaN or infinite"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD_PALETTES)
def test_palettes_of_a_wrong_length_or_out_of_range_are_refused(spoil, says, photographs, own):
    model = small()
    with pytest.raises(ValueError, match=says):
        model.recolor(photographs, spoil(own))
    model.compile()
    with pytest.raises(ValueError, match=says.replace("palettes", "y")):
        model.fit(photographs, spoil(own), verbose=0)


BAD = [
    ({"input_shape": (8, 8, 1)}, "takes three channels, RGB"),
    ({"input_shape": (64,)}, r"PaletteNet takes images, \(height, width, channels\)"),
    ({"colors": 0}, "colors is 0"),
    ({"filters": (4,) * 4}, "4 halvings; images of 8 x 8"),
    ({"color_weight": 0.0}, "color_weight is 0.0"),
    ({"likelihood": "gaussian"}, "PaletteNet takes no likelihood="),
]


@pytest.mark.parametrize(("options", "says"), BAD)
def test_bad_settings_are_refused(options, says):
    with pytest.raises((TypeError, ValueError), match=says):
        small(**options)


@pytest.mark.parametrize("name", ["encode", "decode", "reconstruct", "generate"])
def test_there_is_nothing_of_codes(name):
    assert not hasattr(small(), name)


@pytest.mark.slow
def test_a_folder_of_photographs_is_trained_from_without_palettes(photographs, tmp_path, capsys):
    from PIL import Image

    from zoo.cli.main import main

    folder = tmp_path / "photographs"
    folder.mkdir()
    for i, photograph in enumerate((255 * photographs[:12]).astype("uint8")):
        Image.fromarray(photograph).resize((16, 16)).save(folder / f"{i}.png")
    out = str(tmp_path / "mine")
    words = ["train", "PaletteNet", "--data", str(folder), "--size", "16", "--out", out]
    assert main([*words, "--epochs", "1", "--filters", "4", "8"]) == 0, capsys.readouterr().err
    assert zoo.load(out).label_shape == (6, 3)
    assert (tmp_path / "mine" / "preview.png").exists()
    picture = tmp_path / "recolored.jpg"
    assert main(["generate", out, "--data", str(folder), "--out", str(picture)]) == 0
    assert picture.exists()


def test_moving_color_by_color_gives_the_turned_colors_of_a_palette(own):
    """An image of nothing but its palette, whose colors are far apart."""
    image = np.zeros((1, 6, 6, 3), "float32")
    palette = np.array([[0.1, 0.1, 0.3], [0.6, 0.2, 0.2], [0.8, 0.8, 0.6]], "float32")[None]
    image[0] = palette[0][np.arange(6) // 2][:, None]
    np.testing.assert_allclose(recoloring.by_color(image, palette, palette), image, atol=1e-4)
    turned = zoo.metrics.turned_hues(palette, [0.5])
    moved = recoloring.by_color(image, palette, turned)
    left = zoo.metrics.color_distance(image, zoo.metrics.turned_hues(image, [0.5]))
    assert zoo.metrics.color_distance(moved, zoo.metrics.turned_hues(image, [0.5])) < left
