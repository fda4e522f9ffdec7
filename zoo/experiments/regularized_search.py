"""Settings of six methods of pre-training, searched one after the other on validation images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from zoo.experiments import regularized
from zoo.experiments.registry import experiment
from zoo.experiments.regularized import NONE, Settings, gray_photographs
from zoo.experiments.representations import fine_tuned, split
from zoo.experiments.table import SEED, Table, chosen_rows

SEARCHED = 10_000  # images that candidates are trained on
SEARCH_COLUMNS = ("pre-training", "strength", "rate", "rate of fine-tuning", "chosen")


class Candidates(NamedTuple):
    """Learning rates to try, starting with the first ones."""

    rates: tuple[float, ...]  # of pre-training
    fine_tuning: tuple[float, ...]


CANDIDATES = {
    "mnist": Candidates((8e-3, 2e-3, 3e-2), (3e-3, 1e-2, 3e-2)),
    "cifar": Candidates((2e-3, 5e-4, 8e-3), (1e-3, 3e-4, 3e-3)),
}
QUICK = {"CANDIDATES": {name: Candidates((2e-3,), (1e-3,)) for name in CANDIDATES}}


@experiment(minutes=30, rows=lambda: [*regularized.METHODS, NONE])
def regularized_settings(
    epochs: int = 8, only: Sequence[str] = (), verbose: int | str = 2
) -> Table:
    """Choose the settings of six methods of pre-training on validation images, for all alike."""
    train, validation, _ = split("mnist")
    rows = chosen("mnist", train, validation, epochs, only, verbose)
    return Table(
        "Settings of pre-training, chosen on validation images",
        f"Validation errors in % on {len(validation[0]):,} images of MNIST, for the settings of "
        f"`zoo reproduce regularized`: {_of_search('mnist', 784, epochs)} An error of "
        "4 % has a standard error of 0.2: between close candidates chance decides. Five times as "
        "many images are used later than here.",
        SEARCH_COLUMNS,
        rows,
    )


@experiment(minutes=35, rows=lambda: [*regularized.METHODS, NONE])
def regularized_cifar_settings(
    epochs: int = 15, only: Sequence[str] = (), verbose: int | str = 2
) -> Table:
    """Choose the settings of six methods of pre-training for small gray photographs."""
    train, validation, _ = gray_photographs()
    rows = chosen("cifar", train, validation, epochs, only, verbose)
    return Table(
        "Settings of pre-training for gray photographs, chosen on validation images",
        f"Validation errors in % on {len(validation[0]):,} images of CIFAR-10 in gray, for the "
        "settings of `zoo reproduce regularized_cifar`: "
        f"{_of_search('cifar', 1024, epochs)} An error of 60 % has a standard error of 0.5: "
        "between close candidates chance decides. Four times as many images are used later "
        "than here.",
        SEARCH_COLUMNS,
        rows,
    )


def _of_search(images: str, pixels: int, epochs: int) -> str:
    """Return the part of the protocol that both searches share."""
    units, fine_tuning = regularized.UNITS, regularized.FINE_TUNED[images] * epochs
    return (
        f"{pixels}-{units} sigmoid units with tied kernels, {SEARCHED:,} images to train, "
        f"{epochs} epochs of pre-training and {fine_tuning} of fine-tuning by Adam (batch 128), "
        f"seed {SEED}. First the strength of the method is searched, then with the best one the "
        "rate of pre-training, then that of fine-tuning: seven candidates for each method, whose "
        "lowest error decides."
    )


def chosen(
    images: str,
    train: tuple,
    validation: tuple,
    epochs: int,
    only: Sequence[str],
    verbose: int | str,
) -> list[list[Any]]:
    """Return a row for each method: its candidates with their errors, and what was chosen."""
    train = tuple(column[:SEARCHED] for column in train)
    names = [*regularized.METHODS, NONE]
    rows: list[list[Any]] = []
    for name in names:
        if name in chosen_rows(only, names):
            rows.append([name, *searched(images, name, train, validation, epochs, verbose)])
        else:
            rows.append([name])
        if verbose:
            print(*rows[-1], flush=True)
    return rows


def searched(
    images: str,
    name: str,
    train: tuple,
    validation: tuple,
    epochs: int,
    verbose: int | str,
) -> tuple[str, str, str, str]:
    """Return the candidates of a method with their validation errors, and what was chosen.

    One setting is varied at a time, and its best value is kept.
    """
    candidates, longer = CANDIDATES[images], regularized.FINE_TUNED[images] * epochs
    shape = train[0].shape[1:]
    models: dict[tuple, Any] = {}
    errors: dict[Settings, float] = {}

    def tried(settings: Settings) -> float:
        key = settings[:2]
        if key not in models:
            models[key] = regularized.pretrained(
                name, shape, settings, train[0], epochs, SEED, verbose
            )
        if settings not in errors:
            rates = (settings.fine_tuning,)
            found = fine_tuned(models[key], train, validation, longer, rates, verbose)
            errors[settings] = found[1]
        return errors[settings]

    if name == NONE:
        settings, strengths, rates = Settings(0, 0, 0), "", ""
    else:
        method = regularized.METHODS[name]
        settings = Settings(method.strengths[0], candidates.rates[0], candidates.fine_tuning[0])
        settings, strengths = best_of(tried, settings, "strength", method.strengths)
        settings, rates = best_of(tried, settings, "rate", candidates.rates)
        strengths = f"{method.strength} {strengths}"
    settings, fine_tuning = best_of(tried, settings, "fine_tuning", candidates.fine_tuning)
    return strengths, rates, fine_tuning, described(name, settings)


def best_of(
    tried: Callable[[Any], float], settings: Any, field: str, values: Sequence[float]
) -> tuple[Any, str]:
    """Vary one field of settings; return those with the lowest error, and all errors in words.

    Args:
        tried: returns the validation error in % of settings. settings: a named tuple.
    """
    errors = {value: tried(settings._replace(**{field: value})) for value in values}
    listed = ", ".join(f"{value:g}: {errors[value]:.2f}" for value in sorted(errors))
    return settings._replace(**{field: min(errors, key=lambda value: errors[value])}), listed


def described(name: str, settings: Settings) -> str:
    """Return settings in words."""
    last = f"fine-tuning {settings.fine_tuning:g}"
    if name == NONE:
        return last
    method = regularized.METHODS[name]
    return f"{method.strength} {settings.strength:g}, rate {settings.rate:g}, {last}"
