"""Whether longer trainings lower the errors of methods of pre-training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.experiments import regularized
from zoo.experiments.registry import experiment
from zoo.experiments.representations import error_on, fine_tuned, split
from zoo.experiments.table import SEED, Table, chosen_rows

PRETRAINING = FINE_TUNING = (12, 40)  # epochs
# Those whose errors are above the reported ones.
COMPARED = ("contractive (CAE)", "denoising, Gaussian noise", "binary RBM")
QUICK = {"PRETRAINING": (1, 2), "FINE_TUNING": (1, 2), "COMPARED": ("contractive (CAE)",)}


@experiment(minutes=50, rows=lambda: COMPARED)
def regularized_lengths(only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train and fine-tune for longer: whether the errors of `regularized` fall."""
    sets = split("mnist")
    lengths = [f"{a} + {b}" for a in PRETRAINING for b in FINE_TUNING]
    return Table(
        "Regularized autoencoders as pre-training: longer trainings",
        f"Errors in % on the 10,000 test images, and in parentheses on the 10,000 validation "
        f"images. MNIST, {len(sets[0][0]):,} images to train, 784-{regularized.UNITS} sigmoid "
        "units with tied kernels; a + b: a epochs of pre-training and b of fine-tuning; the epoch "
        "of fine-tuning that is best on validation images counts, with the rate of fine-tuning of "
        "`zoo reproduce regularized` or with a third of it, whichever is better on validation "
        "images. The other settings, and the length of the first column, are those of that table. "
        f"Seed {SEED}. A method that is missing was not run. Reported: Rifai et al. 2011 (ICML), "
        "table 1.",
        ("pre-training", "reported", *lengths),
        errors_by_length(sets, only, verbose),
    )


def errors_by_length(
    sets: tuple[tuple, tuple, tuple], only: Sequence[str], verbose: int | str
) -> list[list[Any]]:
    """Return a row for each method: the reported error, and the errors of each length."""
    train, validation, test = sets
    rows: list[list[Any]] = []
    for name in COMPARED:
        if name not in chosen_rows(only, COMPARED):
            rows.append([name])
            continue
        settings = regularized.SETTINGS["mnist"][name]
        rates = (settings.fine_tuning, settings.fine_tuning / 3)
        row = [name, regularized.REPORTED["mnist"][name][0]]
        for before in PRETRAINING:
            model = regularized.pretrained(
                name, train[0].shape[1:], settings, train[0], before, SEED, verbose
            )
            for after in FINE_TUNING:
                network, held_out = fine_tuned(model, train, validation, after, rates, verbose)
                row.append(f"{error_on(network, test):.2f} ({held_out:.2f})")
                if verbose:
                    print(name, before, after, row[-1], flush=True)
        rows.append(row)
    return rows
