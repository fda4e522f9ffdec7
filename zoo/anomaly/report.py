"""A report of a detector's results: a table of scores, and a page with the most unusual items."""

from __future__ import annotations

import csv
import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo import plots
from zoo.anomaly import channels, folders, sections
from zoo.anomaly.channels import MOST_NAMES, shortened
from zoo.anomaly.comparison import Comparison
from zoo.anomaly.periods import Drift
from zoo.checks import data as checks
from zoo.checks.arguments import whole
from zoo.checks.arrays import as_array, with_nan
from zoo.data.folders import ImageFolder
from zoo.files.atomic_writes import check_target, publish_folder
from zoo.plots.pages import STYLE, embedded
from zoo.plots.picture import Picture

PAGE, TABLE, PERIODS = "report.html", "scores.csv", "drift.csv"
UNUSUAL = "The most unusual items"
NAMED = 3  # columns of a row that are named as unusual
LEAST_FOR_LOG = 10  # items in the highest bar of a histogram with a logarithmic axis
LEAST_SHARE = 0.1  # least share of the row's squared error of a named column


def write_report(
    detector: Any,
    x: Any,
    folder: str | os.PathLike,
    *,
    is_anomaly: Any = None,
    ids: Sequence | None = None,
    id_name: str = "id",
    unknown: Mapping[int, str] | None = None,
    drift: Drift | None = None,
    compared: Comparison | None = None,
    top: int = 24,
    overwrite: bool = False,
) -> dict[str, float]:
    """Score items, and write `scores.csv` and `report.html`, a single self-contained file.

    The page shows a histogram of the scores with the threshold, the most unusual items with their
    reconstructions and errors, and, if labels are given, the ROC curve. For rows of a table it
    names the columns with the largest errors, with original and reconstructed values. For signals
    it names the worst channel and the step; `scores.csv` has them, too. For a folder of images it
    shows each image beside its reconstruction and the map of its error, with its name inside the
    folder and a relative link to the file.

    Args:
        detector: a fitted `Detector`.
        x: items [n, *input_shape], or the result of `zoo.data.from_folder`, of which all images are
            used.
        folder: the folder to create.
        is_anomaly: labels [n] of both kinds, 1 or True for anomalies and 0 or False for normal
            items; or None.
        ids: names of the items [n], such as `ids` of `zoo.data.from_table`, shown beside each score
            in the table and on the page; or None.
        id_name: the name of the column of ids.
        unknown: the `unknown` of `zoo.data.from_table`: descriptions, for the table and the page,
            of rows with values that the model does not know.
        drift: the result of `zoo.anomaly.drift` for these items: adds a picture and a table by
            period, and the file `drift.csv`.
        compared: the result of `zoo.anomaly.compare(old, detector, x)` for these items: adds a
            picture, the gained and lost flags, and two columns to `scores.csv`.
        top: how many items to show, at least 1.
        overwrite: whether to replace an earlier report.

    Returns:
        `items`, `anomalies`, `threshold`, and with labels `auroc` and `average_precision`.

    Raises:
        FileExistsError: the folder exists and `overwrite` is false, or it holds other files.
        TypeError, ValueError: data or labels that do not fit the detector.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> detector = zoo.anomaly.Detector(zoo.load("vae_digits")).fit(x)
        >>> found = zoo.anomaly.write_report(detector, x_test, "report", is_anomaly=y_test == 8)
        >>> sorted(found)
        ['anomalies', 'auroc', 'average_precision', 'items', 'threshold']
    """
    check_target(folder, overwrite)
    top = whole("top", top, least=1)
    images = x if isinstance(x, ImageFolder) else None
    if images is not None:
        x = images.images
        ids, id_name = (folders.names_of(images), "file") if ids is None else (ids, id_name)
    n = checks.count_rows(x)
    truth = None if is_anomaly is None else checked_truth(is_anomaly, n)
    if ids is not None and len(ids) != n:
        raise ValueError(f"There are {len(ids)} ids for {n} items; give one id for each item.")
    if compared is not None and len(compared.new_scores) != n:
        raise ValueError(f"compared= is for {len(compared.new_scores)} items, but x has {n}.")
    likelihood = getattr(getattr(detector, "model", None), "likelihood", None)
    x = with_nan(x) if getattr(likelihood, "takes_missing", False) else x
    x = as_array(x, "x", detector.names)
    scores = detector.scores(x)
    flagged = scores > np.float32(detector.threshold)
    found = {
        "items": len(scores),
        "anomalies": int(flagged.sum()),
        "threshold": detector.threshold,
    }
    pictures = {"Scores": histogram(scores, detector.threshold, truth)}
    if truth is not None:
        from sklearn.metrics import average_precision_score, roc_auc_score

        found["auroc"] = float(roc_auc_score(truth, scores))
        found["average_precision"] = float(average_precision_score(truth, scores))
        pictures["ROC curve"] = roc_curve(truth, scores, found["auroc"])
    order = np.argsort(-scores, kind="stable")
    shown = order[:top]
    items = np.asarray(x[shown])
    beside, blamed, said = None, {}, [""] * len(items)
    if items.ndim == 3:
        blamed, worst = blamed_channels(detector, x)
        worst = [worst[i] for i in shown]
        pictures[UNUSUAL] = channels.draw(detector, items, shown, worst)
        said = channels.told(detector, items, worst)
    elif images is None:
        pictures[UNUSUAL] = most_unusual(detector, items, shown)
        said = unusual_columns(detector, items) if items.ndim == 2 else said
    else:
        beside = folders.pictures_of(detector, items, folders.links(images, shown, folder))
    unknown = dict(unknown or {})
    said = [
        "; ".join(filter(None, (unknown.get(int(i)), t))) for i, t in zip(shown, said, strict=True)
    ]
    with publish_folder(folder, overwrite) as scratch:
        named = {} if ids is None else {id_name: ids}
        further = {} if compared is None else sections.columns_of(compared)
        _write_table(scratch / TABLE, scores, flagged, truth, named, unknown, blamed, further)
        if drift is not None:
            sections.write_periods(drift, scratch / PERIODS)
        rows = [
            (
                int(i),
                *(names[i] for names in named.values()),
                f"{scores[i]:.6g}",
                "yes" if flagged[i] else "no",
                text,
            )
            for i, text in zip(shown, said, strict=True)
        ]
        lost = "" if images is None else folders.told_broken(images)
        parts = [] if drift is None else [sections.of_drift(drift)]
        parts += [] if compared is None else [sections.of_comparison(compared, ids, top)]
        text = _page(detector, found, pictures, rows, named, beside, lost, parts)
        (scratch / PAGE).write_text(text, encoding="utf-8")
    return found


