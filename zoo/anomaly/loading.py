"""Loading detectors: every entry of the file is checked first."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.anomaly import (
    calibration,
    ensemble_files,
    feature_files,
    feature_loading,
    neighbors_file,
    saving,
    scores,
    thresholds,
)
from zoo.anomaly.detector import Detector
from zoo.anomaly.ensemble import DetectorEnsemble
from zoo.anomaly.feature_detector import FeatureDetector
from zoo.anomaly.joined import Joined
from zoo.presets.card import WEIGHTS, read_card
from zoo.presets.hashed_files import check_digest, check_entries
from zoo.presets.loading import load as load_preset
from zoo.runtime.json_file import read_object, shortened


def load(
    folder: str | os.PathLike, *, custom_objects: dict | None = None, dtype: Any = None
) -> Detector | FeatureDetector | DetectorEnsemble:
    """Load a detector that its method `save` wrote: its model with weights, score and threshold.

    Args:
        folder: the folder that `save` wrote.
        custom_objects, dtype: as for `zoo.load`, which loads the model with all its checks; dtype
            is not for a `FeatureDetector`.

    Raises:
        FileNotFoundError: there is no detector in the folder, or one of its files is missing.
        ValueError: a file was altered, or holds invalid values.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> detector = zoo.anomaly.Detector(zoo.load("vae_digits"), quantile=0.99)
        >>> detector.fit(x).save("detector")
        >>> again = zoo.anomaly.load("detector")
        >>> again.threshold == detector.threshold
        True
    """
    folder = Path(folder)
    content = _content(folder)
    if content.get("kind") == feature_files.KIND:
        return feature_loading.load(folder, content, custom_objects)
    if content.get("kind") != ensemble_files.KIND:
        return _one(folder, content, custom_objects, dtype)

    def member(place):
        return _one(place, _content(place), custom_objects, dtype)

    members, (rule, value, threshold) = ensemble_files.load(folder, content, member)
    ensemble = DetectorEnsemble.of(members)
    ensemble.restore_rule(rule, value, threshold)
    return ensemble


def _content(folder) -> dict:
    """Return the content of the `detector.json` of a folder, not checked yet."""
    path = folder / saving.FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no {saving.FILE}; detectors are written by Detector.save."
        )
    return read_object(path)


def _one(folder, content, custom_objects, dtype) -> Detector:
    """Return the detector with one model in a folder whose `detector.json` was read."""
    path = folder / saving.FILE
    _check(path, content)
    # An absolute path, because `load_preset` would look up a bare name among shipped presets first.
    preset = Path(os.path.abspath(folder / saving.MODEL))
    if not preset.is_dir():
        raise FileNotFoundError(f"{preset} is missing; the detector is incomplete.")
    if read_card(preset)["files"][WEIGHTS].get("sha256") != content["weights_sha256"]:
        raise ValueError(f"{path} belongs to other weights than those in {preset}.")
    model = load_preset(preset, custom_objects=custom_objects, dtype=dtype)
    rows, features = len(model.image_shape) == 1, model.image_shape[-1]
    moments = {name: _vector(path, content, name, features) for name in ("mean", "deviation")}
    if (moments["mean"] is None) != (moments["deviation"] is None):
        raise ValueError(f"{path} has only one of mean and deviation.")
    if math.isnan(_float32(content["threshold"])):
        raise ValueError(f"{path} has an invalid threshold: {shortened(content['threshold'])}.")
    normal = _vector(path, content, "normal_error", features)
    for name, found in (("deviation", moments["deviation"]), ("normal_error", normal)):
        if found is not None and not (found > 0).all():
            raise ValueError(f"{path} has a {name} that is not above 0.")
    names, units = (_texts(path, content, name, features) for name in ("names", "units"))
    try:
        detector = Detector(
            model,
            score=content["score"],
            standardize=moments["mean"] is not None,
            samples=content["samples"],
            seed=content["seed"],
            names=None if rows else names,
            units=units,
            **{content["rule"]: content["rule_value"]},
        )
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} does not describe a detector of this model: {error}") from error
    joined, own_score = _joined(path, content, detector)
    detector.restore(
        float(content["threshold"]),
        **moments,
        names=names,
        normal_error=normal,
        joined=joined,
        own_score=own_score,
        normal_map=_normal_map(path, content, detector),
        of_pixels=content.get("of_pixels") is True,
    )
    return detector


_KINDS = {
    **{"score": str, "rule": str, "rule_value": (int, float), "samples": int, "seed": int},
    **{"threshold": (int, float), "weights_sha256": str, "sha256": str, "format_version": int},
}


def _check(path, content):
    """Raise a ValueError unless a detector's file is unaltered, with entries of the right types."""
    check_entries(path, content, _KINDS, saving.FORMAT_VERSION)
    if content["score"] not in scores.SCORES or content["rule"] not in thresholds.RULES:
        found = f"{shortened(content['score'])} by {shortened(content['rule'])}"
        raise ValueError(f"{path} names an unknown score or rule: {found}.")
    check_digest(path, content)


