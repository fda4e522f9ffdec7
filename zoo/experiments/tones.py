"""Noise removed from signals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo import data, plots, recipes
from zoo.data.tones import HIGHEST
from zoo.experiments.registry import experiment
from zoo.experiments.table import Table, fit_recipe
from zoo.nn.corruption import GaussianNoise

NOISE = (0.05, 0.1, 0.2, 0.4)


@experiment(minutes=10)
def tones(epochs: int | None = None, verbose: int | str = 2) -> Table:
    """Remove noise from sums of tones by a denoising autoencoder, and by a filter."""
    recipe = recipes.get("denoising_ae_tones")
    (x, _), (x_test, _) = data.load(recipe.data)
    x = x[: len(x) - recipe.validation]
    model = fit_recipe(recipe, x, None, epochs, verbose)
    clean = {name: value for name, value in recipe.model.items() if name != "corruption"}
    without = fit_recipe(
        replace(recipe, class_name="Autoencoder", model=clean), x, None, epochs, verbose
    )
    ways = {
        "noisy signals": lambda noisy: noisy,
        "low-pass filter": low_pass,
        "autoencoder": without.reconstruct,
        "denoising autoencoder": model.reconstruct,
    }
    rows: list[list] = [[name] for name in ways]
    shown = {}
    for stddev in NOISE:
        noisy = GaussianNoise(stddev).sample(x_test, seed=0)
        for row, restore in zip(rows, ways.values(), strict=True):
            row.append(round(signal_to_noise(restore(noisy), x_test), 2))
        if stddev == 0.2:
            shown = {"noisy": noisy[:8], "clean": x_test[:8], "restored": model.reconstruct(noisy)}
            shown["restored"] = shown["restored"][:8]
    length = f"{epochs} epochs each" if epochs else f"{recipe.epochs} epochs each"
    return Table(
        "Noise removed from tones: signal-to-noise ratio in dB",
        "20,000 signals of 128 steps, sums of one to three tones of 1 to 16 cycles, drawn: a "
        "stand-in for sound, which nobody listened to; the recipe `denoising_ae_tones`, trained "
        f"with Gaussian noise of 0.2, and the same autoencoder without noise; {length}; Gaussian "
        "noise of four standard deviations on the 2,000 test signals in [0, 1]; ten times the "
        "decimal logarithm of the energy of a signal (about 0.5) over that of its error, averaged "
        "over signals. The filter keeps the 17 lowest frequencies of the Fourier transform, which "
        "hold nearly all of the tones.",
        ("signals", *(f"noise of {stddev}" for stddev in NOISE)),
        rows,
        plots.signals(shown, "tones with noise of 0.2"),
    )


def low_pass(noisy: np.ndarray) -> np.ndarray:
    """Return signals [n, time, 1] without frequencies above those of the tones."""
    spectrum = np.fft.rfft(noisy, axis=1)
    spectrum[:, int(HIGHEST) + 1 :] = 0
    return np.fft.irfft(spectrum, noisy.shape[1], axis=1)


def signal_to_noise(restored: np.ndarray, x: np.ndarray) -> float:
    """Return the signal-to-noise ratio in dB, averaged over signals, whose silence is 0.5."""
    signal = np.sum((x - 0.5) ** 2, axis=(1, 2), dtype="float64")
    noise = np.sum((restored - x) ** 2, axis=(1, 2), dtype="float64")
    return float(np.mean(10 * np.log10(signal / noise)))
