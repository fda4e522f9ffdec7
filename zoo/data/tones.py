"""Random signals that are sums of tones: a stand-in for recorded sound."""

from __future__ import annotations

import numpy as np

from zoo.data.source import SOURCES, Source

STEPS = 128
TRAINING, TESTING = 20_000, 2_000
HIGHEST = 16.0  # cycles in a signal
MOST = 3  # tones


def draw(training: int = TRAINING, testing: int = TESTING, *, seed: int = 0) -> list[np.ndarray]:
    """Draw signals of one to three tones.

    A tone is a sine with a frequency uniform in 1 to 16 cycles a signal, an amplitude uniform in
    0.3 to 1, and a random phase. Each signal is scaled so that its largest magnitude is 1, and then
    mapped from [-1, 1] to [0, 1], where 0.5 is silence.

    Args:
        training, testing: the numbers of signals.
        seed: the same seed gives the same signals.

    Returns:
        x_train, y_train, x_test, y_test: signals float32 [n, 128, 1] in [0, 1]; labels int32 [n],
        the number of tones minus one.
    """
    generator = np.random.default_rng(seed)
    n = training + testing
    labels = generator.integers(0, MOST, n)
    frequency = generator.uniform(1.0, HIGHEST, (n, MOST, 1))
    amplitude = generator.uniform(0.3, 1.0, (n, MOST, 1))
    phase = generator.uniform(0.0, 2 * np.pi, (n, MOST, 1))
    sounding = np.arange(MOST)[:, None] <= labels[:, None, None]  # [n, tones, 1]
    time = np.arange(STEPS) / STEPS
    tones = amplitude * np.sin(2 * np.pi * frequency * time + phase)  # [n, tones, time]
    sums = (tones * sounding).sum(axis=1)
    sums /= np.abs(sums).max(axis=1, keepdims=True)
    x, y = (0.5 + 0.5 * sums).astype("float32")[..., None], labels.astype("int32")
    return [x[:training], y[:training], x[training:], y[training:]]


SOURCES["tones"] = Source(
    "Signals of one to three tones, drawn, 128 steps",
    "Apache-2.0",
    "autoencoder-zoo",
    ("one tone", "two tones", "three tones"),
    images=TRAINING,
    read=lambda name: draw(),
)
