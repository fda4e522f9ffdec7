"""Signals are drawn as lines, one pair of axes each."""

import numpy as np
import pytest

import zoo
from zoo import plots


def drawn(axes):
    return [line.get_ydata() for line in axes.lines]


@pytest.fixture
def waves():
    return np.sin(np.linspace(0, 9, 32) + np.arange(6)[:, None]).astype("float32")[..., None]


def test_reconstructions_of_signals_lie_over_their_originals(waves):
    model = zoo.Autoencoder(
        (32, 1), 2, network="conv1d", filters=(4, 8), likelihood="squared_error"
    )
    figure = plots.reconstructions(model, waves, n=5)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5
    original, reconstruction = drawn(shown[3])
    np.testing.assert_array_equal(original, waves[3, :, 0])
    np.testing.assert_allclose(reconstruction, model.reconstruct(waves[3:4])[0, :, 0], atol=1e-5)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "original",
        "reconstruction",
    ]
    assert plots.preview(model, waves).legends


def test_every_channel_is_a_line(waves):
    both = np.concatenate([waves, 2 * waves], axis=2)
    axes = plots.signals({"two": both}).axes[0]
    np.testing.assert_array_equal(drawn(axes), both[0].T)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ({"images": np.zeros((2, 8, 8, 1))}, r"these have \(2, 8, 8, 1\)"),
        ({"none": np.zeros((0, 8))}, r"these have \(0, 8\)"),
        ({"a": np.zeros((2, 8)), "b": np.zeros((2, 9))}, "one shape"),
    ],
)
def test_what_is_no_signal_is_refused(rows, match):
    with pytest.raises(ValueError, match=match):
        plots.signals(rows)
