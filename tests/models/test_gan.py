"""The GAN: its losses against the formulas, its two updates, and what it refuses."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomized

import zoo
from zoo.cli.main import main
from zoo.models.base import Batch

pytestmark = pytest.mark.backend

SHAPE = (4, 4, 1)


class Fixed(zoo.Normal):
    """A prior whose draws are all the same code, so that losses can be compared."""

    def draw(self, n, seed_generator, label=None):
        return ops.tile(ops.convert_to_tensor([[0.5, -1.0]]), (n, 1))


def ends_in_a_sigmoid():
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])


def gan(**options):
    return randomized(zoo.GAN(SHAPE, 2, **{"hidden_units": (5,), **options}))


def softplus(value):
    return np.log1p(np.exp(value))


def test_the_losses_are_those_of_the_paper():
    model = gan(prior=Fixed(2), label_smoothing=0.1)
    batch = Batch(ops.convert_to_tensor(X))
    samples = model.decode(np.tile([[0.5, -1.0]], (len(X), 1)))
    real, fake = (
        array(model.discriminator(ops.convert_to_tensor(images)))[:, 0] for images in (X, samples)
    )
    found = model.discriminator_losses(batch, training=False)
    expected = 0.9 * softplus(-real) + 0.1 * softplus(real) + softplus(fake)
    np.testing.assert_allclose(array(found.terms[0]), expected, rtol=1e-4)
    shares = [np.mean(real > 0), np.mean(fake < 0), 0.0]
    for name, share in zip(model.metric_names[2:], shares, strict=True):
        np.testing.assert_allclose(array(found.metrics[name]), share, atol=1e-6)
    found = model.generator_losses(batch, training=False)
    np.testing.assert_allclose(array(found.terms[0]), softplus(-fake), rtol=1e-4)


@pytest.mark.parametrize(
    ("update", "moved"), [("discriminator", {"discriminator"}), ("generator", {"decoder"})]
)
def test_each_update_trains_its_network_alone(update, moved):
    model = gan()
    rates = {name: keras.optimizers.SGD(0.1 * (name == update)) for name in model.updates}
    model.compile(rates, run_eagerly=True)
    before = {name: getattr(model, name).get_weights() for name in model.network_names}
    model.fit(X, verbose=0)
    changed = {
        name
        for name, weights in before.items()
        if any(
            (a != b).any() for a, b in zip(weights, getattr(model, name).get_weights(), strict=True)
        )
    }
    assert changed == moved


def test_a_discriminator_that_cannot_tell_has_the_loss_of_two_coins():
    model = gan()
    logit = model.discriminator.get_layer("logit")
    logit.set_weights([0 * w for w in logit.get_weights()])
    model.compile()
    logs = model.evaluate(X, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(2 * np.log(2), rel=1e-5)
    assert logs["generator"] == pytest.approx(np.log(2), rel=1e-5)


def test_networks_of_ones_own_are_taken_and_saved(tmp_path):
    z, x = keras.Input((2,)), keras.Input(SHAPE)
    generator = keras.Model(z, keras.layers.Reshape(SHAPE)(keras.layers.Dense(16)(z)))
    told = keras.layers.Dense(1)(keras.layers.Flatten()(x))
    model = zoo.GAN(decoder=generator, discriminator=keras.Model(x, told))
    assert (model.image_shape, model.latent_dim) == (SHAPE, 2)
    assert model.generate(3, seed=0).shape == (3, *SHAPE)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.generate(5, seed=3), model.generate(5, seed=3))
    given = ops.convert_to_tensor(X)
    np.testing.assert_allclose(array(loaded.logits(given)), array(model.logits(given)), rtol=1e-5)


def test_a_sequential_generator_that_states_no_shape_takes_the_latent_dim():
    layers = [keras.layers.Dense(16), keras.layers.Reshape(SHAPE)]
    model = zoo.GAN(latent_dim=3, decoder=keras.Sequential(layers), hidden_units=(4,))
    assert model.generate(2, seed=0).shape == (2, *SHAPE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_smoothing": 0.5}, "label_smoothing"),
        ({"likelihood": "categorical"}, "choose 'bernoulli'"),
        ({"tie_weights": True}, "GAN takes no"),
        ({"encoder": keras.Sequential([keras.layers.Dense(2)])}, "GAN takes no"),
        ({"discriminator": keras.Sequential([keras.layers.Flatten()])}, "must take"),
        ({"discriminator": ends_in_a_sigmoid()}, "ends in the activation 'sigmoid'"),
    ],
)
def test_what_a_gan_has_not_is_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        zoo.GAN(SHAPE, 2, **options)


@pytest.mark.parametrize(
    "name", ["encode", "reconstruct", "reconstruction_error", "encoder", "encoder_outputs"]
)
def test_there_is_nothing_of_an_encoder(name):
    assert not hasattr(gan(), name)


def test_the_model_itself_generates():
    model, z = gan(), np.random.default_rng(0).standard_normal((3, 2), np.float32)
    np.testing.assert_allclose(array(model(z)), model.decode(z), atol=1e-6)


def test_alike_samples_are_reported_in_training():
    model = gan(prior=Fixed(2))
    model.compile(run_eagerly=True)
    with pytest.warns(
        UserWarning, match="samples of GAN are nearly all alike: in the epochs 1 and 2"
    ):
        model.fit(X, epochs=2, verbose=0)


def test_alike_samples_of_the_first_epoch_may_pass():
    model = gan(prior=Fixed(2))
    model.compile(run_eagerly=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(X, verbose=0)


def test_the_preview_shows_samples():
    figure = zoo.plots.preview(gan(), X)
    assert figure.axes[0].get_title() == "decoded samples of the prior"
    signals = zoo.GAN((16, 1), 2, network="conv1d", filters=(4,))
    figure = zoo.plots.preview(signals, np.zeros((4, 16, 1), "float32"))
    assert figure.get_suptitle() == "generated signals"


def test_noise_of_another_shape_is_taken():
    z = keras.Input((2, 2, 3))
    image = keras.layers.Conv2DTranspose(1, 3, 2, "same")(z)
    model = zoo.GAN(latent_dim=(2, 2, 3), decoder=keras.Model(z, image), hidden_units=(4,))
    assert (model.image_shape, model.code_shape) == (SHAPE, (2, 2, 3))
    assert model.decode(np.zeros((5, 2, 2, 3), "float32")).shape == (5, *SHAPE)


def test_statistics_of_batches_are_those_of_training():
    """Samples are normalized by their own batch in both updates, as in the paper on DCGANs."""
    z = keras.Input((2,))
    flat = keras.layers.BatchNormalization()(keras.layers.Dense(16)(z))
    model = zoo.GAN(decoder=keras.Model(z, keras.layers.Reshape(SHAPE)(flat)), hidden_units=(4,))
    batch = Batch(ops.convert_to_tensor(X))
    logits = -np.log(1 / array(model.samples_like(batch, training=True)) - 1)
    np.testing.assert_allclose(logits.mean(axis=0), 0, atol=1e-3)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    seen = []
    model.samples_like = lambda batch, training: (
        seen.append(training) or zoo.GAN.samples_like(model, batch, training)
    )
    model.fit(X, batch_size=len(X), verbose=0)
    assert seen == [True, True]


def test_convolutions_of_a_discriminator_are_refused_for_vectors():
    with pytest.raises(ValueError, match=r"need images.*input_shape is \(8,\)"):
        zoo.GAN((8,), 1, discriminator_filters=(4,), likelihood="squared_error")


def test_evaluate_says_that_nothing_can_be_measured_without_a_classifier(tmp_path, capsys):
    zoo.save(zoo.GAN((8, 8, 1), 2, hidden_units=(4,)), tmp_path / "mine")
    assert main(["evaluate", str(tmp_path / "mine"), "--data", "digits"]) in (0, None)
    assert "none of the metrics of GAN can be measured" in capsys.readouterr().out


def test_what_needs_codes_refuses_a_gan_before_it_is_trained():
    with pytest.raises(TypeError, match="no encoder"):
        zoo.anomaly.Detector(gan())
    with pytest.raises(TypeError, match="no encoder"):
        zoo.anomaly.Detector("GAN")
    with pytest.raises(TypeError, match="no encoder"):
        zoo.classifier(gan(), 3)
    with pytest.raises(TypeError, match="no encoder"):
        zoo.sklearn.AutoencoderTransformer("GAN", 2, epochs=1).fit(X.reshape(len(X), -1))
    with pytest.raises(ValueError, match="with an encoder, and a GAN has none"):
        zoo.plots.filters(gan())


def test_a_discriminator_may_name_its_only_input():
    x = keras.Input(SHAPE, name="x")
    logit = keras.layers.Dense(1)(keras.layers.Flatten()(x))
    model = zoo.GAN(SHAPE, 2, discriminator=keras.Model({"x": x}, logit), hidden_units=(4,))
    assert model.logits(ops.convert_to_tensor(X)).shape == (len(X),)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel")
def test_keras_exports_the_generator(tmp_path):
    import tensorflow as tf

    model, z = gan(), np.random.default_rng(0).standard_normal((3, 2), np.float32)
    model.export(tmp_path / "saved", verbose=False)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(saved.serve(z), model.decode(z), atol=1e-5)
