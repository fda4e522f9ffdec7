"""Drawn tones, and the ratio of signal to noise."""

import numpy as np
import pytest

from zoo import data
from zoo.data import tones
from zoo.experiments.tones import low_pass, signal_to_noise


def test_signals_are_sums_of_as_many_tones_as_the_label_says():
    x, y, x_test, _ = tones.draw(300, 30, seed=2)
    assert (x.shape, x.dtype, y.dtype) == ((300, 128, 1), "float32", "int32")
    assert x_test.shape == (30, 128, 1)
    np.testing.assert_allclose(np.abs(x - 0.5).max(axis=1), 0.5, atol=1e-6)
    assert set(y) == {0, 1, 2}
    np.testing.assert_array_equal(tones.draw(300, 30, seed=2)[0], x)
    assert not np.array_equal(tones.draw(300, 30, seed=3)[0], x)


def test_one_tone_is_a_sine_of_at_most_sixteen_cycles():
    """A sine obeys s(t + 1) + s(t - 1) = 2 cos(w) s(t), whatever its amplitude and phase."""
    x, y, _, _ = tones.draw(300, 1)
    s = x[y == 0, :, 0].astype("float64") - 0.5
    middle, neighbors = s[:, 1:-1], s[:, 2:] + s[:, :-2]
    factor = (middle * neighbors).sum(1) / (middle**2).sum(1)
    np.testing.assert_allclose(neighbors, factor[:, None] * middle, atol=1e-5)
    cycles = np.arccos(factor / 2) * tones.STEPS / (2 * np.pi)
    assert cycles.min() > 0.99
    assert cycles.max() < tones.HIGHEST + 0.01


def test_tones_load_without_any_file(monkeypatch):
    monkeypatch.setattr(tones.draw, "__defaults__", (50, 10))
    (x, y), (x_test, _) = data.load("tones")
    assert (x.shape, y.shape, x_test.shape) == ((50, 128, 1), (50,), (10, 128, 1))
    assert data.SOURCES["tones"].classes[2] == "three tones"


def test_the_ratio_of_signal_to_noise_is_in_decibels():
    x = 0.5 + np.tile([[0.5], [-0.5]], (4, 8, 1))
    assert signal_to_noise(x + 0.05, x) == pytest.approx(20)
    assert signal_to_noise(np.full_like(x, 0.5), x) == pytest.approx(0)


def test_the_low_pass_filter_keeps_low_frequencies_alone():
    time = np.arange(128) / 128
    low, high = (np.sin(2 * np.pi * k * time)[None, :, None] for k in (16, 17))
    np.testing.assert_allclose(low_pass(0.5 + low + high), 0.5 + low, atol=1e-12)
