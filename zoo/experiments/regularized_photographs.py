"""Whether longer pre-training lowers the errors of `regularized_cifar`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.experiments import regularized
from zoo.experiments.registry import experiment
from zoo.experiments.regularized import gray_photographs
from zoo.experiments.representations import error_on, fine_tuned
from zoo.experiments.table import SEED, Table, chosen_rows

# Strengths and epochs of pre-training of each method; a strength of None: it has none.
CANDIDATES: dict[str, tuple[tuple[float | None, ...], tuple[int, ...]]] = {
    "contractive (CAE)": ((0.3,), (15, 60, 120)),
    "denoising, Gaussian noise": ((0.5,), (60, 120)),
    "denoising, masking noise": ((0.5,), (60, 240, 480)),
    "autoencoder + weight decay": ((1e-5,), (8, 15, 60)),
    "autoencoder": ((None,), (8, 15, 60)),
}
RATE = 1e-3  # of pre-training
FINE_TUNING, FINE_TUNED = (3e-3, 1e-3), 30  # rates, epochs
QUICK = {
    "CANDIDATES": {"contractive (CAE)": ((0.3, 1.0), (2, 3))},
    "FINE_TUNING": (1e-3,),
    "FINE_TUNED": 2,
}


@experiment(minutes=130, rows=lambda: CANDIDATES)
def regularized_cifar_lengths(only: Sequence[str] = (), verbose: int | str = 2) -> Table:
    """Pre-train for longer on gray photographs: whether the errors of `regularized_cifar` fall."""
    sets = gray_photographs()
    train, validation, test = (len(part[0]) for part in sets)
    rates = " and ".join(f"{rate:g}" for rate in FINE_TUNING)
    return Table(
        "Regularized autoencoders as pre-training, gray photographs: longer trainings",
        f"CIFAR-10 in gray as in `zoo reproduce regularized_cifar`: {train:,} images to train, "
        f"{validation:,} to validate, {test:,} to test; 1024-{regularized.UNITS} sigmoid units "
        f"with tied kernels. One pre-training of each strength by Adam with a rate of {RATE:g} "
        "(batch 128); after each of the numbers of epochs a copy is fine-tuned for "
        f"{FINE_TUNED} epochs, with rates of {rates}, and the rate and the epoch that are best on "
        "validation images count. Validation errors in %; the setting with the lowest one is "
        f"chosen, and its error on test images is obtained. Seed {SEED}. A method that is missing "
        "was not run. Reported: Rifai et al. 2011 (ICML), table 1, on the originals.",
        ("pre-training", "reported", "validation, by epochs", "chosen", "obtained"),
        rows_of(sets, only, verbose),
    )


def rows_of(
    sets: tuple[tuple, tuple, tuple], only: Sequence[str], verbose: int | str
) -> list[list[Any]]:
    """Return a row for each method: validation errors, the best setting, and its test error."""
    train, validation, test = sets
    rows: list[list[Any]] = []
    for name, (strengths, lengths) in CANDIDATES.items():
        if name not in chosen_rows(only, CANDIDATES):
            rows.append([name])
            continue
        found: dict[str, tuple[float, Any]] = {}
        cells = []
        for strength in strengths:
            called = (
                "" if strength is None else f"{regularized.METHODS[name].strength} {strength:g}"
            )
            errors = []
            for epochs, model in _pretrained(name, strength, train[0], lengths, verbose):
                network, error = fine_tuned(
                    model, train, validation, FINE_TUNED, FINE_TUNING, verbose
                )
                found[f"{called}, {epochs} epochs".removeprefix(", ")] = error, network
                errors.append(f"{epochs}: {error:.2f}")
                if verbose:
                    print(name, called, errors[-1], flush=True)
            by_epochs = ", ".join(errors)
            cells.append(f"{called} ({by_epochs})" if called else by_epochs)
        best = min(found, key=lambda one: found[one][0])
        reported = regularized.REPORTED["cifar"][name][0]
        error = round(error_on(found[best][1], test), 2)
        rows.append([name, reported, ", ".join(cells), best, error])
    return rows


def _pretrained(name, strength, x, lengths, verbose):
    """Yield a number of epochs and the model after them, for each of several lengths."""
    model = regularized.one_layer(name, x.shape[1:], strength, SEED)
    keras.utils.set_random_seed(SEED)
    model.compile(keras.optimizers.Adam(RATE))
    done = 0
    for epochs in lengths:
        model.fit(x, batch_size=128, epochs=epochs - done, verbose=verbose)
        done = epochs
        yield epochs, model
