"""A page about generated rows of a table: five measures, beside a copula and real rows."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Patch

from zoo.files.atomic_writes import check_file, write_file
from zoo.metrics.synthetic import COPULA, HELD_OUT, SyntheticRows, Tables, measured_beside
from zoo.metrics.table_distances import Column
from zoo.plots.pages import STYLE, section, table
from zoo.plots.picture import Picture

MOST_COLUMNS, ACROSS, MOST_VALUES, LETTERS = 12, 4, 8, 14
MEANINGS = (
    "Marginals: the distance of a column from that of the training rows, in its mean over columns: "
    "the Kolmogorov-Smirnov statistic for numbers, the total variation distance for categories. "
    "Pairs: the same for pairs of columns: half the difference of rank correlations, or the total "
    "variation of joint shares. Both are 0 for equal tables; the held-out rows are new real "
    "rows, whose values are the reference."
)
PRIVACY = (
    "Nearer: how often a row lies nearer to a training row than a held-out row does. It is 0.5 for "
    "new rows; far above, rows of the training were learned by heart. Copies: the share of rows "
    "that equal a training row. Neither is a guarantee: rows may tell of a person without "
    "repeating a row."
)


def write_synthetic_report(
    real: Any,
    tables: Mapping[str, Any],
    path: str | os.PathLike,
    *,
    held_out: Any = None,
    target: str | None = None,
    drop: Sequence[str] = (),
    estimator: Any = None,
    seed: int = 0,
    signs: Mapping[str, str | None] | None = None,
    overwrite: bool = False,
) -> dict[str, SyntheticRows]:
    """Measure tables of generated rows, and write a page that needs no internet connection.

    Args:
        real, tables, held_out, target, drop, estimator, seed: as in
            `zoo.metrics.compare_synthetic`.
        path: the .html file to write.
        signs: `delimiter` and `decimal` of the files of real rows, as for `zoo.data.from_table`;
            those that are left out are detected.
        overwrite: whether to replace it.

    Returns:
        the measures, as from `zoo.metrics.compare_synthetic`.

    Raises:
        FileExistsError: the file exists and `overwrite` is false. ValueError: as in
            `zoo.metrics.synthetic`.

    Examples:
        >>> import pandas
        >>> rows = np.random.default_rng(0).normal(size=(200, 2))
        >>> frame = pandas.DataFrame(rows, columns=["height", "weight"])
        >>> tables = {"other rows": frame[100:]}
        >>> found = zoo.metrics.write_synthetic_report(frame[:100], tables, "rows.html")
        >>> sorted(found)
        ['Gaussian copula', 'other rows']
    """
    check_file(path, overwrite)
    known = Tables(real, held_out, target, drop, estimator, seed, signs)
    read = {name: known.read(rows, name) for name, rows in tables.items()}
    found = measured_beside(known, read)
    columns = {name: known.columns_of(rows) for name, rows in read.items()}
    write_file(Path(path), _page(known, columns, found))
    return found


def summary(found: Mapping[str, SyntheticRows]) -> tuple[tuple[str, ...], list[tuple]]:
    """Return the titles and the rows of a table of measures, as text.

    Args:
        found: measures by name, as from `zoo.metrics.compare_synthetic`.
    """
    one = next(iter(found.values()))
    titles = ["rows", "marginals", "pairs"]
    titles += ["nearer"] if one.nearer is not None else []
    titles += ["copies"]
    titles += [one.measure] if one.measure else []
    lines = []
    for name, measures in found.items():
        line = [name, f"{measures.marginal:.3f}", f"{measures.pair:.3f}"]
        line += [f"{measures.nearer:.3f}"] if measures.nearer is not None else []
        line += [f"{measures.copies:.2%}"]
        if one.measure:
            line += ["" if measures.score is None else f"{measures.score:.3f}"]
        lines.append(tuple(line))
    if one.measure:
        empty = [""] * (len(titles) - 2)
        lines.append(("training rows", *empty, f"{one.real_score:.3f}"))
    return tuple(titles), lines


def _page(known, columns, found) -> str:
    counts = [f"{len(known.real.x):,} training rows"]
    if known.held_out is not None:
        counts += [f"{len(known.held_out.x):,} held-out rows"]
    counts += [f"{len(one[0].values):,} rows of {name}" for name, one in columns.items()]
    told = f"{', '.join(counts)}. The {COPULA} learned from the training rows, too."
    further = [MEANINGS]
    if known.held_out is not None:
        further.append(PRIVACY)
    else:
        further.append(
            "Copies: the share of rows that equal a training row. "
            "Without held-out rows nothing is said about privacy or use."
        )
    if known.measure:
        further.append(
            f"The last column is the {known.measure} of {known.target!r} on the held-out rows: of "
            "an estimator that learned from these rows, and in the last line from the training "
            "rows."
        )
    lines = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Generated rows</title><style>{STYLE}</style>",
        f"<h1>Generated rows</h1><p>{html.escape(told)}</p>",
        table(*summary(found)),
        *(f"<p>{html.escape(text)}</p>" for text in further),
    ]
    name = next(iter(columns))
    order = sorted(found[name].marginals, key=lambda n: -found[name].marginals[n])
    shown = order[:MOST_COLUMNS]
    what = f"Training rows, and rows of {name}. " + (
        f"The {MOST_COLUMNS} columns that are farthest apart." if len(order) > MOST_COLUMNS else ""
    )
    pictures = _marginals(known.columns, columns[name], shown, name)
    lines.append(section("Columns", what, pictures))
    if len(known.columns) > 1:
        what = "The distance of each pair of columns from the training rows, from 0 to 1."
        lines.append(section("Pairs", what, _pairs(found, [c.name for c in known.columns])))
    titles = ("column", *found)
    rows = [(n, *(f"{measures.marginals[n]:.3f}" for measures in found.values())) for n in order]
    lines += ["<h2>Distance of each column</h2>", table(titles, rows)]
    return "\n".join([*lines, "</html>\n"])


def _marginals(real: Sequence[Column], other: Sequence[Column], shown, name) -> Picture:
    """Draw columns of two tables, beside each other."""
    down = -(-len(shown) // ACROSS)
    across = min(ACROSS, len(shown))
    figure = Picture(figsize=(2.4 * across, 1.9 * down + 0.4), dpi=110, layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    pairs = {a.name: (a, b) for a, b in zip(real, other, strict=True)}
    for axes, title in zip(panels, shown, strict=False):
        a, b = pairs[title]
        if a.size:
            shares = [np.bincount(c.values[c.values >= 0], minlength=a.size) for c in (a, b)]
            order = np.argsort(-shares[0], kind="stable")[:MOST_VALUES]
            for i, (share, c) in enumerate(zip(shares, (a, b), strict=True)):
                at = np.arange(len(order)) + 0.4 * i - 0.2
                axes.bar(at, share[order] / len(c.values), 0.4, color=f"C{i}")
            values = [_short(a.labels[k]) for k in order]
            turned = {"rotation": 90} if sum(map(len, values)) > LETTERS else {}
            ticks = range(len(order))
            axes.set_xticks(ticks, values, fontsize=7, parse_math=False, **turned)
        else:
            edges = np.histogram_bin_edges(np.concatenate([a.values, b.values]), bins=20)
            for i, c in enumerate((a, b)):
                options = {"density": True, "alpha": 0.55, "color": f"C{i}"}
                axes.hist(c.values, edges.tolist(), **options)
            axes.tick_params(labelsize=7)
        axes.set_yticks([])
        axes.set_title(_short(title), fontsize=8, parse_math=False)
    for axes in panels[len(shown) :]:
        axes.remove()
    marks = [Patch(color=f"C{i}") for i in range(2)]
    place = {"loc": "outside lower center", "ncols": 2, "fontsize": 8}
    for text in figure.legend(marks, ["training rows", name], **place).get_texts():
        text.set_parse_math(False)
    return figure


def _pairs(found, names) -> Picture:
    """Draw the distances of all pairs, a square for each table."""
    tables = [name for name in found if name != HELD_OUT]
    figure = Picture(figsize=(4.0 * len(tables) + 0.8, 4.2), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    most = max([*(max(found[t].pairs.values()) for t in tables), 1e-6])
    for axes, title in zip(panels, tables, strict=True):
        square = np.full((len(names), len(names)), np.nan)
        for (a, b), distance in found[title].pairs.items():
            i, j = names.index(a), names.index(b)
            square[i, j] = square[j, i] = distance
        axes.imshow(square, vmin=0, vmax=most, cmap="magma_r")
        axes.set_title(title, fontsize=9, parse_math=False)
        short = [_short(n) for n in names] if len(names) <= 20 else []
        ticks = range(len(names)) if short else []
        axes.set_xticks(ticks, short, rotation=90, fontsize=7, parse_math=False)
        axes.set_yticks(ticks, short, fontsize=7, parse_math=False)
    figure.colorbar(panels[0].images[0], ax=panels.tolist(), shrink=0.7)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
