"""TDAE: its losses by hand, its transformers by SciPy, small copies, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import ndimage
from support.tiny import array

import zoo
from zoo.data.unaligned import pairs_of_faces
from zoo.models.base import Batch
from zoo.nn import super_resolution_networks
from zoo.nn.spatial_transformer import SpatialTransformer, transformed

SMALL, LARGE = (4, 4, 1), (16, 16, 1)


@pytest.fixture(scope="module")
def pairs():
    """Digits of twice their size, and small copies of these."""
    (digits, _), _ = zoo.data.load("digits")
    y = np.kron(digits[:96], np.ones((1, 2, 2, 1), "float32"))
    return zoo.data.unaligned(y, 4, seed=0), y


def small(**options):
    return zoo.TDAE(
        **{"input_shape": SMALL, "target_shape": LARGE, "filters": (4, 8), "seed": 0, **options}
    )


# Losses


@pytest.mark.backend
def test_the_losses_are_those_of_the_formula(pairs):
    x, y = (a[:5] for a in pairs)
    model = small(generator_weight=0.5, feature_weight=3.0)
    batch = Batch(ops.convert_to_tensor(x), ops.convert_to_tensor(y))
    first, reduced, made = (array(stage) for stage in model.stages(batch.x))
    assert (first.shape, reduced.shape, made.shape) == (y.shape, x.shape, y.shape)
    np.testing.assert_allclose(made, model.translate(x), atol=1e-5)
    real, fake = (
        [array(v).astype("float64") for v in model.logits_and_features(ops.convert_to_tensor(a))]
        for a in (y, made)
    )
    d_real, d_fake = (1 / (1 + np.exp(-logits)) for logits, _ in (real, fake))
    d = model.discriminator_losses(batch, training=False)
    expected = -np.log(d_real) - np.log(1 - d_fake)
    np.testing.assert_allclose(array(sum(d.terms)), expected, rtol=1e-4)

    def apart(a, b):
        return np.square(np.subtract(a, b, dtype="float64")).reshape(5, -1).mean(axis=1)

    means = np.stack(
        [
            [y[:, i : i + 4, j : j + 4].mean(axis=(1, 2)) for j in (0, 4, 8, 12)]
            for i in (0, 4, 8, 12)
        ]
    )  # [4, 4, n, 1]
    errors = apart(y, first) + apart(means.transpose(2, 0, 1, 3), reduced) + apart(y, made)
    features = apart(real[1], fake[1])
    a = model.autoencoder_losses(batch, training=False)
    expected = errors - 0.5 * np.log(d_fake) + 3.0 * features
    np.testing.assert_allclose(array(sum(a.terms)), expected, rtol=1e-4)
    np.testing.assert_allclose(array(a.metrics["squared_error"]), apart(y, made), rtol=1e-4)


def test_label_smoothing_is_the_cross_entropy_to_a_softer_target(pairs):
    x, y = (ops.convert_to_tensor(a[:5]) for a in pairs)
    smooth, hard = small(label_smoothing=0.2), small()
    losses = [array(m.discriminator_losses(Batch(x, y), False).terms[0]) for m in (smooth, hard)]
    # -0.8 log d - 0.2 log(1 - d) is -log d + 0.2 logit.
    logits = array(hard.logits_and_features(y)[0])
    np.testing.assert_allclose(losses[0] - losses[1], 0.2 * logits, atol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("update", zoo.TDAE.updates)
def test_each_update_trains_its_own_networks(update, pairs):
    model = small()
    rates = {name: 0.1 if name == update else 0.0 for name in model.updates}
    model.compile({n: keras.optimizers.SGD(rate) for n, rate in rates.items()})
    networks = [getattr(model, name) for name in model.network_names]
    before = [[array(w) for w in network.weights] for network in networks]
    model.fit(*pairs, epochs=1, verbose=0)
    after = [[array(w) for w in network.weights] for network in networks]
    moved = [
        any((a != b).any() for a, b in zip(*both, strict=True))
        for both in zip(before, after, strict=True)
    ]
    trained = [name in model.updates[update] for name in model.network_names]
    assert moved == trained


def test_the_psnr_is_measured_of_pixels_between_0_and_1_alone(pairs):
    x, y = pairs
    for likelihood, expected in (("bernoulli", True), ("squared_error", False)):
        model = small(likelihood=likelihood)
        figures = zoo.metrics.evaluate(model, "pairs", arrays=((x, y), (x, y)))
        assert any(figure["name"] == "PSNR" for figure in figures) == expected


@pytest.mark.slow
@pytest.mark.compiled
def test_it_puts_in_place_what_was_moved():
    """Bars at a known place, moved, turned, and under noise."""
    y = np.zeros((200, *LARGE), "float32")
    y[:100, 4:12, 6:9] = 1.0
    y[100:, 6:9, 4:12] = 1.0
    options = {"shift": 0.15, "noise": 0.05}
    x, x_test = (zoo.data.unaligned(y, 4, seed=seed, **options) for seed in (0, 1))
    model = small(filters=(8, 16))
    model.compile(keras.optimizers.Adam(0.005))
    model.fit(x, y, batch_size=20, epochs=15, verbose=0)
    made = model.translate(x_test)
    alone = x_test.repeat(4, axis=1).repeat(4, axis=2)
    assert zoo.metrics.psnr(made, y) > zoo.metrics.psnr(alone, y) + 6


# Spatial transformers


@pytest.mark.backend
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_map_moves_as_scipy_moves(seed):
    generator = np.random.default_rng(seed)
    x = generator.random((3, 7, 9, 2), "float32")
    maps = np.array([[1, 0, 0], [0, 1, 0]]) + 0.5 * generator.uniform(-1, 1, (3, 2, 3))
    found = array(transformed(ops.convert_to_tensor(x), ops.cast(maps, "float32")))
    rows, columns = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 9), indexing="ij")
    for image, (to_x, to_y), given in zip(x, maps, found, strict=True):
        column = (to_x[0] * columns + to_x[1] * rows + to_x[2] + 1) * 4  # of 9
        row = (to_y[0] * columns + to_y[1] * rows + to_y[2] + 1) * 3  # of 7
        for channel in range(2):
            # A border of zeros, as SciPy's own does not fade.
            expected = ndimage.map_coordinates(
                np.pad(image[..., channel], 1), [row + 1, column + 1], order=1
            )
            np.testing.assert_allclose(given[..., channel], expected, atol=1e-4)


def test_a_transformer_moves_nothing_before_it_has_learned_and_is_described_by_its_units():
    x = np.random.default_rng(0).random((2, 8, 6, 3), "float32")
    layer = SpatialTransformer(units=5)
    np.testing.assert_allclose(array(layer(x)), x, atol=1e-6)
    copy = SpatialTransformer.from_config(layer.get_config())
    copy(x)
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]
    assert copy.units == 5


def test_what_has_no_height_and_width_is_not_transformed():
    with pytest.raises(ValueError, match=r"takes \[batch, height, width, channels\]"):
        SpatialTransformer()(np.zeros((2, 8), "float32"))
    with pytest.raises(ValueError, match="units is 0"):
        SpatialTransformer(units=0)
    with pytest.raises(ValueError, match="filters is empty"):
        super_resolution_networks.upsampler(SMALL, 1, filters=())


# Small copies


def test_without_moves_and_noise_a_copy_has_the_means_of_squares(pairs):
    _, y = pairs
    plain = zoo.data.unaligned(y, 4, shift=0, rotation=0, zoom=0, noise=0)
    squares = [
        [y[:, i : i + 4, j : j + 4].mean(axis=(1, 2)) for j in range(0, 16, 4)]
        for i in range(0, 16, 4)
    ]
    np.testing.assert_allclose(plain, np.transpose(squares, (2, 0, 1, 3)), atol=1e-6)
    model = small()
    np.testing.assert_allclose(array(model.reduced(ops.convert_to_tensor(y))), plain, atol=1e-6)


def test_noise_has_the_deviation_asked_for():
    gray = np.full((50, 32, 32, 1), 0.5)
    noisy = zoo.data.unaligned(gray, 2, noise=0.1, seed=3)
    assert noisy.std() == pytest.approx(0.1, rel=0.03)
    np.testing.assert_array_equal(noisy, zoo.data.unaligned(gray, 2, noise=0.1, seed=3))
    assert not np.array_equal(noisy, zoo.data.unaligned(gray, 2, noise=0.1, seed=4))


def moments(images):
    """Return the middle (row, column), the mass, and the angle in degrees of what is bright."""
    images = images[..., 0].astype("float64")
    rows, columns = np.indices(images.shape[1:])
    mass = images.sum(axis=(1, 2))
    row, column = ((images * at).sum(axis=(1, 2)) / mass for at in (rows, columns))
    dr, dc = rows - row[:, None, None], columns - column[:, None, None]
    rr, cc, rc = ((images * a).sum(axis=(1, 2)) for a in (dr * dr, dc * dc, dr * dc))
    return np.stack([row, column], axis=1), mass, np.degrees(0.5 * np.arctan2(2 * rc, cc - rr))


def test_shifts_angles_and_scales_are_drawn_up_to_their_bounds():
    bar = np.zeros((300, 48, 48, 1), "float32")
    bar[:, 20:28, 8:40] = 1.0  # around the middle
    still = {"shift": 0, "rotation": 0, "zoom": 0, "noise": 0}
    shifted, turned, scaled = (
        moments(zoo.data.unaligned(bar, 1, seed=0, **{**still, **one}))
        for one in ({"shift": 0.0625}, {"rotation": 20.0}, {"zoom": 0.1})
    )
    moved = shifted[0] - 23.5
    assert np.abs(moved).max() == pytest.approx(3.0, abs=0.05)  # 0.0625 of 48
    np.testing.assert_allclose(moved.std(axis=0), 3.0 / np.sqrt(3), rtol=0.1)
    np.testing.assert_allclose(turned[0], 23.5, atol=0.02)
    assert np.abs(turned[2]).max() == pytest.approx(20.0, abs=0.5)
    assert turned[2].std() == pytest.approx(20.0 / np.sqrt(3), rel=0.1)
    np.testing.assert_allclose(np.sqrt(scaled[1] / 256).max(), 1.1, atol=0.01)
    np.testing.assert_allclose(np.sqrt(scaled[1] / 256).min(), 0.9, atol=0.01)


BAD_IMAGES = [
    (np.zeros((2, 6, 8, 1)), {}, "multiples of factor=4"),
    (np.zeros((2, 8, 8)), {}, r"the shape \(2, 8, 8\).*images\[..., None\]"),
    (np.zeros((2, 8, 8, 1)), {"seed": -1}, "seed is -1"),
    (np.full((2, 8, 8, 1), 255.0), {}, "from 255.0 to 255.0.*divided by 255"),
    (np.full((2, 8, 8, 1), np.nan), {}, "from nan to nan"),
    (np.zeros((2, 8, 8, 1)), {"shift": 0.7}, "shift is 0.7"),
    (np.zeros((2, 8, 8, 1)), {"noise": -1}, "noise is -1"),
]


@pytest.mark.parametrize(("images", "options", "says"), BAD_IMAGES)
def test_images_that_have_no_small_copies_are_refused(images, options, says):
    with pytest.raises(ValueError, match=says):
        zoo.data.unaligned(images, 4, **options)


@pytest.mark.slow
def test_the_last_pairs_show_images_that_the_others_do_not():
    train = np.zeros((320, 64, 64, 1), "float32") + np.arange(320)[:, None, None, None] / 320
    (x, y), (x_test, y_test) = pairs_of_faces(train, train[:80])
    assert (x.shape, y.shape) == ((5120, 8, 8, 1), (5120, 64, 64, 1))
    assert (x_test.shape, y_test.shape) == ((320, 8, 8, 1), (320, 64, 64, 1))
    kept, others = ({round(320 * v) for v in a[:, 0, 0, 0]} for a in (y[-640:], y[:-640]))
    assert kept == set(range(7, 320, 8))
    assert not kept & others


# Similarity


def test_similarity_of_plain_images_is_that_of_the_formula():
    a, b = np.full((2, 16, 16, 1), 0.2), np.full((2, 16, 16, 1), 0.7)
    c1 = 0.01**2
    expected = (2 * 0.2 * 0.7 + c1) / (0.2**2 + 0.7**2 + c1)
    assert zoo.metrics.ssim(a, b) == pytest.approx(expected, rel=1e-6)
    noise = np.random.default_rng(0).random((2, 16, 16, 3))
    assert zoo.metrics.ssim(noise, noise) == pytest.approx(1.0)
    assert zoo.metrics.ssim(1 - noise, noise) < 0
    with pytest.raises(ValueError, match="give equally many images of the same shape"):
        zoo.metrics.ssim(a, noise)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((2, 28, 28)), r"the shape \(2, 28, 28\); give \[n, height, width, channels\]"),
        (np.zeros((2, 8, 8, 1)), "at least 11 pixels a side"),
        (np.zeros((0, 28, 28, 1)), "at least one image"),
        (np.full((2, 28, 28, 1), 255.0), "from 255 to 255; give .* divided by 255"),
        (np.full((2, 28, 28, 1), np.nan), "from nan to nan"),
    ],
)
def test_images_without_a_similarity_are_refused(images, says):
    with pytest.raises(ValueError, match=says):
        zoo.metrics.ssim(images, images)


# Settings


BAD = [
    ({"input_shape": (64,)}, r"TDAE takes images, \(height, width, channels\)"),
    ({"target_shape": (12, 12, 1)}, "the same 2, 4, 8, ... times as large"),
    ({"target_shape": (8, 16, 1)}, "the same 2, 4, 8, ... times as large"),
    ({"target_shape": (4, 4, 1)}, "the same 2, 4, 8, ... times as large"),
    ({"filters": (4, 4, 4)}, "there are 2 doublings: give as many widths"),
    ({"generator_weight": -1.0}, "generator_weight is -1.0"),
    ({"label_smoothing": 0.5}, "label_smoothing is 0.5"),
    ({"likelihood": "learned_gaussian"}, "one number for each channel"),
    ({"latent_dim": 4}, "TDAE takes no latent_dim="),
    ({"discriminator_filters": (4,) * 6}, "discriminator_filters"),
]


@pytest.mark.parametrize(("options", "says"), BAD)
def test_bad_settings_are_refused(options, says):
    with pytest.raises((TypeError, ValueError), match=says):
        small(**options)


def test_by_default_images_are_eight_times_as_large_and_channels_may_differ():
    assert zoo.TDAE((4, 6, 3)).target_shape == (32, 48, 3)
    gray_to_color = small(target_shape=(16, 16, 3))
    assert gray_to_color.translate(np.zeros((2, *SMALL), "float32")).shape == (2, 16, 16, 3)


BAD_PAIRS = [
    (lambda x, y: (x, None), r"learns from pairs: fit\(x, y\)"),
    (lambda x, y: (x, x), r"y has shape \(96, 4, 4, 1\)"),
    (lambda x, y: (x, 2 * y), "y reach 2.0"),
]


@pytest.mark.parametrize(("spoil", "says"), BAD_PAIRS)
def test_data_that_are_no_pairs_are_refused(pairs, spoil, says):
    model = small()
    model.compile()
    with pytest.raises(ValueError, match=says):
        model.fit(*spoil(*pairs), verbose=0)


@pytest.mark.slow
def test_a_file_of_pairs_is_trained_from_measured_and_shown(pairs, tmp_path, capsys):
    from zoo.cli.main import main

    x, y = ((255 * a).astype("uint8") for a in pairs)
    path = str(tmp_path / "pairs.npz")
    np.savez(path, x=x, y=y)
    out, picture = str(tmp_path / "mine"), tmp_path / "larger.png"
    words = ["train", "TDAE", "--data", path, "--out", out, "--epochs", "1", "--filters", "4", "8"]
    assert main(words) == 0, capsys.readouterr().err
    assert zoo.load(out).target_shape == LARGE
    assert main(["evaluate", out, "--data", path]) == 0
    printed = capsys.readouterr().out
    assert "PSNR" in printed
    assert "absolute error" in printed
    assert main(["generate", out, "--data", path, "--out", str(picture)]) == 0
    assert picture.exists()
