"""`zoo detect` lists unusual items of a data file in a table and on a page; `zoo renew`."""

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
from zoo.checks.words import kind_of_items
from zoo.cli.shared_options import check_settings, settings_in, size_of, table_options
from zoo.data.folders import FROM_SUBFOLDERS, from_folder
from zoo.data.table_columns import Columns
from zoo.data.tables import Read, columns_likelihood, is_table, read_table
from zoo.models import CLASSES
from zoo.presets.loading import load as load_preset
from zoo.recipes.evaluation_data import NO_NAMES

_GIVEN = ("score", "contamination", "quantile", "false_positive_rate")
_GIVEN += ("standardize", "names", "units", "seed")  # arguments of a Detector


def detect(options: Any, custom_objects: dict) -> None:
    """Run `zoo detect` with the options of the command line."""
    is_detector, is_class = Path(options.name, FILE).is_file(), options.name in CLASSES
    given = {name: getattr(options, name) for name in _GIVEN if getattr(options, name) is not None}
    if is_detector and (given or options.train_data):
        named = ", ".join(["--" + name.replace("_", "-") for name in given] or ["--train-data"])
        raise ValueError(
            f"{options.name} is a detector with a fixed score and threshold: leave out {named}."
        )
    if not is_class:
        for name in ("epochs", "size", "channels", "missing"):
            if getattr(options, name):
                raise ValueError(
                    f"--{name} is for a class; {options.name} is already trained: leave it out."
                )
    detector: Any
    if is_detector:
        detector = load(options.name, custom_objects=custom_objects)
    elif is_class:
        detector = trained(options, given)
    else:
        model = load_preset(options.name, custom_objects=custom_objects)
        detector = Detector(model, **given)
    data = read_items(options.data, options, _model_of(detector), names=detector.names)
    truth = labels_of(options, data.y)
    if not is_detector and not is_class:
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
        same = read_items(options.data, options, _model_of(old), names=old.names, told=False)
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


def _model_of(detector):
    """Return what knows the shape of items: the model, or a detector that has none."""
    return getattr(detector, "model", detector)


def renew(options: Any, custom_objects: dict) -> None:
    """Run `zoo renew`: set the threshold of a detector on new data; with --train, train it."""
    detector = load(options.name, custom_objects=custom_objects)
    if not isinstance(detector, Detector):
        raise ValueError(
            f"{options.name} is a {type(detector).__name__}: fit it on the new data in Python, and "
            "save it."
        )
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
    print(f"{options.out} is the new detector. To see what changes for your data:")
    print(f"zoo detect {options.out} DATA --compare {options.name} --out REPORT")


def trained(options: Any, given: dict) -> Detector:
    """Return a detector of a class, trained on `--train-data`, else on the data to be scored.

    Args:
        options: options of the command line. given: arguments of `Detector`.

    Raises:
        OSError, ValueError: there is no such file, or the class does not have a setting.
    """
    path = options.train_data or options.data
    settings = check_settings(CLASSES[options.name], settings_in(options.settings))
    if Path(path).is_dir():
        refuse_options_of_others(path, options)
        size = size_of(options) or (64, 64)
        seen = from_folder(path, size, channels=options.channels or 3, cache=options.cache)
        told = f"{len(seen.images):,} images"
    elif is_table(path):
        missing = options.missing or "refuse"
        table = read_file(path, options, None, scored=False, missing=missing)
        seen, told = table.x, f"{len(table.x):,} rows"
        if "names" in given:
            raise ValueError(f"{path} has names of columns: leave out --names.")
        if "standardize" in given:
            if missing == "learn":
                raise ValueError("--missing learn standardizes columns: leave out --standardize.")
            given = {"names": table.columns, **given}
        else:
            found = columns_likelihood(table.x, table, missing=missing)
            settings.setdefault("likelihood", found)
    else:
        refuse_options_of_others(path, options)
        seen = scaled(read_array(path, options.array))
        told = f"{len(seen):,} {kind_of_items(seen.shape[1:])} of {seen.shape[1:]}"
    if not Path(path).is_dir() and (options.size or options.channels):
        raise ValueError(f"--size and --channels are for folders of images; {path} is a file.")
    print(f"training a {options.name} on {told} in {path} ...", flush=True)
    return Detector(options.name, **given, **settings).fit(seen, epochs=options.epochs, verbose=2)


def read_items(
    path: Any,
    options: Any,
    model: Any,
    scored: bool = True,
    names: tuple[str, ...] | None = None,
    told: bool = True,
) -> Read:
    """Return the items in a file or folder in the form that the model takes, with labels and ids.

    Args:
        path: the path of the file, or of a folder of images.
        options: options of the command line. model: the model of the detector.
        scored: whether these items get scores; if not, columns of labels, ids and dates are
            dropped.
        names: the names of the columns that the detector was fitted on, if the model has no names.
        told: whether to print how a table was read.

    Raises:
        OSError, ValueError: there is no such file, or it does not fit the model.
    """
    if Path(path).is_dir() or not is_table(path):
        refuse_options_of_others(path, options)
        if Path(path).is_dir():
            asked = scored and FROM_SUBFOLDERS in (options.labels, options.by)
            labels = FROM_SUBFOLDERS if asked else None
            found = read_folder(path, model, labels, options.cache)
            classes = None if labels is None else np.array(found.class_names)[found.labels]
            return Read(found, (), y=classes, when=classes)
        return Read(for_model(read_array(path, options.array), model), ())
    likelihood = getattr(model, "likelihood", None)
    columns = Columns.of(likelihood) or Columns.of(names)
    missing = "learn" if getattr(likelihood, "takes_missing", False) else "refuse"
    found = read_file(path, options, columns, scored, told, missing)
    if columns is None and told:
        print(NO_NAMES, flush=True)
    return found


