"""Signals of different lengths as one array."""

import numpy as np
import pytest

import zoo


def test_windows_hold_every_step_of_a_recording():
    signal = np.arange(23.0)[:, None] + [0.0, 100.0]
    for step in (1, 3, 5):
        found = zoo.data.windows(signal, 5, step)
        assert found.shape[1:] == (5, 2)
        assert {*found[..., 0][~np.isnan(found[..., 0])]} == {*signal[:, 0]}
        starts = found[:, 0, 0]
        np.testing.assert_array_equal(np.diff(starts), step)


def test_a_recording_shorter_than_a_window_is_one_window():
    assert zoo.data.windows([1.0, 2.0], 4).shape == (1, 4, 1)


@pytest.mark.parametrize(
    ("signals", "length", "said"),
    [
        ([], None, "no signals"),
        ([[1.0], []], None, "signal 1 has shape"),
        ([[1.0, np.nan]], None, "signal 0 holds NaN"),
        ([[[1.0, 2.0]], [[1.0]]], None, "1 channels"),
        ([[1.0, 2.0, 3.0]], 2, "3 steps"),
    ],
)
def test_bad_signals_are_refused(signals, length, said):
    with pytest.raises(ValueError, match=said):
        zoo.data.padded(signals, length)
