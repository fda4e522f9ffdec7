"""Rows of a table that are generated under conditions: by the label of a model, or by rejection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.conditions import Condition, condition
from zoo.data.frames import LEAST_MATCHED, pandas_for
from zoo.data.table_columns import Columns

AT_ONCE = 10_000
TRIES, LEAST_TRIES = 100, 100_000  # rows for each row that is asked for, and in all


@dataclass(frozen=True)
class FoundRows:
    """Generated rows under conditions.

    Attributes:
        frame: a DataFrame with the rows.
        by_label: the conditions that the model met by its label. rejected: those that decided which
            rows were kept.
        drawn, accepted: how many rows were generated, and of how many the conditions held.
    """

    frame: Any
    by_label: tuple[Condition, ...]
    rejected: tuple[Condition, ...]
    drawn: int
    accepted: int

    def told(self) -> str:
        """Return in words how the conditions were met."""
        said = []
        if self.by_label:
            names = ", ".join(map(str, self.by_label))
            said.append(f"{names}: by the label of the model")
        if self.rejected:
            names = ", ".join(map(str, self.rejected))
            said.append(
                f"{names}: by rejection, held in {self.accepted:,} of {self.drawn:,} generated "
                f"rows ({self.accepted / self.drawn:.2%})"
            )
        return "; ".join(said)


def rows_where(
    model: Any,
    n: int,
    where: Sequence[str] = (),
    *,
    label: str | None = None,
    labels: Sequence[int] | None = None,
    seed: int = 0,
    most: int | None = None,
    match: Any = None,
) -> FoundRows:
    """Generate n rows of a table for which conditions hold.

    A condition "=" on the label of a conditional model, such as a `zoo.CVAE`, chooses the label.
    All others are met by rejection: rows are generated until enough of them fulfill the conditions,
    which gives draws from the model's distribution under the conditions.

    Args:
        model: a model with named columns. n: the number of rows.
        where: conditions, such as "kind=b", "age<40", "age>=18".
        label: the name of the column of labels, for conditional models.
        labels: the classes of the rows, in turn; None draws each class with the same probability.
        seed: the same seed gives the same rows.
        most: how many rows are generated at most; by default 100 for each row, and at least
            100,000.
        match: the training table of a model without labels, a `zoo.data.Table`: every batch of
            rows, before the conditions, gets the distribution of its columns, as by
            `Table.to_frame(match=True)`.

    Raises:
        ImportError: pandas is not installed.
        ValueError: a condition on no column, one that no row can fulfill, or too few rows for which
            they hold; labels for a model without.
    """
    pandas = pandas_for("A table of generated rows")
    columns = Columns.of(model.likelihood)
    if columns is None:
        raise ValueError("This model has no named columns: it generates no rows of a table.")
    classes = _classes(model) if model.conditional and not model.label_shape else ()
    if labels is not None and not classes:
        raise ValueError(f"{type(model).__name__} takes no labels: leave labels (--labels) out.")
    sources = columns.sources(columns.names)
    if classes:
        label = label or "label"
        if label in dict(columns.sources(columns.names)):
            raise ValueError(
                f"The table has a column {label!r}, which is also the name of the classes: rename "
                "the column in the table, and train the model again."
            )
        sources = [*sources, (label, classes)]
    conditions = [condition(text, sources) for text in where]
    by_label = tuple(c for c in conditions if classes and c.column == label)
    rejected = tuple(c for c in conditions if c not in by_label)
    _check_possible(model.likelihood, columns, rejected)
    if by_label:
        if labels is not None or len({c.value for c in by_label}) > 1:
            raise ValueError(
                f"Conditions and labels ask for several values of {label!r}: give one."
            )
        labels = [classes.index(str(by_label[0].value))]
    most = max(n, most or max(TRIES * n, LEAST_TRIES)) if rejected else n
    generator, kept, drawn, accepted = np.random.default_rng(seed), [], 0, 0
    while accepted < n and drawn < most:
        size = min(AT_ONCE, most - drawn, max(n, 1000) if rejected else n - drawn)
        size = size if match is None else max(size, LEAST_MATCHED)
        given = _labels_of(size, drawn, labels, len(classes), generator) if classes else None
        once = seed if not rejected and n <= AT_ONCE else int(generator.integers(2**31))
        if match is None:
            frame = model.generate(size, given, seed=once, frame=True)
        else:
            frame = match.to_frame(model.generate(size, seed=once), match=True)
        if given is not None:
            frame[label] = np.array(classes, object)[given] if model.label_names else given
        held = np.full(size, True)
        for one in rejected:
            held &= one.holds(frame)
        kept.append(frame[held])
        drawn, accepted = drawn + size, accepted + int(held.sum())
    if accepted < n:
        raise ValueError(
            f"{', '.join(map(str, rejected))}: held in {accepted:,} of {drawn:,} generated rows, "
            f"and {n:,} are asked for. Ask for fewer rows or for more tries (--most), or give "
            "wider conditions; for a category, a CVAE with that column as its label needs no tries."
        )
    frame = pandas.concat(kept, ignore_index=True)[:n]
    return FoundRows(frame, by_label, rejected, drawn, accepted)


def _classes(model) -> tuple[str, ...]:
    """Return the names of a conditional model's classes, or their numbers as text."""
    return tuple(model.label_names or map(str, range(model.num_classes)))


def _labels_of(n, before, labels, classes, generator) -> np.ndarray:
    """Return classes in turn, going on after `before` rows; or all of them equally often."""
    if labels is None:
        return generator.integers(classes, size=n).astype("int32")
    return np.resize(np.roll(labels, -(before % len(labels))), n).astype("int32")


def _check_possible(likelihood, columns, conditions):
    """Refuse conditions that lie outside of what the model can generate."""
    ranges = getattr(likelihood, "ranges", None)
    if not ranges:
        return
    for one in conditions:
        if one.column in columns.names:
            least, largest, _ = ranges[columns.names.index(one.column)]
            if not one.possible(least, largest):
                raise ValueError(
                    f"{one} holds for no generated row: {one.column!r} is from {least:g} to "
                    f"{largest:g}, as in the training rows."
                )