def _joined(path, content, detector):
    """Return the `Joined` of the score "joined", with its rows, and the name of the model's score.

    For other scores, return None and the name of the score.

    Raises:
        ValueError: the entry is missing, or is not what `Detector.save` writes.
    """
    if content["score"] != scores.JOINED:
        return None, detector.own_score
    entry = content.get("joined")
    entry = entry if isinstance(entry, dict) else {}
    own, sha256 = entry.get("own_score"), entry.get("neighbors_sha256")
    centers, scales = _pair(entry.get("centers")), _pair(entry.get("scales"))
    if centers is None or scales is None or not min(scales) > 0 or not isinstance(sha256, str):
        raise ValueError(f"{path} has an invalid joined: {shortened(content.get('joined'))}.")
    if not isinstance(own, str) or own not in scores.DETERMINISTIC:
        raise ValueError(f"{path} joins the unknown score {shortened(own)}.")
    try:
        scores.check_name(type(detector.model), own)
        scores.check(detector.model, own)
    except ValueError as error:
        raise ValueError(f"{path} joins a score that its model does not have: {error}") from error
    model = detector.model
    rows = neighbors_file.read(path.parent, sha256, model.image_shape[0])
    rows = replace(rows, missing=model.likelihood.takes_missing)
    return Joined(rows, centers, scales), own


def _normal_map(path, content, detector) -> np.ndarray | None:
    """Return the usual errors of the score "calibrated_error", or None for other scores."""
    if content["score"] != scores.CALIBRATED:
        return None
    sha256 = content.get("normal_map_sha256")
    if not isinstance(sha256, str):
        raise ValueError(f"{path} has an invalid normal_map_sha256: {shortened(sha256)}.")
    return calibration.read(path.parent, sha256, tuple(detector.model.image_shape[:2]))


def _pair(values) -> tuple[float, float] | None:
    if isinstance(values, list) and len(values) == 2:
        pair = _float32(values[0]), _float32(values[1])
        return None if any(map(math.isnan, pair)) else pair
    return None


def _texts(path, content, name, features):
    """Return the names, which must differ, or the units of columns or channels, or None."""
    found = content.get(name)
    if found is None:
        return None
    texts = isinstance(found, list) and all(isinstance(text, str) for text in found)
    twice = texts and name == "names" and len(set(found)) != len(found)
    if not texts or len(found) != features or twice:
        raise ValueError(f"{path} has invalid {name}: {shortened(found)}; {features} are expected.")
    return found


def _vector(path, content, name, features):
    values = content.get(name)
    if values is None:
        return None
    if isinstance(values, list) and len(values) == features:
        vector = np.array([_float32(value) for value in values], "float32")
        if np.isfinite(vector).all():
            return vector
    raise ValueError(
        f"{path} has the {name} {shortened(values)}; {features} numbers are expected, finite in "
        "float32."
    )


def _float32(value) -> float:
    """Return a number if float32 can hold it; else NaN, also for values that are not numbers."""
    if type(value) not in (int, float) or not abs(value) <= float(np.finfo("float32").max):
        return math.nan
    return value
