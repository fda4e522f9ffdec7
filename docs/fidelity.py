"""The table of figures beside those of papers, and how its outcomes follow from two numbers.

Its rows are in `literature.py`; `generated_pages.py` writes them into `results/fidelity.json`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = ("figure", "protocol", "reported", "source", "obtained", "seeds", "outcome")


@dataclass(frozen=True)
class Obtained:
    """A figure of ours: the metric of a preset's card, or a cell of a table in `results/`."""

    where: str  # a preset, or the name of a table
    what: str  # a metric of the card, or the column of the table
    row: Any = None  # the first cell of the row; None for a card

    def read(self, root: Path) -> Any:
        """Return the figure.

        Raises:
            LookupError: there is no such metric, row or column.
        """
        if self.row is None:
            path = root / "pretrained" / self.where / "card.json"
            figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
            found = {figure["name"]: figure["value"] for figure in figures}
            return found[self.what]
        path = root / "results" / f"{self.where}.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        column = record["columns"].index(self.what)
        rows = [row for row in record["rows"] if row[0] == self.row]
        if len(rows) != 1:
            raise LookupError(f"{self.where} has {len(rows)} rows of the name {self.row!r}.")
        cell = rows[0][column]  # "3.07 (2.48)" has the reported figure behind
        return cell.split(" (")[0] if isinstance(cell, str) else cell


@dataclass(frozen=True)
class Figure:
    """A figure of a paper.

    Attributes:
        name: what was measured, of which model.
        protocol: data, split and measure.
        reported: as the paper has it, with its own spread.
        goal: the reported number, or the end of its spread that is easier to reach.
        source: authors and year.
        obtained: where our figure stands.
        seeds: of ours.
        why: for a figure that is not matched, one sentence that explains it.
        experiment: the table in `results/` that shows the reason.
        higher: whether higher figures are better.
        images: how many test images an error in % was counted on, if the paper gives no spread.
    """

    name: str
    protocol: str
    reported: str
    goal: float
    source: str
    obtained: Obtained
    seeds: str
    why: str = ""
    experiment: str = ""
    higher: bool = False
    images: int = 0

    def interval(self) -> float:
        """Return half of the 95 % interval of the reported error, in % of the test images.

        Errors are independent draws (binomial) and their number is about normal.
        """
        share = self.goal / 100
        return 196 * math.sqrt(share * (1 - share) / self.images)


def number(value: Any) -> float:
    """Return the first number in a cell, such as 1.4 in "1.40 ± 0.02"."""
    if isinstance(value, int | float):
        return float(value)
    return float(re.search(r"-?\d+(?:\.\d+)?", str(value))[0])


def row_of(figure: Figure, root: Path) -> list[Any]:
    """Return the row of a figure: what was reported, what was obtained, and the outcome."""
    value = figure.obtained.read(root)
    ahead = number(value) - figure.goal if figure.higher else figure.goal - number(value)
    if ahead >= 0:
        outcome = "matched" if ahead == 0 else f"better by {ahead:.3g}"
    else:
        outcome = f"behind by {-ahead:.3g}"
        if figure.images:
            within = -ahead <= figure.interval()
            outcome += ", within" if within else ", more than"
            outcome += f" the 95 % interval of the reported error, ±{figure.interval():.2f}"
        outcome += f". {figure.why}" if figure.why else ""
        outcome += f" ([{figure.experiment}](#{figure.experiment}))" if figure.experiment else ""
    about = (figure.name, figure.protocol, figure.reported, figure.source)
    return [*about, value, figure.seeds, outcome]


def record(figures: Iterable[Figure], root: Path) -> dict[str, Any]:
    """Return the table of figures, as `zoo reproduce` writes tables."""
    return {
        "name": "fidelity",
        "title": "Figures beside the literature",
        "protocol": "Every figure under the protocol of its row; rows of different protocols "
        "cannot be compared. Obtained figures are read from the cards of presets and from the "
        "tables below, where their commands, networks and choices stand. A figure is matched if it "
        "is at least as good as the reported one, or within the spread that the paper itself "
        "gives. Differences below the error of our own figures say nothing.",
        "seed": 1,
        "command": "python docs/generated_pages.py",
        "columns": list(COLUMNS),
        "rows": [row_of(figure, root) for figure in figures],
        "picture": None,
    }