def checked_truth(is_anomaly: Any, n: int) -> np.ndarray:
    """Return labels of n items as bool [n].

    Raises:
        ValueError: another count, values other than 0 and 1, or only one kind of labels.
    """
    truth = as_array(is_anomaly, "is_anomaly")
    if truth.shape != (n,):
        raise ValueError(f"The labels have shape {truth.shape}; give {n}, one for each item.")
    values = np.unique(truth)
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"The labels are {', '.join(map(str, values[:8]))}; 1 stands for anomalies and 0 for "
            "normal items. If labels are classes, state the normal ones: is_anomaly=~np.isin(y, "
            "[0, 3]) (--normal 0 3 on the command line)."
        )
    if len(values) < 2:
        raise ValueError(
            f"All labels are {int(values[0])}: a ROC curve needs anomalies and normal items. Leave "
            "the labels out."
        )
    return truth.astype(bool)


def histogram(scores: np.ndarray, threshold: float, truth: np.ndarray | None = None) -> Picture:
    """Draw a histogram of scores [n], by kind if `truth` is given, with the threshold."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _axes(7, 3)
    edges = np.histogram_bin_edges(scores, bins=60)
    kinds = {"all": scores}
    if truth is not None:
        kinds = {"normal": scores[~truth], "anomalies": scores[truth]}
    for name, values in kinds.items():
        axes.hist(values, edges.tolist(), alpha=0.6, label=name)
    few = np.histogram(scores, edges)[0].max() < LEAST_FOR_LOG
    axes.axvline(threshold, color="k", linestyle="--", label=f"threshold {threshold:.4g}")
    axes.set(xlabel="score", ylabel="items", yscale="linear" if few else "log")
    if few:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def roc_curve(truth: np.ndarray, scores: np.ndarray, area: float) -> Picture:
    """Draw the share of anomalies found over the share of false alarms, for all thresholds."""
    from sklearn.metrics import roc_curve as rates

    figure, axes = _axes(4, 4)
    false_positives, true_positives, _ = rates(truth, scores)
    axes.plot(false_positives, true_positives, label=f"area {area:.4f}")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right")
    return figure


def most_unusual(detector: Any, items: np.ndarray, numbers: np.ndarray) -> Picture:
    """Draw items, their reconstructions, and the squared error of every value.

    Args:
        items: images or rows [k, ...]. numbers: [k], the numbers of the items in titles.
    """
    if not folders.reconstructs(detector):
        maps = detector.maps(items)
        third = maps[..., None] / max(float(maps.max()), 1e-12)
        picked = {"item": items, "map": np.repeat(third, items.shape[-1], axis=-1)}
        return plots.rows_of_images({name: images[:12] for name, images in picked.items()}, "")
    restored, errors = detector.reconstruct(items), detector.explain(items)
    if items.ndim == 4:
        low, high = items.min(), max(items.max(), items.min() + 1e-6)
        first, second = ((a - low) / (high - low) for a in (items, restored))
        most = errors.max(axis=(1, 2, 3), keepdims=True)
        third = errors.mean(axis=-1, keepdims=True) / np.maximum(most, 1e-12)
        third = np.repeat(third, items.shape[-1], axis=-1)
        rows = {"item": first, "reconstruction": second, "error": third}
        columns = min(12, len(items))
        picked = {name: images[:columns] for name, images in rows.items()}
        return plots.rows_of_images(picked, "")
    unit, likelihood = "", detector.model.likelihood
    if detector.mean is not None:  # columns of different units, side by side
        items, restored = ((a - detector.mean) / detector.deviation for a in (items, restored))
        unit = ", in standard deviations"
    elif likelihood.in_own_units:
        items, restored = map(likelihood.standardized, (items, restored))
        unit = f", in {likelihood.standardizes_to}"
    names = detector.names
    count = min(6, len(items))
    figure = Picture(figsize=(8, 1.8 * count), dpi=100, layout="constrained")
    marks = ("o", "x")  # no lines: neighboring columns are not a series
    for i, (one, two) in enumerate(figure.subplots(count, 2, squeeze=False)):
        one.plot(items[i].reshape(-1), marks[0], label="item")
        one.plot(restored[i].reshape(-1), marks[1], label="reconstruction")
        two.bar(np.arange(errors[i].size), errors[i].reshape(-1))
        one.set_title(f"item {numbers[i]}{unit}", fontsize=9)
        two.set_title("squared error by column", fontsize=9)
        if names and len(names) <= MOST_NAMES:
            for axes in (one, two):
                ticks = [shortened(name) for name in names]
                axes.set_xticks(range(len(names)), ticks, rotation=90, fontsize=6, parse_math=False)
    figure.axes[0].legend(fontsize=7)
    return figure


def _readable(value: float) -> str:
    """Return a number with four digits; from 10^4 to 10^7 as an integer, without exponent."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"


