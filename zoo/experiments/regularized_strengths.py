"""Strengths of methods of pre-training, chosen with all training images and longer trainings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.experiments import regularized
from zoo.experiments.registry import experiment
from zoo.experiments.representations import error_on, fine_tuned, split
from zoo.experiments.table import SEED, Table, chosen_rows

EPOCHS = (30, 30)  # of pre-training and of fine-tuning
SEEDS = (1, 2, 3, 4, 5)
STRENGTHS = {  # of the methods whose errors are the furthest above the reported ones
    "contractive (CAE)": (0.1, 0.3, 1),
    "denoising, Gaussian noise": (0.25, 0.5, 1),
}
QUICK = {"EPOCHS": (2, 2), "SEEDS": (1, 2), "STRENGTHS": {"contractive (CAE)": (0.3, 1)}}


@experiment(minutes=65, rows=lambda: STRENGTHS)
def regularized_strengths(only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Search the strength of two methods of pre-training with all training images."""
    sets = split("mnist")
    before, after = EPOCHS
    return Table(
        "Regularized autoencoders as pre-training: strengths chosen with all images",
        f"MNIST, {len(sets[0][0]):,} images to train, {len(sets[1][0]):,} to validate, "
        f"{len(sets[2][0]):,} to test; 784-{regularized.UNITS} sigmoid units with tied kernels, "
        f"{before} epochs of pre-training and {after} of fine-tuning, of which the one that is "
        "best on validation images counts, as does the rate of fine-tuning, that of `zoo "
        "reproduce regularized` or a third of it. By strength: validation errors in % with seed "
        f"{SEED}; the chosen strength has the smallest. Then test errors in % of {len(SEEDS)} "
        "seeds, their mean and its standard error. A method that is missing was not run. "
        "Reported: Rifai et al. 2011 (ICML), table 1.",
        ("pre-training", "reported", "by strength", "chosen", "obtained", "standard error", "all"),
        errors_by_strength(sets, only, verbose),
    )


def errors_by_strength(
    sets: tuple[tuple, tuple, tuple], only: Sequence[str], verbose: int | str
) -> list[list[Any]]:
    """Return a row for each method: validation errors by strength, and test errors by seed."""
    test, rows = sets[2], []
    for name, strengths in STRENGTHS.items():
        if name not in chosen_rows(only, STRENGTHS):
            rows.append([name])
            continue
        networks = {one: _classifier(name, one, sets, SEED, verbose) for one in strengths}
        best = min(strengths, key=lambda one: networks[one][1])
        errors = [error_on(networks[best][0], test)]
        for seed in SEEDS[1:]:  # the first is SEED
            errors.append(error_on(_classifier(name, best, sets, seed, verbose)[0], test))
            if verbose:
                print(name, best, seed, f"{errors[-1]:.2f}", flush=True)
        called = regularized.METHODS[name].strength
        by_strength = ", ".join(f"{one:g}: {networks[one][1]:.2f}" for one in strengths)
        deviation = np.std(errors, ddof=1) / np.sqrt(len(errors))
        rows.append(
            [
                name,
                regularized.REPORTED["mnist"][name][0],
                f"{called} {by_strength}",
                f"{called} {best:g}",
                round(float(np.mean(errors)), 2),
                round(float(deviation), 2),
                ", ".join(f"{error:.2f}" for error in errors),
            ]
        )
    return rows


def _classifier(name, strength, sets, seed, verbose):
    """Return a fine-tuned classifier and its validation error in %."""
    train, validation, _ = sets
    before, after = EPOCHS
    settings = regularized.SETTINGS["mnist"][name]._replace(strength=strength)
    shape = train[0].shape[1:]
    model = regularized.pretrained(name, shape, settings, train[0], before, seed, verbose)
    rates = (settings.fine_tuning, settings.fine_tuning / 3)
    network, error = fine_tuned(model, train, validation, after, rates, verbose, seed)
    if verbose:
        print(name, strength, seed, f"validation {error:.2f}", flush=True)
    return network, error
