"""The signature of an exported part: its inputs and outputs, and the hash of its weights."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import zoo
from zoo.runtime.signature_file import FORMAT_VERSION, SIGNATURE_FILE, check_bytes
from zoo.runtime.tensors import OPTIONAL

if TYPE_CHECKING:
    from zoo.inference.parts import Part, TensorInfo


def describe(model: Any, part: Part, opset: int | None) -> dict[str, Any]:
    """Return the signature of a part, without the files.

    Args:
        model: the model that the part belongs to, an object with `parts()`.
        part: the part.
        opset: the ONNX opset, or None if there is no ONNX file.

    Returns:
        A dict for JSON. The first dimension of every shape is `"batch"`; `range` is the closed
        interval `[low, high]`, or null; the `prior` of an input is the distribution to draw it
        from.
    """
    from .onnx_graph import ir_version

    signature = {
        "format_version": FORMAT_VERSION,
        "model": {"name": getattr(model, "name", None), "class": type(model).__name__},
        "licence": getattr(model, "licence", None),
        "part": part.name,
        "inputs": [_tensor(info, prior=True) for info in part.inputs],
        "outputs": [_tensor(info, prior=False) for info in part.outputs],
        **_optional(part, opset),
        "opset": opset,
        "ir": None if opset is None else ir_version(opset),
    }
    return signature | {"artefact_sha256": artifact_hash(model, part, signature)}


def metadata(signature: dict[str, Any]) -> dict[str, str]:
    """Return the metadata for an ONNX file: model, part, hash of the weights, ranges and prior."""
    return {
        "autoencoder-zoo": zoo.__version__,
        "name": signature["model"]["name"] or "",
        "class": signature["model"]["class"],
        "part": signature["part"],
        "licence": signature["licence"] or "not stated",
        "artefact_sha256": signature["artefact_sha256"],
        "inputs": json.dumps(signature["inputs"], default=_plain),
        "outputs": json.dumps(signature["outputs"], default=_plain),
        **{key: json.dumps(signature[key]) for key in (OPTIONAL,) if key in signature},
    }


def artifact_hash(model: Any, part: Part, signature: dict[str, Any]) -> str:
    """Return the identity of an artifact: the SHA-256 of weights, configuration and signature.

    The bytes of an ONNX file differ between conversions; this hash does not. The name of the model
    instance is not included, as Keras adds a number to it.
    """
    import keras

    facts = {key: signature.get(key) for key in ("part", "inputs", "outputs", "opset", "ir")}
    facts |= {"class": type(model).__name__, "config": _config(model, part)}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=_plain).encode())
    for network in part.networks:
        for weight in network.weights:
            values = keras.ops.convert_to_numpy(weight)
            little = values.astype(values.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{values.dtype.name}{list(values.shape)}".encode())
            digest.update(little.tobytes())
    return digest.hexdigest()


def file_table(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the size and SHA-256 of every file in a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a dict as indented JSON."""
    text = json.dumps(content, indent=2, default=_plain)
    path.write_text(text + "\n", encoding="utf-8")


def write(folder: Path, signature: dict[str, Any]) -> None:
    """Write `signature.json` into a part's folder; it lists the files in the folder."""
    write_json(folder / SIGNATURE_FILE, signature | {"files": file_table(folder)})


def part_folders(folder: Path) -> list[Path]:
    """Return the folders of the parts in an export, or the folder itself if it is a part."""
    if (folder / SIGNATURE_FILE).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{SIGNATURE_FILE}"))
    if not found:
        raise FileNotFoundError(f"{folder} holds no part that export_model wrote.")
    return found


def check_files(folder: Path, described: dict[str, Any]) -> dict[str, bytes]:
    """Return the contents of the files that a signature lists, by path.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file was altered, or its path is outside of the folder.
    """
    held = {}
    for name, expected in described.get("files", {}).items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or "\\" in name or ":" in name:
            raise ValueError(f"{folder / SIGNATURE_FILE} names {name!r}, outside of its folder.")
        path = folder / relative
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: export again.")
        held[name] = path.read_bytes()
        check_bytes(held[name], expected, path)
    return held


def _tensor(info: TensorInfo, prior: bool) -> dict[str, Any]:
    entry = {
        "name": info.name,
        "dtype": info.dtype,
        "shape": ["batch", *info.shape],
        "range": None if info.low is None or info.high is None else [info.low, info.high],
    }
    if info.layout != "channels_last":
        entry["layout"] = info.layout
    if info.padded:
        entry["padded"] = True
    if info.label_names:
        entry["label_names"] = list(info.label_names)
    if info.missing:
        entry["missing"] = True
    if info.image_file:
        entry["image_file"] = info.image_file
    if info.columns:
        entry["columns"] = list(info.columns)
    if info.categories:
        entry["categories"] = list(info.categories)
    for name in ("channels", "units", "normal_error"):
        if getattr(info, name):
            entry[name] = list(getattr(info, name))
    return entry | {"prior": info.prior} if prior and info.prior else entry


def _optional(part: Part, opset: int | None) -> dict[str, Any]:
    """Return the entry of optional inputs, which only ONNX files have."""
    if not part.optional or opset is None:
        return {}
    of_each = {"dtype": "float32", "shape": [1]}
    entries = [{"name": i.name, **of_each, "default": float(i.default)} for i in part.optional]
    return {OPTIONAL: entries}


def _config(model: Any, part: Part) -> Any:
    with warnings.catch_warnings():
        # Keras warns about lambdas, which matter when a config is loaded; here it is only hashed.
        warnings.simplefilter("ignore")
        config = _own_config(model)
        if config is None:
            # A model without a config is described by its networks.
            config = {"networks": [_own_config(network) for network in part.networks]}
    config.pop("name", None)
    return config


def _own_config(described: Any) -> dict[str, Any] | None:
    if not hasattr(described, "get_config"):
        return None
    try:
        return dict(described.get_config())
    except NotImplementedError:  # Keras raises it for a custom layer or model without a config
        return None


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    import keras

    return keras.saving.serialize_keras_object(value)
