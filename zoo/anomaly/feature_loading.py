"""Loading feature detectors: settings, a network and arrays, all of them checked before use."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo.anomaly import feature_networks, thresholds
from zoo.anomaly.feature_detector import METHODS, FeatureDetector
from zoo.anomaly.feature_files import COMMON, FILE, FORMAT_VERSION, NETWORK, WEIGHTS
from zoo.nn.saved_configs import as_saved
from zoo.presets.hashed_files import array_in, check_digest, check_entries, read_bytes
from zoo.presets.model_sizes import no_larger_than
from zoo.presets.safety import check_objects
from zoo.presets.weight_files import (
    check_weights,
    load_all_weights,
    stored,
    without_attributes,
)
from zoo.runtime.json_file import parse_object, shortened

_LARGEST = {NETWORK: 2**26, WEIGHTS: 2**32}  # bytes
_LARGEST_ARRAY = 2**32


def load(folder: Path, content: dict, custom_objects: dict | None) -> Any:
    """Return the feature detector in a folder whose `detector.json` was read.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file was altered, or holds what `save` does not write.
    """
    path = folder / FILE
    _check(path, content)
    files = content["files"]
    network = _network(folder, files, custom_objects or {}, path)
    shape = tuple(content["image_shape"])
    method = METHODS[content["method"]]
    arrays = _arrays(folder, files, network, method)
    try:
        detector = FeatureDetector(
            network,
            method=content["method"],
            layers=content["layers"],
            **{content["rule"]: content["rule_value"]},
            **{name: content[name] for name in ("projected", "regularization", "memory")},
            **{name: content[name] for name in ("smoothing", "scale", "offset", "seed")},
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} does not describe a feature detector: {error}") from error
    wanted_input = (*shape[:2], network.inputs[0].shape[-1])
    channels_fit = shape[-1] == wanted_input[-1] or (wanted_input[-1], shape[-1]) == (3, 1)
    if tuple(network.inputs[0].shape[1:]) != wanted_input or not channels_fit:
        raise ValueError(f"{path} is for images {shape}, but its network is not.")
    feature_networks.check_scales(network, detector.scale, detector.offset)
    channels, size = arrays["projection"].shape
    items = len(arrays["items"]) if "items" in arrays else 0
    if size != min(detector.projected, channels) or items > detector.memory:
        raise ValueError(
            f"{path} states projected={detector.projected} and memory={detector.memory}, but its "
            f"arrays have {size} of {channels} channels and {items} items."
        )
    normal = method(*(arrays[name] for name in method.names))
    detector.take(**{name: arrays[name] for name in COMMON})
    detector.take(extractor=network, image_shape=shape, normal=normal)
    detector.take(threshold=float(content["threshold"]))
    return detector


def _arrays(folder, files, network, method) -> dict[str, np.ndarray]:
    """Return the arrays of a folder by name, after checks of types, shapes and values."""
    arrays: dict[str, np.ndarray] = {}
    for name in (*COMMON, *method.names):
        dtype = "<i4" if name == "nearby" else "<f4"
        stored_bytes = read_bytes(
            folder / f"{name}.npy", files.get(f"{name}.npy"), _LARGEST_ARRAY, "detector"
        )
        array = array_in(stored_bytes, dtype)
        if array is None or not np.isfinite(array).all():
            raise ValueError(f"{folder / name}.npy holds no finite array of type {dtype}.")
        arrays[name] = array
    largest = max(math.prod(output.shape[1:]) for output in network.outputs)
    if largest > feature_networks.LARGEST:
        raise ValueError(
            f"{folder} holds a network with {largest:,} values a layer and image; at most "
            f"{feature_networks.LARGEST:,} are read."
        )
    channels = sum(int(output.shape[-1]) for output in network.outputs)
    size = arrays["projection"].shape[-1] if arrays["projection"].ndim == 2 else 0
    places = math.prod(feature_networks.grid_of(network))
    wanted = {
        "center": lambda found: found == (channels,),
        "spread": lambda found: found == (channels,),
        "projection": lambda found: found == (channels, size),
        **method.shapes(places, size),
    }
    for name, fits in wanted.items():
        if not fits(arrays[name].shape):
            raise ValueError(
                f"{folder / name}.npy has shape {arrays[name].shape}, which does not fit a network "
                f"with {channels} channels at {places} places, projected to {size}."
            )
    if not (arrays["spread"] > 0).all():
        raise ValueError(f"{folder}/spread.npy has values that are not above 0.")
    if "nearby" in arrays:
        numbers, count = arrays["nearby"], len(arrays["items"])
        if len(numbers) != count or numbers.min() < 0 or numbers.max() >= count:
            raise ValueError(f"{folder}/nearby.npy has indices beyond the {count} items.")
    return arrays


_KINDS = {
    **{"method": str, "rule": str, "rule_value": (int, float), "threshold": (int, float)},
    **{"image_shape": list, "layers": (list, type(None)), "smoothing": (int, float)},
    **{"scale": (int, float, list), "offset": (int, float, list), "files": dict, "sha256": str},
    **{"projected": int, "regularization": (int, float), "memory": int, "seed": int},
    "format_version": int,
}


def _check(path, content):
    """Raise a ValueError unless a detector's file is unaltered, with entries of the right types."""
    check_entries(path, content, _KINDS, FORMAT_VERSION)
    check_digest(path, content)
    if content["method"] not in METHODS or content["rule"] not in thresholds.RULES:
        found = f"{shortened(content['method'])} by {shortened(content['rule'])}"
        raise ValueError(f"{path} names an unknown method or rule: {found}.")
    if not abs(content["threshold"]) <= float(np.finfo("float32").max):
        raise ValueError(f"{path} has an invalid threshold: {shortened(content['threshold'])}.")
    shape = content["image_shape"]
    counts = all(type(size) is int and size >= 1 for size in shape)
    if len(shape) != 3 or not counts or math.prod(shape) > feature_networks.LARGEST:
        raise ValueError(f"{path} has an invalid image_shape: {shortened(shape)}.")
    names = content["layers"]
    if names is not None and not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path} has invalid layers: {shortened(names)}.")
    if not all(isinstance(value, str) for value in content["files"].values()):
        raise ValueError(f"{path} has invalid files: {shortened(content['files'])}.")


