"""`zoo detect`: what is unusual in a file of data, as a table and a page; `zoo renew`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.anomaly import folders
from zoo.anomaly.comparison import comparison
from zoo.anomaly.detector import Detector
from zoo.anomaly.folders import read_folder
from zoo.anomaly.loading import load
from zoo.anomaly.periods import drift
from zoo.anomaly.report import PAGE, TABLE, write_report
from zoo.anomaly.saving import FILE
from zoo.checks.data import count_rows
from zoo.data.folders import FROM_SUBFOLDERS
from zoo.data.table_columns import Columns
from zoo.data.tables import Read, is_table, read_table
from zoo.presets.evaluation_data import NO_NAMES
from zoo.presets.loading import load as load_preset
from zoo.training_commands import table_options


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
    data = read_items(options.data, options, detector.model, names=detector.names)
    truth = labels_of(options, data.y)
    if not is_detector:
        seen = data.x
        if options.train_data:
            seen = read_items(options.train_data, options, detector.model, scored=False).x
        detector.fit(seen, train=False)
    drifted = None
    if options.by:
        drifted = drift(detector, data.x, dates_of(options, data), every=options.every)
    compared = None
    if options.compare:
        old = load(options.compare, custom_objects=custom_objects)
        same = read_items(options.data, options, old.model, names=old.names, told=False)
        compared = comparison(
            old.scores(same.x), detector.scores(data.x), old.threshold, detector.threshold
        )
    found = write_report(
        detector,
        data.x,
        options.out,
        is_anomaly=truth,
        ids=data.ids,
        id_name=options.id_column or "id",
        unknown=data.unknown,
        drift=drifted,
        compared=compared,
        top=options.top,
        overwrite=options.overwrite,
    )
    if data.unknown:
        print(f"Rows with values that the model does not know: {len(data.unknown)}")
    print(f"{found['anomalies']} of {found['items']} items are above {found['threshold']:.6g}")
    if "auroc" in found:
        print(f"AUROC {found['auroc']:.4f}, average precision {found['average_precision']:.4f}")
    for result in filter(None, (drifted, compared)):
        print(result.described())
    if options.save:
        detector.save(options.save, overwrite=options.overwrite)
        print(f"{options.save} is the detector. Export it: zoo export {options.save} OUT")
    print(f"{Path(options.out, TABLE)} and {Path(options.out, PAGE)} are written.")


def renew(options: Any, custom_objects: dict) -> None:
    """Run `zoo renew`: set the threshold of a detector on new data, and train it if asked."""
    detector = load(options.name, custom_objects=custom_objects)
    data = read_items(options.data, options, detector.model, names=detector.names)
    before, n = detector.threshold, count_rows(folders.images_of(data.x))
    above = int((detector.scores(data.x) > np.float32(before)).sum())
    print(f"{above} of {n} items are above the threshold in use, {before:.6g}", flush=True)
    detector.fit(data.x, train=options.train, epochs=options.epochs, verbose=2)
    if detector.retrained:
        loss, after = detector.retrained
        print(f"loss on held-out items: {loss:.5g} before, {after:.5g} after training")
    print(f"new threshold: {detector.threshold:.6g} ({detector.rule}={detector.rule_value:g})")
    detector.save(options.out, overwrite=options.overwrite)
    print(f"{options.out} is the new detector. See what changes for data of yours:")
    print(f"zoo detect {options.out} DATA --compare {options.name} --out REPORT")


def read_items(
    path: Any,
    options: Any,
    model: Any,
    scored: bool = True,
    names: tuple[str, ...] | None = None,
    told: bool = True,
) -> Read:
    """Return the items in a file or folder as the model takes them, with labels and ids of tables.

    Args:
        path: of the file, or of a folder of images.
        options: of the command line. model: of the detector.
        scored: whether these items get scores; else the columns of labels and ids are left out if
            they are there.
        names: of the columns that the detector was fitted on, where the model knows none.
        told: whether to print how a table was read.

    Raises:
        OSError, ValueError: no such file, or not one for the model.
    """
    if Path(path).is_dir() or not is_table(path):
        for name in ("drop", "delimiter", "decimal", "id_column", "unknown"):
            if getattr(options, name):
                option = "--id" if name == "id_column" else f"--{name}"
                raise ValueError(f"{option} is for tables, and {path} is none: leave it out.")
        if Path(path).is_dir():
            if options.array:
                raise ValueError(f"--array is for .npz files; {path} is a folder: leave it out.")
            asked = scored and FROM_SUBFOLDERS in (options.labels, options.by)
            labels = FROM_SUBFOLDERS if asked else None
            found = read_folder(path, model, labels, options.cache)
            names = None if labels is None else np.array(found.class_names)[found.labels]
            return Read(found, (), y=names, when=names)
        return Read(for_model(read_array(path, options.array), model), ())
    read = table_options(options)
    labels = options.labels if options.labels and not options.labels.endswith(".npy") else None
    when = options.by if options.by and not options.by.endswith(".npy") else None
    if not scored:
        read["drop"] = [*options.drop, *filter(None, (labels, options.id_column, when))]
    asked = {"labels": labels, "id_column": options.id_column, "when": when} if scored else {}
    asked |= {"unknown": options.unknown} if scored and options.unknown else {}
    columns = Columns.of(model.likelihood) or Columns.of(names)
    found = read_table(path, columns=columns, **asked, **read)
    if told:
        print(found.recognized, flush=True)
    if columns is None and told:
        print(NO_NAMES, flush=True)
    return found


def dates_of(options: Any, data: Read) -> Any:
    """Return when the items were made, by `--by`: of a column, the subfolders, or a file.

    Raises:
        ValueError: neither a column of a table nor a file.
    """
    if data.when is not None:
        return data.when
    if options.by == FROM_SUBFOLDERS or not options.by.endswith(".npy"):
        raise ValueError(
            f"--by {options.by} is not there: of a table name a column, of a folder give "
            f"{FROM_SUBFOLDERS}, of other data an .npy file with a date for each item."
        )
    return read_array(options.by, None)


def labels_of(options: Any, found: np.ndarray | None = None) -> np.ndarray | None:
    """Return which items are anomalies by `--labels` and `--normal`, or None.

    Args:
        options: of the command line. found: labels that the table has, or the names of the
            subfolders that images are in, or None.

    Raises:
        ValueError: `--normal` without labels, or a class that no label names.
    """
    if options.labels is None:
        if options.normal:
            raise ValueError("--normal says which of --labels are normal: give both.")
        return None
    if options.labels != FROM_SUBFOLDERS and found is not None and found.dtype.kind == "U":
        found = None  # the subfolders are those of --by
    if found is None and options.labels == FROM_SUBFOLDERS:
        raise ValueError(f"--labels {FROM_SUBFOLDERS} is for a folder of images: name a file.")
    labels = read_array(options.labels, None) if found is None else found
    if labels.dtype.kind == "U" and not options.normal:
        raise ValueError(
            f"The subfolders are {', '.join(np.unique(labels)[:20])}: say which hold normal "
            f"images, such as --normal {np.unique(labels)[0]}."
        )
    if not options.normal:
        return labels
    if labels.dtype.kind not in "iubU":
        raise TypeError(f"{options.labels} holds {labels.dtype}; with --normal, integers.")
    labels = labels.astype(int).astype(str) if labels.dtype.kind != "U" else labels
    there = np.unique(labels)
    strange = sorted(set(options.normal) - set(there.tolist()))
    if strange:
        raise ValueError(
            f"--normal names the classes [{', '.join(strange)}], and {options.labels} has "
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
