"""Whether longer trainings lower the errors of methods of pre-training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.experiments import regularized
from zoo.experiments.registry import experiment
from zoo.experiments.regularized import gray_photographs
from zoo.experiments.representations import error_on, fine_tuned, split
from zoo.experiments.table import SEED, Table, chosen_rows

PRETRAINING = {"mnist": (12, 40), "cifar": (15, 60)}  # epochs
FINE_TUNING = {"mnist": (12, 40), "cifar": (30, 100)}
COMPARED = {  # those whose errors are above the reported ones
    "mnist": ("contractive (CAE)", "denoising, Gaussian noise", "binary RBM"),
    "cifar": tuple(regularized.REPORTED["cifar"]),
}
QUICK = {
    "PRETRAINING": {"mnist": (1, 2), "cifar": (1, 2)},
    "FINE_TUNING": {"mnist": (1, 2), "cifar": (1, 2)},
    "COMPARED": dict.fromkeys(COMPARED, ("contractive (CAE)",)),
}


@experiment(minutes=50)
def regularized_lengths(only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train and fine-tune for longer: whether the errors of `regularized` fall."""
    sets = split("mnist")
    return Table(
        "Regularized autoencoders as pre-training: longer trainings",
        _protocol("mnist", f"MNIST, {len(sets[0][0]):,} images to train, 784"),
        _columns("mnist"),
        errors_by_length("mnist", sets, only, verbose),
    )


@experiment(minutes=180)
def regularized_cifar_lengths(only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train and fine-tune for longer on gray photographs: whether errors fall."""
    sets = gray_photographs()
    return Table(
        "Regularized autoencoders as pre-training, gray photographs: longer trainings",
        _protocol("cifar", f"CIFAR-10 in gray, {len(sets[0][0]):,} images to train, 1024"),
        _columns("cifar"),
        errors_by_length("cifar", sets, only, verbose),
    )


def _protocol(images, data):
    table = {"mnist": "regularized", "cifar": "regularized_cifar"}[images]
    return (
        f"Errors in % on the 10,000 test images, and in parentheses on the 10,000 validation "
        f"images. {data}-{regularized.UNITS} sigmoid units with tied kernels; a + b: a epochs of "
        "pre-training and b of fine-tuning; the epoch of fine-tuning that is best on validation "
        f"images counts, with the rate of fine-tuning of `zoo reproduce {table}` or with a third "
        f"of it, whichever is better on validation images. The other settings, and the length "
        f"of the first column, are those of that table. Seed {SEED}. A method that is missing "
        "was not run. Reported: Rifai et al. 2011 (ICML), table 1."
    )


def _columns(images):
    lengths = [f"{a} + {b}" for a in PRETRAINING[images] for b in FINE_TUNING[images]]
    return ("pre-training", "reported", *lengths)


def errors_by_length(
    images: str, sets: tuple[tuple, tuple, tuple], only: Sequence[str], verbose: int | str
) -> list[list[Any]]:
    """Return a row for each method: the reported error, and the errors of each length."""
    train, validation, test = sets
    names, rows = COMPARED[images], []
    for name in names:
        if name not in chosen_rows(only, names):
            rows.append([name])
            continue
        settings = regularized.SETTINGS[images][name]
        rates = (settings.fine_tuning, settings.fine_tuning / 3)
        row = [name, regularized.REPORTED[images][name][0]]
        for before in PRETRAINING[images]:
            model = regularized.pretrained(
                name, train[0].shape[1:], settings, train[0], before, SEED, verbose
            )
            for after in FINE_TUNING[images]:
                network, held_out = fine_tuned(model, train, validation, after, rates, verbose)
                row.append(f"{error_on(network, test):.2f} ({held_out:.2f})")
                if verbose:
                    print(name, before, after, row[-1], flush=True)
        rows.append(row)
    return rows
