"""Features of places: layers side by side, resized as Keras and SciPy do."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.ndimage import gaussian_filter

import zoo
from zoo.anomaly import feature_networks
from zoo.anomaly.feature_networks import extractor, features, resized

ONE = np.float32(1)


def network(shape=(16, 16, 3)):
    """Return a classifier with layers of 16, 8, 4 and 2 pixels a side."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(4, 3, padding="same", name="whole"),
            layers.Conv2D(5, 3, strides=2, padding="same", name="half"),
            layers.ReLU(name="half_active"),
            layers.Conv2D(6, 3, strides=2, padding="same", name="quarter"),
            layers.Conv2D(7, 3, strides=2, padding="same", name="eighth"),
            layers.Flatten(name="flat"),
            layers.Dense(10, name="classes"),
        ]
    )


def test_the_last_layers_of_the_two_largest_sizes_are_the_default():
    cut = extractor(network(), None, (16, 16, 3))
    assert [tuple(output.shape[1:]) for output in cut.outputs] == [(8, 8, 5), (4, 4, 6)]
    assert [layer.name for layer in cut.layers][-2:] == ["half_active", "quarter"]


def test_features_are_the_resized_outputs_side_by_side():
    whole = network()
    cut = extractor(whole, ["half", "quarter"], (16, 16, 3))
    x = np.random.default_rng(0).random((2, 16, 16, 3)).astype("float32")
    found = np.asarray(features(cut, x, 2 * ONE, -ONE, 1))
    half, quarter = cut(2 * x - 1)
    larger = ops.image.resize(quarter, (8, 8), interpolation="bilinear")
    expected = np.concatenate([np.asarray(half), np.asarray(larger)], axis=-1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_neighbors_are_averaged():
    cut = extractor(network(), ["half"], (16, 16, 3))
    x = np.random.default_rng(0).random((1, 16, 16, 3)).astype("float32")
    one, three = (np.asarray(features(cut, x, ONE, 0 * ONE, size)) for size in (1, 3))
    np.testing.assert_allclose(three[0, 3, 4], one[0, 2:5, 3:6].mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(three[0, 0, 0], one[0, :2, :2].mean(axis=(0, 1)), atol=1e-5)


def test_images_may_have_another_size_than_the_network():
    whole = network()
    cut = extractor(whole, ["half"], (24, 20, 3))
    x = np.random.default_rng(0).random((1, 24, 20, 3)).astype("float32")
    expected = whole.get_layer("half")(whole.get_layer("whole")(x))
    np.testing.assert_allclose(cut(x)[0], expected[0], atol=1e-5)
    with pytest.raises(ValueError, match="eighth"):
        extractor(network(), ["eighth", "classes"], (24, 20, 3))


def test_gray_images_are_repeated_for_colors():
    cut = extractor(network(), ["half"], (16, 16, 1))
    x = np.random.default_rng(0).random((1, 16, 16, 1)).astype("float32")
    found = features(cut, x, ONE, 0 * ONE, 1)
    np.testing.assert_allclose(found[0], cut(x.repeat(3, axis=-1))[0], atol=1e-5)


def test_encoders_of_the_zoo_have_features():
    model = zoo.VAE((28, 28, 1), 2, network="conv", filters=(4, 8))
    cut = extractor(model.encoder, None, (28, 28, 1))
    assert [tuple(output.shape[1:3]) for output in cut.outputs] == [(14, 14), (7, 7)]


@pytest.mark.parametrize("size", [(5, 9), (11, 16)])
@pytest.mark.parametrize("sigma", [0.0, 1.3])
def test_maps_are_resized_as_by_keras_and_smoothed_as_by_scipy(size, sigma):
    maps = np.random.default_rng(0).random((2, 5, 7, 1)).astype("float32")
    expected = np.asarray(ops.image.resize(maps, size, interpolation="bilinear"))
    if sigma:
        expected = gaussian_filter(expected, (0, sigma, sigma, 0), mode="nearest")
    np.testing.assert_allclose(np.asarray(resized(maps, *size, sigma)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"network": "MobileNet"}, TypeError, "network is 'MobileNet'; give"),
        ({"network": zoo.VAE((8, 8, 1), 2)}, TypeError, "model.encoder"),
        ({"layers": ["halve"]}, ValueError, "half"),
        ({"layers": ["classes"]}, ValueError, "classes"),
        ({"layers": []}, ValueError, "No layer"),
        ({"shape": (16, 16, 4)}, ValueError, "3 channels, but these have 4"),
    ],
)
def test_what_has_no_such_features_is_refused(given, error, said):
    given = {"network": network(), "layers": None, "shape": (16, 16, 3)} | given
    with pytest.raises(error, match=said):
        extractor(**given)


def test_a_network_of_rows_is_refused():
    rows = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="one input of images"):
        feature_networks.extractor(rows, None, (16, 16, 3))
