"""Sections of a report: drift by period, and the comparison with an earlier detector."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.anomaly.comparison import Comparison
from zoo.anomaly.periods import Drift
from zoo.plots.pages import section, table


def of_drift(drift: Drift) -> str:
    """Return HTML of a drift: a sentence, the picture, and a table of the periods."""
    rows = [
        (
            *(p.name, f"{p.items:,}", p.anomalies, f"{p.share:.2%}"),
            f"{p.share_low:.2%} to {p.share_high:.2%}",
            f"{p.median:.5g}",
            f"{p.median_low:.5g} to {p.median_high:.5g}",
        )
        for p in drift.periods
    ]
    interval = f"{drift.level:.0%} interval"
    titles = ("period", "items", "anomalies", "share", interval, "median score", interval)
    title = "By period" if drift.every == "value" else f"By {drift.every}"
    return section(title, drift.described(), drift.figure()) + table(titles, rows)


def of_comparison(compared: Comparison, ids: Sequence | None, top: int) -> str:
    """Return HTML of a comparison: a sentence, the picture, and the changed flags."""
    rows = [
        (
            int(i) if ids is None else ids[i],
            f"{compared.old_scores[i]:.6g}",
            f"{compared.new_scores[i]:.6g}",
            change,
        )
        for change, items in (("gained", compared.gained), ("lost", compared.lost))
        for i in items[:top]
    ]
    picture = section("Compared with the earlier detector", compared.described(), compared.figure())
    titles = ("item", "old score", "new score", "flag")
    return picture + (table(titles, rows) if rows else "")


def write_periods(drift: Drift, path: Path) -> None:
    """Write the periods as a .csv file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(drift.periods[0]._fields)
        writer.writerows([_rounded(value) for value in period] for period in drift.periods)


def _rounded(value):
    return f"{value:.9g}" if isinstance(value, float) else value


def columns_of(compared: Comparison) -> dict[str, Sequence]:
    """Return the columns that a comparison adds to the table of scores."""
    change = np.full(len(compared.new_scores), "", "<U6")
    change[compared.gained], change[compared.lost] = "gained", "lost"
    return {
        "old_score": [f"{score:.9g}" for score in compared.old_scores],
        "flag": change.tolist(),
    }
