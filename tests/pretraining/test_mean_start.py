"""Decoders that start at the mean of the data."""

import keras
import numpy as np
import pytest

import zoo

pytestmark = pytest.mark.backend
DENSE = {"hidden_units": (5,)}
MAKE = {
    "dense": lambda shape, **options: zoo.VAE(shape, 2, **DENSE, **options),
    "conditional": lambda shape, **options: zoo.CVAE(shape, 2, num_classes=10, **DENSE, **options),
    "tied": lambda shape, **options: zoo.Autoencoder(
        shape, 2, tie_weights=True, **DENSE, **options
    ),
    "adversarial": lambda shape, **options: zoo.AAE(shape, 2, **DENSE, **options),
}


def decoded_without_features(model):
    """Return what is decoded if the features before the last layer are 0."""
    layer = model.decoder.get_layer("pixels")
    kernel = layer.dense.kernel if hasattr(layer, "dense") else layer.kernel  # tied, or its own
    kernel.assign(np.zeros(kernel.shape))
    labels = [3] if model.conditional else None
    return model.decode(np.ones((1, 2), "float32"), labels)[0]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "squared_error"])
@pytest.mark.parametrize("kind", MAKE)
def test_a_dense_decoder_starts_at_the_mean_image(kind, likelihood, few_digits):
    x = few_digits[0]
    model = MAKE[kind](x.shape[1:], likelihood=likelihood)
    zoo.start_at_mean(model, x)
    mean = x.mean(axis=0)
    assert (mean == 0).any()  # as pixels at the edges are, whose log-odds are infinite
    if likelihood == "bernoulli":
        mean = mean.clip(0.001, 0.999)
    np.testing.assert_allclose(decoded_without_features(model), mean, atol=1e-5)


def test_a_decoder_of_convolutions_starts_at_the_mean_of_each_channel(few_digits):
    x = np.concatenate([few_digits[0], few_digits[0] ** 2, 0 * few_digits[0]], axis=-1)
    model = zoo.VAE((8, 8, 3), 2, filters=(4,))
    zoo.start_at_mean(model, x)
    mean = x.mean(axis=(0, 1, 2)).clip(0.001)
    np.testing.assert_allclose(decoded_without_features(model), np.tile(mean, (8, 8, 1)), atol=1e-5)


def test_signals_that_a_network_takes_for_one_channel_have_one_mean(few_digits):
    x = few_digits[0].reshape(-1, 64)
    model = zoo.AAE((64,), 2, network="conv1d", filters=(4,), likelihood="gaussian")
    zoo.start_at_mean(model, x)
    bias = keras.ops.convert_to_numpy(model.decoder.get_layer("pixels").bias)
    np.testing.assert_allclose(bias, [x.mean()], rtol=1e-5)


def test_visible_units_of_a_boltzmann_machine_start_at_their_log_odds(few_digits):
    """As Hinton 2010 advises: log(p / (1 - p))."""
    x = few_digits[0].round()
    model = zoo.RBM((8, 8, 1), 4)
    zoo.start_at_mean(model, x)
    p = x.mean(axis=0).ravel().clip(0.001, 0.999)
    bias = keras.ops.convert_to_numpy(model.decoder.get_layer("pixels").bias)
    np.testing.assert_allclose(bias, np.log(p) - np.log(1 - p), rtol=1e-5)


def test_training_starts_with_a_better_bound(few_digits):
    x = few_digits[0]
    found = []
    for start in (False, True):
        model = zoo.VAE((8, 8, 1), 2, seed=1, **DENSE)
        if start:
            zoo.start_at_mean(model, x)
        model.compile("adam")
        found.append(model.evaluate(x, verbose=0, return_dict=True)["elbo"])
    entropy = -np.mean(np.sum([p * np.log(p) for p in (x.mean(0).clip(1e-6), 1 - x.mean(0))], 0))
    assert found[1] > found[0] + 5
    assert found[1] == pytest.approx(-64 * entropy, abs=5)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: zoo.VAE((64,), 2, network="dense_resnet", likelihood="gaussian"),
        lambda x: zoo.VAE((64,), 2, likelihood=zoo.GaussianColumns.adapted(x), **DENSE),
        lambda x: zoo.VAE((8, 8, 1), 2, likelihood=zoo.LearnedGaussian(), **DENSE),
        lambda x: zoo.VAE((8, 8, 1), 2, likelihood=zoo.Categorical(4), **DENSE),
        lambda x: zoo.SequenceVAE((8, 8), 2, likelihood="gaussian"),
        lambda x: zoo.M1M2(zoo.M1((8, 8, 1), 4, num_classes=10, **DENSE), 2, num_classes=10),
        lambda x: zoo.CorrespondenceAutoencoder((8, 8, 1), 2, second_shape=(8, 8, 1), **DENSE),
        lambda x: zoo.Pix2Pix((8, 8, 1), filters=(4,)),
    ],
)
def test_models_without_such_biases_are_refused(make, few_digits):
    x = few_digits[0]
    with pytest.raises(TypeError, match="cannot start at the mean: give an autoencoder"):
        zoo.start_at_mean(make(x.reshape(-1, 64) + np.random.default_rng(0).random(64)), x)


def test_bytes_are_refused(few_digits):
    with pytest.raises(TypeError, match="255"):
        zoo.start_at_mean(zoo.VAE((8, 8, 1), 2), (few_digits[0] * 255).astype("uint8"))