def _network(folder, files, custom_objects, path):
    """Return the network of a folder, after the checks that presets have."""
    texts, _ = (
        read_bytes(folder / name, files.get(name), _LARGEST[name], "detector")
        for name in (NETWORK, WEIGHTS)
    )
    saved, weights = parse_object(texts, folder / NETWORK), folder / WEIGHTS
    check_objects(saved, custom_objects)
    try:
        held = stored(weights)
        with (
            keras.saving.custom_object_scope(custom_objects),
            no_larger_than(*held),
            as_saved(),
        ):
            network = keras.saving.deserialize_keras_object(saved)
        known = isinstance(network, keras.Model) and getattr(network, "inputs", None)
        inputs, outputs = (network.inputs, network.outputs) if known else ([], [])
        fixed = [None not in tuple(tensor.shape)[1:] for tensor in (*inputs, *outputs)]
        if not outputs or len(inputs) != 1 or not all(fixed):
            raise ValueError("it is no network of one input with sizes that are known")
        if any(len(tensor.shape) != 4 for tensor in (*inputs, *outputs)):
            raise ValueError("its input or its outputs are no images")
        check_weights(weights, network)
        with tempfile.TemporaryDirectory() as scratch:
            load_all_weights(network, without_attributes(weights, Path(scratch)))
        if not all(np.isfinite(weight).all() for weight in network.get_weights()):
            raise ValueError("weights are NaN or infinite")
    except Exception as error:  # an untrusted file may cause any error
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} does not hold the network of a detector: {said}") from error
    return network
