"""The deep feature consistent VAE: its loss against its formula, and the network of features."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from support.tiny import X, array, features_of_images, randomized

import zoo
from zoo.models.base import Batch

pytestmark = pytest.mark.backend

SHAPE = (4, 4, 1)


def dfc_vae(**options):
    options = {"features": features_of_images(SHAPE), **options}
    return zoo.DFCVAE(SHAPE, 2, hidden_units=(5,), **options)


def test_the_loss_equals_the_formula():
    features = features_of_images(SHAPE)
    model = randomized(dfc_vae(features=features, beta=0.5, feature_weight=(4.0, 6.0)), scale=0.3)
    features.set_weights(model.features.get_weights())
    head = model.encoder.get_layer("z_log_var")  # so small that samples are the mean
    kernel, bias = head.get_weights()
    head.set_weights([0 * kernel, 0 * bias - 40.0])
    image, losses = model.reconstruct(X), model.losses(Batch(ops.convert_to_tensor(X)), False)
    low, high = (
        ((real - made) ** 2).reshape(len(X), -1).mean(axis=1)
        for real, made in zip(features.predict(X), features.predict(image), strict=True)
    )
    mean, log_var = model.posterior_moments(X)
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    metrics = {name: array(metric) for name, metric in losses.metrics.items()}
    np.testing.assert_allclose(metrics["features"], 2 * low + 3 * high, rtol=3e-3)
    cross = -(X * np.log(image) + (1 - X) * np.log(1 - image)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(metrics["reconstruction"], cross, rtol=3e-3)
    (loss,) = losses.terms
    np.testing.assert_allclose(array(loss), 0.5 * kl + 2 * low + 3 * high, rtol=3e-3)


def test_the_network_of_features_stays_as_it_is():
    given = features_of_images(SHAPE)
    before = given.get_weights()
    model = dfc_vae(features=given)
    model.compile("adam", run_eagerly=True)
    model.fit(X, verbose=0)
    for network in (given, model.features):
        for a, b in zip(before, network.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert given.trainable_variables  # the user's own network may be trained on
    trained = model.encoder.trainable_variables + model.decoder.trainable_variables
    assert {id(v) for v in model.trainable_variables} == {id(v) for v in trained}


def test_a_saved_model_holds_the_weights_of_the_features(tmp_path):
    model = randomized(dfc_vae())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(model.features.get_weights(), loaded.features.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not loaded.features.trainable


@keras.saving.register_keras_serializable(package="tests")
class Features(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.flat = layers.Flatten()

    def call(self, x):
        return self.flat(x)


@pytest.mark.parametrize("network", [layers.Flatten(), keras.Sequential([layers.Flatten()])])
def test_one_layer_and_networks_without_a_known_shape_are_taken(network):
    model = dfc_vae(features=network, feature_weight=1.0)
    error = array(model.feature_error(ops.convert_to_tensor(X), ops.convert_to_tensor(1 - X)))
    np.testing.assert_allclose(error, ((2 * X - 1) ** 2).mean(axis=(1, 2, 3)) / 2, rtol=1e-5)


def test_a_subclassed_network_is_taken():
    model, zeros = dfc_vae(features=Features(), feature_weight=1), ops.zeros((2, *SHAPE))
    error = model.feature_error(zeros, zeros + 1.0)
    np.testing.assert_allclose(array(error), 0.5)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"features": None}, TypeError, "needs features="),
        ({"features": 3}, TypeError, "features= is 3; give a Keras model"),
        ({"features": "digits"}, ValueError, "no reference classifier for 'digits'"),
        ({"features": "mnist"}, ValueError, r"takes \(28, 28, 1\); .* are \(4, 4, 1\)"),
        ({"feature_weight": 0.0}, ValueError, "feature_weight is 0.0"),
        ({"feature_weight": [1.0, -1.0]}, ValueError, "feature_weight is -1.0"),
        ({"feature_weight": (1.0,)}, ValueError, "has 1 numbers, and features= gives 2 layers"),
        ({"corruption": {"masking": 0.5}}, TypeError, "takes no corruption="),
    ],
)
def test_bad_settings_are_refused(options, kind, message):
    with pytest.raises(kind, match=message):
        dfc_vae(**options)


def test_rows_of_a_table_are_refused():
    columns = zoo.GaussianColumns.adapted(X.reshape(12, 16), [str(i) for i in range(16)])
    with pytest.raises(ValueError, match="for rows of a table"):
        zoo.DFCVAE((16,), 2, features=layers.Flatten(), hidden_units=(5,), likelihood=columns)


def test_features_are_those_of_the_classifier_before_its_activations():
    network = zoo.metrics.reference_features("mnist")
    classifier = zoo.metrics.load_reference_classifier("mnist")
    x = np.random.default_rng(0).random((4, 28, 28, 1), "float32")
    low, middle, high = network.predict(x, verbose=0)
    np.testing.assert_allclose(
        np.maximum(high, 0), array(sees(classifier, 3, x)) / 1.3688, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        np.maximum(low, 0), array(sees(classifier, 1, x)) / 0.1695, rtol=1e-3, atol=1e-4
    )
    assert middle.shape == (4, 12, 12, 32)


def sees(classifier, n, x):
    """Return what the first n convolutions give, with their activations."""
    for layer in classifier.layers[:n]:
        x = layer(x)
    return x
