"""Pix2Pix: its losses by hand, its shapes, its patches, pairs as data, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.tiny import array

import zoo
from zoo.backend import backend
from zoo.models.base import Batch
from zoo.nn import translation_networks

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def pairs():
    (y, _), _ = zoo.data.load("digits")
    return np.round(y[:96]), y[:96]


def small(**options):
    return zoo.Pix2Pix(**{"input_shape": SHAPE, "filters": (4, 8), "seed": 0, **options})


def batch_of(x, y, weight=None):
    return Batch(*(v if v is None else ops.convert_to_tensor(v) for v in (x, y, weight)))


# Losses


@pytest.mark.backend
def test_the_losses_are_those_of_the_paper(pairs):
    x, y = (a[:5] for a in pairs)
    model = small(l1_weight=7.0)
    translated = model.translate(x)
    batch = batch_of(x, y)

    def probability(image):  # of every patch, d in (0, 1)
        logits = model.discriminator({"x": ops.convert_to_tensor(x), "y": image})
        return 1 / (1 + np.exp(-array(logits).astype("float64")))

    real, fake = (probability(ops.convert_to_tensor(image)) for image in (y, translated))
    d = model.discriminator_losses(batch, training=False)
    (loss,) = d.terms
    expected = (-np.log(real) - np.log(1 - fake)).reshape(5, -1).mean(axis=1)
    np.testing.assert_allclose(array(loss), expected, rtol=1e-4)
    assert float(array(d.metrics["accuracy_on_pairs"])) == pytest.approx((real > 0.5).mean())
    g = model.generator_losses(batch, training=False)
    adversarial = (-np.log(fake)).reshape(5, -1).mean(axis=1)
    error = np.abs(y - translated).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(array(sum(g.terms)), adversarial + 7.0 * error, rtol=1e-4)
    np.testing.assert_allclose(array(g.metrics["absolute_error"]), error, rtol=1e-4)


@pytest.mark.backend
def test_each_update_trains_its_own_network(pairs):
    model = small()
    model.compile(
        {"generator": keras.optimizers.SGD(0.1), "discriminator": keras.optimizers.SGD(0.0)},
        run_eagerly=True,
    )
    before = [[array(w) for w in n.weights] for n in (model.generator, model.discriminator)]
    model.fit(*pairs, epochs=1, verbose=0)
    after = [[array(w) for w in n.weights] for n in (model.generator, model.discriminator)]
    moved = [
        any((a != b).any() for a, b in zip(*pair, strict=True))
        for pair in zip(before, after, strict=True)
    ]
    assert moved == [True, False]


def test_label_smoothing_is_the_cross_entropy_to_a_softer_target(pairs):
    x, y = (a[:5] for a in pairs)
    smooth, hard = small(label_smoothing=0.2), small()
    batch = batch_of(x, y)
    losses = [array(m.discriminator_losses(batch, False).terms[0]) for m in (smooth, hard)]
    logits = array(smooth.logits(batch.x, batch.label)).astype("float64")
    # -0.8 log d - 0.2 log(1 - d) is -log d + 0.2 logit.
    np.testing.assert_allclose(losses[0] - losses[1], 0.2 * logits.mean(axis=1), atol=1e-5)


@pytest.mark.slow
@pytest.mark.compiled
def test_without_the_adversarial_loss_it_learns_the_median():
    """Of a black image with three answers, |y - g(x)| alone gives the middle one."""
    x = np.zeros((90, *SHAPE), "float32")
    y = np.repeat(np.array([0.1, 0.3, 0.9], "float32"), 30)[:, None, None, None] * np.ones_like(x)
    model = small(l1_weight=100.0, likelihood="squared_error")
    model.compile(
        {"generator": keras.optimizers.Adam(0.01), "discriminator": keras.optimizers.SGD(0.0)}
    )
    model.fit(x, y, batch_size=90, epochs=150, verbose=0)
    assert np.median(model.translate(x[:1])) == pytest.approx(0.3, abs=0.05)


# Networks


@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_a_patch_is_what_a_logit_depends_on(halvings):
    shape = (96, 96, 1)
    network = translation_networks.patch_discriminator(shape, shape, filters=(4,) * halvings)
    # Normalization reads the whole image, so that it is taken out for this.
    x = keras.Input(shape)
    features = layers.Concatenate()([x, x])
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            features = layer(features)
    plain = keras.Model(x, features)
    image = np.zeros((1, *shape), "float32")
    middle = plain.output.shape[1] // 2
    first = array(plain(image))[0, middle, middle, 0]
    seen = []
    for row in range(96):
        image[0, row] = 1.0
        seen.append(array(plain(image))[0, middle, middle, 0] != first)
        image[0, row] = 0.0
    assert sum(seen) == translation_networks.patch_size(halvings)


@pytest.mark.parametrize("shape", [(28, 28, 1), (17, 23, 3), (5, 64, 2)])
def test_sides_of_any_length_are_translated(shape):
    model = zoo.Pix2Pix(shape, (*shape[:2], 3), filters=(4, 8))
    x = np.random.default_rng(0).random((2, *shape), "float32")
    y = model.translate(x)
    assert (y.shape, y.dtype) == ((2, *shape[:2], 3), np.float32)
    assert (y.min() >= 0, y.max() <= 1) == (True, True)


def test_what_is_at_a_place_reaches_it_through_the_connections():
    """With the smallest grid cut off, the U-Net still tells one pixel from another."""
    model = zoo.Pix2Pix((16, 16, 1), filters=(4, 8, 8), seed=0)
    layer = model.generator.get_layer("halving_2")
    layer.set_weights([0 * w for w in layer.get_weights()])
    x = np.zeros((2, 16, 16, 1), "float32")
    x[1, 3, 12] = 1.0
    y = model.translate(x)
    change = np.abs(y[1] - y[0])[..., 0]
    assert np.unravel_index(change.argmax(), change.shape) in {(3, 12), (3, 11), (2, 12)}
    assert change.max() > 3 * np.median(change)


@pytest.mark.parametrize("shape", [(28, 28, 1), (128, 96, 3), (8, 8, 1)])
def test_networks_by_default_suit_the_shape(shape):
    model = zoo.Pix2Pix(shape)
    side = max(shape[:2]) / 2 ** len(model.filters)
    assert 2 <= side <= 4
    assert model.discriminator_filters == model.filters[:2]


def test_own_networks_are_trained_saved_and_exported(pairs, tmp_path):
    x, y = keras.Input(SHAPE, name="x"), keras.Input(SHAPE, name="y")
    generator = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(1, 3, padding="same", activation="sigmoid")]
    )
    judged = layers.Conv2D(1, 3)(layers.Concatenate()([x, y]))
    model = zoo.Pix2Pix(
        SHAPE, generator=generator, discriminator=keras.Model({"x": x, "y": y}, judged)
    )
    model.compile(jit_compile=backend.name == "jax" if hasattr(backend, "name") else "auto")
    model.fit(*pairs, verbose=0)
    model.save(tmp_path / "own.keras")
    copy = keras.saving.load_model(tmp_path / "own.keras")
    np.testing.assert_allclose(copy.translate(pairs[0]), model.translate(pairs[0]), atol=1e-6)
    # Once, not twice: the likelihood applies the sigmoid that was taken off.
    np.testing.assert_allclose(
        model.translate(pairs[0][:3]), array(generator(pairs[0][:3])), atol=1e-5
    )


# Data


def test_pairs_of_every_kind_of_stream_are_taken_and_checked(pairs):
    x, y = pairs
    model = small()
    model.compile(run_eagerly=True)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return x[i * 32 : (i + 1) * 32], 2 * y[i * 32 : (i + 1) * 32]

    with pytest.raises(ValueError, match="values of y reach 2.0|pixels of y reach 2.0"):
        model.fit(Batches(), verbose=0)
    model.fit(x, y, validation_split=0.25, sample_weight=np.ones(96), verbose=0)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data")
def test_a_data_set_is_checked_without_python_and_refused_in_words(pairs):
    import tensorflow as tf

    model = small()
    model.compile(run_eagerly=True)
    data = tf.data.Dataset.from_tensor_slices(pairs).batch(32)
    model.fit(data, verbose=0)
    for wrong, says in (
        (data.map(lambda x, y: (x, 3 * y)), "y reach"),
        (data.map(lambda x, y: (x, y[:, :4])), "y has shape"),
        (data.map(lambda x, y: x), "learns from pairs: batches"),
    ):
        with pytest.raises(ValueError, match=says):
            model.fit(wrong, verbose=0)


BAD_PAIRS = [
    (lambda x, y: (x, None), ValueError, r"learns from pairs: fit\(x, y\), with y of shape \(n, 8"),
    (lambda x, y: (x, np.arange(96)), ValueError, r"y has shape \(96,\); the model takes"),
    (lambda x, y: (x, y[:50]), ValueError, "There are 96 inputs, but 50 in y"),
    (lambda x, y: (x, (255 * y).astype("uint8")), TypeError, "y has dtype uint8.*/ 255"),
    (lambda x, y: (x, y * 2), ValueError, "y reach 2.0"),
    (lambda x, y: (x, y[:, :4]), ValueError, r"y has shape \(96, 4, 8, 1\)"),
]


@pytest.mark.parametrize(("spoil", "error", "says"), BAD_PAIRS)
def test_data_that_are_no_pairs_are_refused(pairs, spoil, error, says):
    model = small()
    model.compile()
    with pytest.raises(error, match=says):
        model.fit(*spoil(*pairs), verbose=0)


BAD = [
    ({"input_shape": None}, ValueError, r"needs input_shape=\(height, width, channels\)"),
    ({"input_shape": (64,)}, ValueError, r"takes images, \(height, width, channels\)"),
    ({"target_shape": (16, 16, 1)}, ValueError, "must have the same height and width"),
    ({"filters": ()}, ValueError, "can be halved once to 3 times"),
    ({"filters": (4, 4, 4, 4)}, ValueError, "4 halvings; images of 8 x 8"),
    ({"discriminator_filters": (4,) * 5}, ValueError, "discriminator_filters is"),
    ({"l1_weight": -1.0}, ValueError, "l1_weight is -1.0"),
    ({"label_smoothing": 0.5}, ValueError, "label_smoothing is 0.5"),
    ({"likelihood": "learned_gaussian"}, ValueError, "one number for each channel"),
    ({"latent_dim": 4}, TypeError, "takes no latent_dim="),
    ({"network": "resnet"}, TypeError, "takes no network="),
    (
        {"generator": keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(1, 1)])},
        ValueError,
        r"The generator takes \(4, 4, 1\) and gives \(4, 4, 1\)",
    ),
    ({"discriminator": keras.Sequential([])}, ValueError, "a dict of x and y"),
]


@pytest.mark.parametrize(("options", "error", "says"), BAD)
def test_bad_settings_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        small(**options)


@pytest.mark.parametrize("name", ["encode", "decode", "reconstruct", "generate"])
def test_there_is_nothing_of_codes(name):
    assert not hasattr(small(), name)


def test_class_weights_are_refused(pairs):
    model = small()
    model.compile()
    with pytest.raises(ValueError, match="class_weight needs integer labels"):
        model.fit(*pairs, class_weight={0: 1.0}, verbose=0)


def test_a_stream_is_translated_batch_by_batch(pairs):
    x, y = pairs
    model = small()
    batches = ((x[i : i + 32], y[i : i + 32]) for i in (0, 32, 64))
    np.testing.assert_allclose(model.translate(batches), model.translate(x), atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 100, 1), (8, 64, 1), (3, 100, 1), (64, 16, 3)])
def test_the_default_networks_of_long_images_are_taken(shape):
    assert zoo.Pix2Pix(shape).translate(np.zeros((1, *shape), "float32")).shape == (1, *shape)


def own_discriminator(shape=SHAPE, activation=None, several=False):
    x, y = keras.Input(shape, name="x"), keras.Input(shape, name="y")
    logits = layers.Conv2D(1, 3, activation=activation)(layers.Concatenate()([x, y]))
    return keras.Model({"x": x, "y": y}, {"a": logits, "b": logits} if several else logits)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"activation": "sigmoid"}, "ends in the activation 'sigmoid'; it must give a logit"),
        ({"several": True}, "must give one output"),
        ({"shape": (4, 4, 1)}, r"takes {'x': \(4, 4, 1\).* it must take {'x': \(8, 8, 1\)"),
    ],
)
def test_a_discriminator_that_does_not_fit_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        small(discriminator=own_discriminator(**options))


def test_the_absolute_error_is_of_pairs_only(pairs):
    x, y = pairs
    for wrong in (None, np.arange(96), y[:, :4]):
        with pytest.raises((ValueError, TypeError)):
            zoo.metrics.absolute_error(small(), x, wrong)


# From a file of pairs to a preset


@pytest.mark.slow
def test_a_file_of_pairs_is_trained_from_and_measured(pairs, tmp_path, capsys):
    from zoo.cli.main import main

    x, y = ((255 * a).astype("uint8") for a in pairs)
    np.savez(tmp_path / "pairs.npz", x=x, y=y)
    out = str(tmp_path / "mine")
    words = ["train", "Pix2Pix", "--data", str(tmp_path / "pairs.npz"), "--out", out]
    assert main([*words, "--epochs", "1", "--filters", "4", "8"]) == 0
    model = zoo.load(out)
    assert (model.target_shape, model.filters) == (SHAPE, (4, 8))
    card = zoo.card(out)
    assert card["latent_dim"] == 0
    assert main(["evaluate", out, "--data", str(tmp_path / "pairs.npz")]) == 0
    assert "absolute error" in capsys.readouterr().out
    assert (tmp_path / "mine" / "preview.png").exists()
    picture = tmp_path / "translated.png"
    words = ["--data", str(tmp_path / "pairs.npz"), "--out", str(picture)]
    assert main(["generate", out, *words]) == 0
    assert picture.exists()


def test_images_without_pairs_are_refused_before_training(pairs, tmp_path, capsys):
    from zoo.cli.main import main

    np.savez(tmp_path / "images.npz", x=pairs[0])
    words = ["train", "Pix2Pix", "--data", str(tmp_path / "images.npz")]
    assert main([*words, "--out", str(tmp_path / "mine")]) != 0
    assert "learns from pairs of images: give an .npz file" in capsys.readouterr().err
