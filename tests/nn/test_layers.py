"""Decoders of a user's own that end in an activation, such as a sigmoid."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.own_networks import (
    SHAPE,
    Decoder,
    Encoder,
    dense_decoder,
    dense_encoder,
    fitted,
)
from support.tiny import X, array, randomized

import zoo
from zoo.nn.layers import WithoutActivation

pytestmark = pytest.mark.backend


def nested(activation):
    return keras.Sequential(
        [keras.Input((3,)), layers.Dense(4), dense_decoder(activation=activation)]
    )


def by_operation(activation):
    z = keras.Input((3,))
    pixels = getattr(ops, activation)(layers.Dense(16)(z))
    return keras.Model(z, layers.Reshape(SHAPE)(pixels))


def by_layer(activation):
    return keras.Sequential(
        [keras.Input((3,)), layers.Dense(16), layers.Reshape(SHAPE), layers.Activation(activation)]
    )


ENDINGS = {
    "of a dense layer": lambda activation: dense_decoder(keras.Input((3,)), activation=activation),
    "of a nested network": nested,
    "as an operation": by_operation,
    "as a layer": by_layer,
}


def with_ending(decoder, **options):
    return zoo.Autoencoder(encoder=dense_encoder(keras.Input(SHAPE)), decoder=decoder, **options)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sigmoid_is_removed_if_the_likelihood_applies_it(ending, tmp_path):
    decoder = ENDINGS[ending]("sigmoid")
    model = randomized(with_ending(decoder), scale=3.0)
    z = np.random.default_rng(0).standard_normal((20, 3), np.float32)
    expected = array(decoder(z))
    assert expected.min() < 0.1
    np.testing.assert_allclose(model.decode(z), expected, atol=1e-6)
    assert array(model.decoder(z)).min() < 0  # logits
    model.save(tmp_path / "model.keras")
    zoo.save(model, tmp_path / "preset")
    for loaded in (
        keras.saving.load_model(tmp_path / "model.keras"),
        zoo.load(tmp_path / "preset"),
    ):
        np.testing.assert_allclose(loaded.decode(z), expected, atol=1e-6)
        fitted(loaded)


def test_the_users_decoder_keeps_its_sigmoid_and_learns():
    decoder = ENDINGS["of a dense layer"]("sigmoid")
    model = with_ending(decoder)
    before = array(decoder.layers[-2].kernel)
    z = fitted(model).encode(X)
    assert np.abs(array(decoder.layers[-2].kernel) - before).max() > 0
    np.testing.assert_allclose(array(decoder(z)), model.decode(z), atol=1e-6)
    assert decoder.layers[-2].activation is keras.activations.sigmoid


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax", "softplus"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_bounded_activations_are_refused_for_logits(ending, activation):
    with pytest.raises(ValueError, match=f"ends in the activation '{activation}'.*takes logits"):
        with_ending(ENDINGS[ending](activation))


@pytest.mark.parametrize("layer", [layers.ReLU(), layers.Softmax(), layers.ELU()])
def test_layers_that_only_activate_are_seen(layer):
    with pytest.raises(ValueError, match="ends in the activation"):
        with_ending(keras.Sequential([keras.Input((3,)), dense_decoder(), layer]))


@pytest.mark.parametrize("last", [None, "linear", "leaky_relu"])
def test_unbounded_activations_do_not_change(last):
    model = with_ending(ENDINGS["of a dense layer"](last))
    assert not any(isinstance(layer, WithoutActivation) for layer in model.decoder.layers)


@pytest.mark.parametrize("likelihood", ["gaussian", "squared_error"])
def test_a_likelihood_of_pixels_reads_a_sigmoid_as_it_is(likelihood):
    decoder = ENDINGS["of a dense layer"]("sigmoid")
    model = with_ending(decoder, likelihood=likelihood)
    z = np.ones((2, 3), "float32")
    np.testing.assert_allclose(model.decode(z), array(decoder(z)), atol=1e-6)


def test_a_sigmoid_on_variances_is_refused():
    decoder = keras.Sequential(
        [keras.Input((3,)), layers.Dense(32, "sigmoid"), layers.Reshape((4, 4, 2))]
    )
    with pytest.raises(ValueError, match="takes means and logarithms of variances"):
        with_ending(decoder, likelihood="learned_gaussian")


def test_a_hidden_activation_gives_a_warning():
    def make(activation):
        return zoo.Autoencoder(SHAPE, 3, encoder=Encoder(), decoder=Decoder(activation))

    with pytest.warns(UserWarning, match="The decoder gives no values below 0"):
        make("sigmoid")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make(None)
        make("tanh")


def test_an_older_file_with_a_sigmoid_gives_the_same_model(tmp_path):
    model = with_ending(ENDINGS["of a dense layer"](None))
    config = model.get_config()
    config["decoder"] = keras.saving.serialize_keras_object(ENDINGS["of a dense layer"]("sigmoid"))
    loaded = zoo.Autoencoder.from_config(config)
    z = np.zeros((1, 3), "float32")
    np.testing.assert_allclose(loaded.decode(z), 1 / (1 + np.exp(-0.5)), atol=1e-6)
