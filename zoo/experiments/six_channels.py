"""Generated signals of a machine: six channels with different units, and faults in one of them."""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 128
NAMES = ("vibration", "strain", "pressure", "temperature", "speed", "load")
UNITS = ("m", "mm", "bar", "K", "1/min", "N")
SIZES = (1e-3, 0.02, 1.0, 40.0, 1e3, 1e5)  # approximate standard deviations
FAULTS = ("dropout", "drift", "spikes", "frequency")
_CYCLES = np.array([2.0, 5.0, 9.0])  # cycles per window of the shared sines
_AMPLITUDES = np.array(  # of these sines in each channel
    [[0, 0.3, 1], [0.3, 1, 0.2], [1, 0.3, 0], [1, 0, 0.2], [0.8, 0.6, 0], [0.2, 1, 0.5]]
)
_NOISE = np.array([0.35, 0.25, 0.2, 0.1, 0.15, 0.25])  # deviation of autoregressive noise
_MEMORY = np.array([0.2, 0.5, 0.7, 0.9, 0.8, 0.4])


def normal(n: int, seed: int) -> np.ndarray:
    """Return n signals without faults, float32 [n, 128, 6].

    Each channel is a sum of sines plus autoregressive noise. The phases and sizes of the sines
    differ between signals; each channel has a fixed delay.
    """
    generator = np.random.default_rng(seed)
    return _in_units(_waves(generator, n) + _noise(generator, n))


def faulty(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return n signals with a fault in one channel each.

    Returns:
        signals, float32 [n, 128, 6]; the channel of each fault, [n]; its name in `FAULTS`, [n].

    A dropout keeps the last value for 20 to 40 steps; a drift rises to 2 deviations; spikes are
    three of 2.5 to 4 deviations; a changed frequency is 1.3 times the right one.
    """
    generator = np.random.default_rng(seed)
    channels, kinds = generator.integers(len(SIZES), size=n), generator.choice(FAULTS, n)
    faster = kinds == "frequency"
    factor = np.ones((n, len(SIZES)))
    factor[faster, channels[faster]] = 1.3
    x = _waves(generator, n, factor) + _noise(generator, n)
    for i, (channel, kind) in enumerate(zip(channels, kinds, strict=True)):
        wave = x[i, :, channel]  # a view
        sign = generator.choice([-1, 1])
        if kind == "dropout":
            start, length = generator.integers(1, STEPS - 40), generator.integers(20, 41)
            wave[start : start + length] = wave[start - 1]
        elif kind == "drift":
            start = generator.integers(STEPS // 2)
            wave[start:] += sign * np.linspace(0, 2, STEPS - start)
        elif kind == "spikes":
            places = generator.choice(STEPS, 3, replace=False)
            wave[places] += generator.choice([-1, 1], 3) * generator.uniform(2.5, 4, 3)
    return _in_units(x), channels, kinds


def _waves(generator: np.random.Generator, n: int, factor: Any = 1.0) -> np.ndarray:
    """Return sums of sines [n, 128, 6], whose frequencies are multiplied by `factor` [n, 6]."""
    delays = np.arange(len(SIZES)) * 0.6  # radians
    start = generator.uniform(0, 2 * np.pi, (n, 1, 1, len(_CYCLES)))
    size = generator.uniform(0.8, 1.2, (n, 1, 1, len(_CYCLES)))
    time = 2 * np.pi * np.arange(STEPS)[:, None, None] / STEPS  # [steps, 1, 1]
    speed = generator.uniform(0.9, 1.1, (n, 1))
    factor = (speed * np.broadcast_to(factor, (n, len(SIZES))))[:, None, :, None]
    angles = start + delays[:, None] + time * _CYCLES * factor  # [n, steps, channels, sines]
    return np.sum(size * _AMPLITUDES * np.sin(angles), axis=-1)


def _noise(generator, n):
    draws = generator.normal(size=(n, STEPS, len(SIZES))) * np.sqrt(1 - _MEMORY**2)
    noise = np.zeros((n, STEPS, len(SIZES)))
    noise[:, 0] = generator.normal(size=(n, len(SIZES)))
    for t in range(1, STEPS):
        noise[:, t] = _MEMORY * noise[:, t - 1] + draws[:, t]
    return _NOISE * noise


def _in_units(x):
    offsets = np.array([0.0, 3.0, 5.0, 8.0, 3.0, -2.0])  # in deviations
    return ((x + offsets) * SIZES).astype("float32")