def refuse_options_of_others(path: Any, options: Any) -> None:
    """Refuse table options for other data than tables, and the name of an array for a folder.

    Raises:
        ValueError: an option does not fit; the message names it.
    """
    for name in ("drop", "delimiter", "decimal", "id_column", "unknown", "missing"):
        if getattr(options, name):
            option = "--id" if name == "id_column" else f"--{name}"
            raise ValueError(f"{option} is for tables, but {path} is not one: leave it out.")
    if Path(path).is_dir() and options.array:
        raise ValueError(f"--array is for .npz files; {path} is a folder: leave it out.")


def read_file(
    path: Any,
    options: Any,
    columns: Columns | None,
    scored: bool,
    told: bool = True,
    missing: str = "refuse",
) -> Read:
    """Read a table.

    Args:
        path, options, scored, told: as for `read_items`.
        columns: the columns that the model knows, or None.
        missing: "refuse", or "learn" for a model that takes empty cells.
    """
    read = {**table_options(options), "missing": missing}
    labels = options.labels if options.labels and not options.labels.endswith(".npy") else None
    when = options.by if options.by and not options.by.endswith(".npy") else None
    if not scored:
        read["drop_if_there"] = [*filter(None, (labels, options.id_column, when))]
    asked = {"labels": labels, "id_column": options.id_column, "when": when} if scored else {}
    asked |= {"unknown": options.unknown} if scored and options.unknown else {}
    found = read_table(path, columns=columns, **asked, **read)
    if told:
        print(found.recognized, flush=True)
    return found


def dates_of(options: Any, data: Read) -> Any:
    """Return the dates of the items from `--by`: a column, the subfolders, or a file.

    Raises:
        ValueError: `--by` is neither a column of the table nor a file.
    """
    if data.when is not None:
        return data.when
    if options.by == FROM_SUBFOLDERS or not options.by.endswith(".npy"):
        raise ValueError(
            f"--by {options.by} was not found: for a table name a column, for a folder give "
            f"{FROM_SUBFOLDERS}, for other data an .npy file with a date for each item."
        )
    return read_array(options.by, None)


def labels_of(options: Any, found: np.ndarray | None = None) -> np.ndarray | None:
    """Return which items are anomalies according to `--labels` and `--normal`, or None.

    Args:
        options: options of the command line. found: the labels in the table, or the subfolder names
            of the images, or None.

    Raises:
        ValueError: `--normal` was given without labels, or names a class that no item has.
    """
    if options.labels is None:
        if options.normal:
            raise ValueError("--normal names the normal classes of --labels: give both.")
        return None
    if options.labels != FROM_SUBFOLDERS and found is not None and found.dtype.kind == "U":
        found = None  # --by uses the subfolders
    if found is None and options.labels == FROM_SUBFOLDERS:
        raise ValueError(f"--labels {FROM_SUBFOLDERS} is for a folder of images: name a file.")
    labels = read_array(options.labels, None) if found is None else found
    if labels.dtype.kind == "U" and not options.normal:
        raise ValueError(
            f"The subfolders are {', '.join(np.unique(labels)[:20])}: name those with normal "
            f"images, such as --normal {np.unique(labels)[0]}."
        )
    if not options.normal:
        return labels
    if labels.dtype.kind not in "iubU":
        raise TypeError(f"{options.labels} holds {labels.dtype}; --normal needs integers.")
    labels = labels.astype(int).astype(str) if labels.dtype.kind != "U" else labels
    there = np.unique(labels)
    strange = sorted(set(options.normal) - set(there.tolist()))
    if strange:
        raise ValueError(
            f"--normal names the classes [{', '.join(strange)}], but {options.labels} has only "
            f"{', '.join(map(str, there[:20]))}."
        )
    return ~np.isin(labels, options.normal)


def read_array(path: Any, name: str | None) -> np.ndarray:
    """Return the array in an .npy file, or the named array of an .npz file.

    Raises:
        OSError: the file does not exist.
        ValueError: it is not such a file, or holds several arrays, but no name was given.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not an .npy or .npz file of numbers: {error}") from error
    if isinstance(found, np.ndarray):
        return found
    with found:
        if name is None and len(found.files) == 1:
            (name,) = found.files
        if name not in found.files:
            raise ValueError(
                f"{path} holds the arrays {', '.join(found.files)}: choose one with --array."
            )
        return found[name]


def scaled(x: np.ndarray) -> np.ndarray:
    """Scale images of bytes, [n, height, width, channels], to [0, 1]; keep other data."""
    if x.dtype != np.uint8 or x.ndim < 3:
        return x
    x = x[..., None] if x.ndim == 3 else x
    return x.astype("float32") / np.float32(255)


def for_model(x: np.ndarray, model: Any) -> np.ndarray:
    """Return images of bytes as float32 in [0, 1], with a channel axis if the file has none."""
    shape = tuple(model.image_shape)
    if len(shape) == 3 and shape[-1] == 1 and x.shape[1:] == shape[:-1]:
        x = x[..., None]
    if x.dtype == np.uint8 and len(shape) == 3:
        x = x.astype("float32") / np.float32(255)
    return x
