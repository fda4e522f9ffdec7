"""The list of experiments: each is registered where it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """A comparison that `zoo reproduce` runs.

    Attributes:
        name: its name.
        run: the function that runs it and returns a `Table`; its arguments are, where they
            apply, `verbose`, `epochs`, `only` and `states`.
        minutes: about how long it takes on two cores.
        line: one line about it.
        rows: a function that returns the names of the rows that can be run alone, by `only`; None
            if all rows are run together.
    """

    name: str
    run: Callable[..., Any]
    minutes: float
    line: str
    rows: Callable[[], Iterable[str]] | None = None


EXPERIMENTS: dict[str, Experiment] = {}


def experiment(
    minutes: float, rows: Callable[[], Iterable[str]] | None = None
) -> Callable[[Callable], Callable]:
    """Register a function as the experiment of its name.

    Args:
        minutes: about how long it takes on two cores, with its own number of epochs.
        rows: for one with the argument `only`, a function that returns the names it may have.
    """

    def registered(run: Callable) -> Callable:
        line = (run.__doc__ or "").split("\n", 1)[0]
        EXPERIMENTS[run.__name__] = Experiment(run.__name__, run, minutes, line, rows)
        return run

    return registered
