"""`zoo detect`: what is unusual in a file of data, as a table and a page."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.anomaly.detector import Detector
from zoo.anomaly.loading import load
from zoo.anomaly.report import PAGE, TABLE, write_report
from zoo.anomaly.saving import FILE
from zoo.data.tables import is_table, read_table
from zoo.presets.loading import load as load_preset


def detect(options: Any, custom_objects: dict) -> None:
    """Run the command; `options` are those of the command line."""
    is_detector = Path(options.name, FILE).is_file()
    given = {
        name: getattr(options, name)
        for name in ("score", "contamination", "quantile", "false_positive_rate")
        if getattr(options, name) is not None
    }
    if is_detector and (given or options.train_data):
        named = ", ".join(["--" + name.replace("_", "-") for name in given] or ["--train-data"])
        raise ValueError(
            f"{options.name} is a detector, whose score and threshold are set: leave out {named}."
        )
    if is_detector:
        detector = load(options.name, custom_objects=custom_objects)
    else:
        model = load_preset(options.name, custom_objects=custom_objects)
        detector = Detector(model, **given)
    x, labels = read_items(options.data, options, detector.model)
    truth = labels_of(options, labels)
    if not is_detector:
        seen = x
        if options.train_data:
            seen, _ = read_items(options.train_data, options, detector.model, labels=False)
        detector.fit(seen, train=False)
    found = write_report(
        detector,
        x,
        options.out,
        is_anomaly=truth,
        top=options.top,
        overwrite=options.overwrite,
    )
    print(f"{found['anomalies']} of {found['items']} items are above {found['threshold']:.6g}")
    if "auroc" in found:
        print(f"AUROC {found['auroc']:.4f}, average precision {found['average_precision']:.4f}")
    if options.save:
        detector.save(options.save, overwrite=options.overwrite)
        print(f"{options.save} is the detector. Export it: zoo export {options.save} OUT")
    print(f"{Path(options.out, TABLE)} and {Path(options.out, PAGE)} are written.")


def read_items(
    path: Any, options: Any, model: Any, labels: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the items in a file as the model takes them, and labels where a column holds them.

    Args:
        path: of the file. options: of the command line. model: of the detector.
        labels: whether labels are needed; else their column is left out if it is there.

    Raises:
        OSError, ValueError: no such file, or not one for the model.
    """
    if not is_table(path):
        if options.drop:
            raise ValueError(f"--drop is for columns of tables, and {path} is none: leave it out.")
        return for_model(read_array(path, options.array), model), None
    column = options.labels if options.labels and not options.labels.endswith(".npy") else None
    columns = getattr(model.likelihood, "names", None)
    drop = options.drop if labels or column is None else [*options.drop, column]
    found = read_table(path, labels=column if labels else None, drop=drop, columns=columns)
    return found.x, found.y


def labels_of(options: Any, found: np.ndarray | None = None) -> np.ndarray | None:
    """Return which items are anomalies by `--labels` and `--normal`, or None.

    Args:
        options: of the command line. found: labels that the table has, or None.

    Raises:
        ValueError: `--normal` without labels, or a class that no label names.
    """
    if options.labels is None:
        if options.normal:
            raise ValueError("--normal says which of --labels are normal: give both.")
        return None
    labels = read_array(options.labels, None) if found is None else found
    if not options.normal:
        return labels
    if labels.dtype.kind not in "iub":
        raise TypeError(f"{options.labels} holds {labels.dtype}; with --normal, integers.")
    there = np.unique(labels)
    strange = sorted(set(options.normal) - set(there.tolist()))
    if strange:
        raise ValueError(
            f"--normal names the classes {strange}, and {options.labels} has "
            f"{', '.join(map(str, there[:20]))}."
        )
    return ~np.isin(labels, options.normal)


def read_array(path: Any, name: str | None) -> np.ndarray:
    """Return the array in an .npy file, or one of an .npz file, by its name.

    Raises:
        OSError: the file is not there.
        ValueError: it is no such file, or holds several arrays and none is named.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npy or .npz file of numbers: {error}") from error
    if isinstance(found, np.ndarray):
        return found
    with found:
        if name is None and len(found.files) == 1:
            (name,) = found.files
        if name not in found.files:
            raise ValueError(
                f"{path} holds the arrays {', '.join(found.files)}: say which to take with --array."
            )
        return found[name]


def for_model(x: np.ndarray, model: Any) -> np.ndarray:
    """Return images of bytes as float32 in [0, 1], with the channel that files leave out."""
    shape = tuple(model.image_shape)
    if len(shape) == 3 and shape[-1] == 1 and x.shape[1:] == shape[:-1]:
        x = x[..., None]
    if x.dtype == np.uint8 and len(shape) == 3:
        x = x.astype("float32") / np.float32(255)
    return x
