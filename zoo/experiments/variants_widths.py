"""Whether wider layers lower the error of stacked denoising autoencoders on turned digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.experiments.registry import experiment
from zoo.experiments.representations import METHODS, REPORTED, error_on, fine_tuned, split, stacked
from zoo.experiments.table import SEED, Table, chosen_rows
from zoo.experiments.variants_search import DENOISING, FINE_TUNED, FINE_TUNING

DATA = "mnist_rot"
UNITS = {"1,000 units": 1000, "2,000 units": 2000}
MASKED = (0.25, 0.5)  # shares of the pixels
RATE, EPOCHS = 4e-3, 30  # of pre-training a layer: those that `mnist_variants_settings` chose
QUICK = {"UNITS": {"1,000 units": 20}, "EPOCHS": 2, "FINE_TUNED": 2, "FINE_TUNING": (1e-3,)}


@experiment(minutes=35, rows=lambda: UNITS)
def mnist_variants_widths(only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train stacks of wider layers on turned digits: whether their error falls."""
    train, validation, test = split(DATA)
    layers, model_class, _ = METHODS[DENOISING.method]
    reported = REPORTED[DATA][list(METHODS).index(DENOISING.method)]
    rows: list[list[Any]] = []
    for name, units in UNITS.items():
        if name not in chosen_rows(only, UNITS):
            rows.append([name])
            continue
        found = {}
        for masked in MASKED:
            model = stacked(
                train[0],
                layers,
                model_class,
                DENOISING.options(masked),
                epochs=EPOCHS,
                rate=RATE,
                units=units,
                verbose=verbose,
            )
            network, error = fine_tuned(model, train, validation, FINE_TUNED, FINE_TUNING, verbose)
            found[masked] = error, network
            if verbose:
                print(name, masked, f"{error:.2f}", flush=True)
        errors = ", ".join(f"{masked:g}: {error:.2f}" for masked, (error, _) in found.items())
        best = min(found, key=lambda masked: found[masked][0])
        error = round(error_on(found[best][1], test), 2)
        rows.append([name, reported, f"masked {errors}", f"masked {best:g}", error])
    rates = ", ".join(f"{rate:g}" for rate in FINE_TUNING)
    return Table(
        "Stacks of wider layers on turned digits",
        f"Data {DATA} as in `zoo reproduce mnist_variants`: {len(train[0]):,} images to train, "
        f"{len(validation[0]):,} to validate, {len(test[0]):,} to test. {layers} denoising "
        f"autoencoders of that many units with tied kernels, each with {EPOCHS} epochs by Adam "
        f"with a rate of {RATE:g}, as `zoo reproduce mnist_variants_settings` chose; then "
        f"{FINE_TUNED} epochs of fine-tuning with rates of {rates}. The share of masked pixels, "
        "the rate and the epoch that are best on validation images count; an error of 10 % on "
        f"2,000 images has a standard error of 0.7. Seed {SEED}. A row that is missing was not "
        "run. Reported: Rifai et al. 2011 (ICML), table 2, on the published files.",
        ("layers", "reported", "validation error in %", "chosen", "test error in %"),
        rows,
    )
