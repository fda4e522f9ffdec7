"""Data in units that networks do not learn from are refused before training, and explained."""

import warnings

import keras
import numpy as np
import pytest
from support import each_class

import zoo
from zoo.models import CLASSES

ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
TAKE_ALL = ["gaussian", "learned_gaussian", "squared_error"]


def fit(x, **settings):
    settings = {"likelihood": "gaussian", "hidden_units": (4,), **settings}
    model = zoo.VAE(x.shape[1:], 2, **settings)
    model.compile("adam")
    model.fit(x, verbose=0)
    return model


@pytest.mark.parametrize("likelihood", TAKE_ALL)
@pytest.mark.parametrize("x", [100 * ROWS, 1000 + ROWS], ids=["spread", "far"])
def test_large_values_are_refused_with_the_line_that_standardizes(likelihood, x):
    match = r"size of (95.8|1e\+03).*\(x - x\.mean\(axis=0\)\) / x\.std"
    with pytest.raises(ValueError, match=match):
        fit(x, likelihood=likelihood)
    line = "x = (x - x.mean(axis=0)) / x.std(axis=0)"
    found = {"x": x}
    exec(line, found)
    fit(found["x"], likelihood=likelihood)
    fit(x, likelihood=zoo.GaussianColumns.adapted(x))


def test_large_images_and_signals_are_refused():
    with pytest.raises(ValueError, match=r"x = \(x - x\.mean\(\)\) / x\.std\(\)\.$"):
        fit(100 * ROWS.reshape(-1, 3, 1, 1))
    match = r"size of 95.*x\.mean\(axis=\(0, 1\)\).*standardize=True"
    with pytest.raises(ValueError, match=match):
        fit(100 * ROWS.reshape(-1, 3, 1))


def test_a_channel_of_signals_is_named():
    """One small channel beside a large one was lost in the mean over both."""
    signals = np.random.default_rng(0).normal(size=(40, 5, 2)).astype("float32")
    with pytest.raises(ValueError, match=r"size of 1\d(\.\d)? in channel 1"):
        fit(signals * np.array([0.01, 15], "float32"))
    with pytest.warns(UserWarning, match=r"vary only by .* in channel 0"):
        fit(signals * np.array([0.01, 2], "float32"))
    signals[..., 0] = 3.0  # a constant channel has nothing to be learned
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(signals)


def test_small_values_are_warned_of():
    with pytest.warns(UserWarning, match="vary only by 0.0095"):
        fit(0.01 * ROWS)


def test_values_near_1_need_no_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for factor in (0.1, 1.0, 5.0):
            fit(factor * ROWS)


def test_who_knows_the_units_is_not_asked():
    fit(100 * ROWS, likelihood=zoo.Gaussian(10.0))
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model = zoo.Autoencoder(encoder=encoder, decoder=decoder, likelihood="gaussian")
    model.compile("adam")
    model.fit(100 * ROWS, verbose=0)
    model = fit(ROWS)
    model.fit(100 * ROWS, verbose=0)  # it is trained: the user may want to go on with others


def test_streams_are_looked_at_too():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return 100 * ROWS[20 * index :][:20]

    model = zoo.VAE((3,), 2, likelihood="gaussian", hidden_units=(4,))
    model.compile("adam")
    with pytest.raises(ValueError, match="root mean square"):
        model.fit(Batches(), verbose=0)


WITHOUT = ("Pix2Pix", "PaletteNet", "TDAE", "M1M2", "RBM")
CLASSES_WITH_LIKELIHOOD = [name for name in CLASSES if name not in WITHOUT]


@pytest.mark.parametrize("name", each_class.every_class(CLASSES_WITH_LIKELIHOOD))
def test_every_class_looks_at_its_data(name):
    try:
        model = each_class.make(name, likelihood="gaussian")
    except TypeError:
        pytest.skip("no likelihood to choose")
    x = np.random.default_rng(0).normal(size=(12, *each_class.SHAPE)).astype("float32")
    x = each_class.data_of(name, x)
    y = np.arange(12, dtype="int32") % 3
    y = x if model.learns_pairs else y
    model.compile()
    with pytest.raises(ValueError, match="root mean square"):
        model.fit(100 * x, y if model.learns_labels else None, verbose=0)


def test_a_given_deviation_of_one_is_given():
    fit(30 * ROWS, likelihood=zoo.Gaussian(1.0))
    with pytest.raises(ValueError, match="have a size of"):  # this class has no other deviation
        model = zoo.TargetPropAutoencoder((3,), 2, likelihood=zoo.Gaussian(1.0), hidden_units=(4,))
        model.compile("adam")
        model.fit(30 * ROWS, verbose=0)


@pytest.mark.parametrize(
    ("settings", "pixels", "warns"),
    [
        ({}, "gray", True),
        ({}, "binary", False),
        ({"binarize": "dynamic"}, "gray", False),
        ({"binarize": "threshold"}, "gray", False),
        ({"likelihood": "gaussian"}, "gray", False),
    ],
)
def test_the_log_likelihood_of_gray_pixels_is_not_one_of_bernoulli(settings, pixels, warns):
    x = np.random.default_rng(0).random((3, 4)).astype("float32")
    x = x.round() if pixels == "binary" else x
    model = zoo.VAE((4,), 2, hidden_units=(3,), **settings)
    asked = [
        lambda: model.log_likelihood(x, samples=2),
        lambda: zoo.metrics.negative_log_likelihood(model, x, samples=2),
    ]
    for ask in asked:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            ask()
        assert [bool(warns)] * len(said) == ["0 and 1 only" in str(one.message) for one in said]
        assert bool(said) == warns
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.anomaly.Detector(model, score="log_likelihood", samples=2).scores(x)
