"""Dropout in the encoder of adversarial models, in training alone: of hidden values, of pixels."""

import keras
import numpy as np
import pytest
from keras import ops
from support.tiny import X, array, randomized

import zoo

pytestmark = pytest.mark.backend


def aae(**options):
    return zoo.AAE((4, 4, 1), 2, hidden_units=(5,), **options)


def test_dropout_drops_hidden_values_of_the_encoder_in_training_only():
    model = randomized(aae(dropout=0.5))
    x = ops.convert_to_tensor(np.repeat(X[:1], 4000, axis=0))
    fixed = array(model.encoder(x, training=False))
    assert np.ptp(fixed, axis=0).max() < 1e-5
    drawn = array(model.encoder(x, training=True))
    # What is dropped is made up for by what is kept: in the mean the value is that without.
    deviation = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (drawn.std(axis=0) > 0.01).all()
    assert (np.abs(drawn.mean(axis=0) - fixed[0]) < 4 * deviation).all()
    copy = zoo.AAE.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.encode(X), model.encode(X), atol=1e-6)
    with pytest.raises(ValueError, match="dropout is 1.0"):
        aae(dropout=1.0)
    with pytest.raises(ValueError, match="input_dropout is -0.1"):
        aae(input_dropout=-0.1)
    with pytest.raises(ValueError, match="input_dropout= is for networks built from settings"):
        zoo.AAE(encoder=model.encoder, decoder=model.decoder, input_dropout=0.2)


def test_input_dropout_drops_pixels_in_training_only():
    model = randomized(aae(input_dropout=0.5))
    seen = keras.Model(model.encoder.input, model.encoder.get_layer("dropout_of_inputs").output)
    pixels = X.reshape(len(X), -1)
    np.testing.assert_array_equal(array(seen(X, training=False)), pixels)
    dropped = array(seen(np.repeat(X, 200, axis=0), training=True)).reshape(len(X), 200, -1)
    kept = dropped[pixels[:, None].repeat(200, axis=1) > 0] > 0
    assert abs(kept.mean() - 0.5) < 5 * 0.5 / np.sqrt(kept.size)
    np.testing.assert_allclose(dropped.max(axis=1), 2 * pixels, rtol=1e-6)


def test_the_state_of_dropout_is_saved(tmp_path):
    model = aae(dropout=0.5, seed=3)
    model.compile()
    model.fit(X, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    layer, same = (m.encoder.get_layer("dropout_0") for m in (model, again))
    ones = ops.ones((4, 50))
    np.testing.assert_array_equal(
        array(same(ones, training=True)), array(layer(ones, training=True))
    )
    fresh = aae(dropout=0.5, seed=4).encoder.get_layer("dropout_0")
    assert (array(fresh(ones, training=True)) != array(layer(ones, training=True))).any()