def unusual_columns(detector: Any, rows: np.ndarray) -> list[str]:
    """Describe for each row the columns with the largest errors, and their reconstructions.

    Args:
        rows: [k, features].
    """
    restored, errors = detector.reconstruct(rows), detector.explain(rows)
    names = detector.names or [f"column {j}" for j in range(rows.shape[1])]
    return [
        "; ".join(
            f"{names[j]} is {_readable(row[j])}, reconstructed {_readable(other[j])}"
            for j in np.argsort(-error, kind="stable")[:NAMED]
            if error[j] >= LEAST_SHARE * error.sum()
        )
        for row, other, error in zip(rows, restored, errors, strict=True)
    ]


def blamed_channels(detector: Any, x: Any) -> tuple[dict[str, list], list]:
    """Return the columns of the table for signals: the worst channel and the step.

    Returns:
        columns of strings and numbers, [n] each, and the result of `Detector.worst_channels`.
    """
    worst = detector.worst_channels(x)
    called = channels.labels(detector, unit=False)
    columns = {"channel": [called[w.channel] for w in worst]} if len(called) > 1 else {}
    return columns | {"step": [w.step for w in worst]}, worst


def _axes(width, height):
    figure = Picture(figsize=(width, height), dpi=100, layout="constrained")
    return figure, figure.add_subplot()


def _write_table(path: Path, scores, flagged, truth, named, unknown, blamed, further):
    columns = {"item": range(len(scores))}
    own = ("item", "score", "is_anomaly", "label", *blamed, *further)
    own += ("unknown",) if unknown else ()
    columns |= {f"{name} (id)" if name in own else name: ids for name, ids in named.items()}
    columns |= {"score": [f"{score:.9g}" for score in scores], "is_anomaly": flagged.astype(int)}
    columns |= blamed
    columns |= {} if truth is None else {"label": truth.astype(int)}
    columns |= {"unknown": [unknown.get(i, "") for i in range(len(scores))]} if unknown else {}
    columns |= further
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _page(detector, found, pictures, rows, named, beside, lost, parts) -> str:
    model = type(getattr(detector, "model", detector)).__name__
    told = (
        f"{found['anomalies']:,} of {found['items']:,} items have a score above the threshold, "
        f"{found['threshold']:.6g} ({detector.rule}={detector.rule_value:g}). The score is that of "
        f"a {model}: {detector.formula}. All scores are in {TABLE}."
    )
    if "auroc" in found:
        told += (
            f" Against the labels, the area under the ROC curve is {found['auroc']:.4f} and the "
            f"average precision {found['average_precision']:.4f}."
        )
    told += f" {lost}" if lost else ""
    lines = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Anomalies found by a {html.escape(model)}</title><style>{STYLE}</style>",
        f"<h1>Anomalies</h1><p>{html.escape(told)}</p>",
    ]
    for title, figure in pictures.items():
        lines.append(f'<h2>{title}</h2><img alt="{title}" src="{embedded(figure)}">')
        lines += parts if title == "Scores" else []
    if UNUSUAL not in pictures:
        lines.append(f"<h2>{UNUSUAL}</h2>")
    names = map(html.escape, named)
    last = (
        ("image, reconstruction, map" if folders.reconstructs(detector) else "image, map")
        if beside
        else "largest errors"
        if any(row[-1] for row in rows)
        else ""
    )
    titles = ("item", *names, "score", "anomaly", last)
    lines.append("<div><table><tr>" + "".join(f"<th>{title}</th>" for title in titles) + "</tr>")
    for i, cells in enumerate(rows):
        texts = [html.escape(str(cell)) for cell in cells]
        if beside:
            texts[-1] = beside[i]
        told = "".join(f"<td>{text}</td>" for text in texts)
        lines.append(f"<tr>{told}</tr>")
    return "\n".join([*lines, "</table></div></html>\n"])
