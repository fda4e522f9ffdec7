"""Write exported parts in the folder layouts of model servers: TensorFlow Serving and Triton."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.files.atomic_writes import LIST, publish_folder
from zoo.runtime.onnx_bytes import check_interface, check_model
from zoo.runtime.session import ONNX_FILE
from zoo.runtime.signature_file import read_signature
from zoo.runtime.tensors import TensorSpec, tensors

from . import signature as signatures

SAVED_MODEL = "saved_model"
_TRITON_TYPES = {"float32": "TYPE_FP32", "int32": "TYPE_INT32"}


def write_serving(
    exported: str | os.PathLike,
    repository: str | os.PathLike,
    layout: str,
    *,
    name: str | None = None,
    version: int = 1,
    max_batch: int = 64,
    overwrite: bool = False,
) -> list[str]:
    """Write the parts of an export as a model repository for a server.

    TensorFlow Serving reads `NAME_PART/VERSION/saved_model.pb` and its variables; start it with
    `--model_base_path=REPOSITORY/NAME_PART --model_name=NAME_PART`. Triton reads
    `NAME_PART/config.pbtxt` and `NAME_PART/VERSION/model.onnx`; start it with
    `--model-repository=REPOSITORY`.

    Args:
        exported: a folder from `export_model`, or the folder of one part in it.
        repository: the folder to create.
        layout: "tensorflow_serving" or "triton".
        name: the first part of the models' names; by default the exported model's name.
        version: a whole number of at least 1.
        max_batch: the largest number of rows in a batch of Triton; TensorFlow Serving has its own
            option.
        overwrite: replace the whole `repository`, if these models are all that it holds.

    Returns:
        the names of the models in the repository.

    Raises:
        FileNotFoundError: there is no exported part, or none in the format that the layout needs.
        FileExistsError: `repository` exists and `overwrite` is false, or it holds other models.
        ValueError: an unknown layout, a changed file, a link, a file that the signature does not
            list, or an invalid name, version or batch.
    """
    if layout not in _LAYOUTS:
        raise ValueError(f"layout is {layout!r}; give one of {list(_LAYOUTS)}.")
    for what, value in (("version", version), ("max_batch", max_batch)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{what} is {value!r}; give a whole number of at least 1.")
    parts = [(place, read_signature(place)) for place in signatures.part_folders(Path(exported))]
    prefix = name or parts[0][1]["model"]["name"] or parts[0][1]["model"]["class"]
    names = [f"{prefix}_{signature['part']}" for _, signature in parts]
    for model in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", model):
            raise ValueError(f"{model!r} cannot be a model's name: give one of letters as name=.")
    if len(set(names)) < len(names):
        raise ValueError(f"{exported} has a part more than once: {', '.join(names)}.")
    _check_alone(Path(repository), names)
    with publish_folder(repository, overwrite) as scratch:
        for model, (place, signature) in zip(names, parts, strict=True):
            folder = scratch / model / str(version)
            folder.mkdir(parents=True)
            files = signatures.check_files(place, signature)
            _check_closed(place, files)
            _LAYOUTS[layout](place, signature, files, folder, model, max_batch)
    return names


def _check_alone(repository: Path, names: list[str]) -> None:
    """Refuse a repository with other models, as replacing it would delete them."""
    others = sorted({path.name for path in repository.glob("*")} - {*names, LIST})
    if others:
        raise FileExistsError(
            f"{repository} exists already and also holds {', '.join(others)}: write into a new "
            "folder, and move the new models into this one."
        )


def _check_closed(place: Path, files: dict[str, bytes]) -> None:
    """Refuse links, which may point to other files, and files that the signature does not list."""
    saved_model = place / SAVED_MODEL
    for path in (place / ONNX_FILE, saved_model, *sorted(saved_model.rglob("*"))):
        if path.is_symlink():
            raise ValueError(f"{path} is a link, but only files are served: copy its target.")
        if path.is_file() and path.relative_to(place).as_posix() not in files:
            raise ValueError(f"{path} is not listed in its signature: export again.")


def triton_config(name: str, signature: dict[str, Any], max_batch: int) -> str:
    """Return the `config.pbtxt` of a part; shapes in it have no batch, which Triton adds."""
    lines = [f'name: "{name}"', 'backend: "onnxruntime"', f"max_batch_size: {max_batch}"]
    for which in ("input", "output"):
        entries = [_triton_tensor(tensor) for tensor in tensors(signature, f"{which}s")]
        lines += [f"{which} [", ",\n".join(entries), "]"]
    return "\n".join([*lines, "dynamic_batching { }", ""])


def _triton_tensor(tensor: TensorSpec) -> str:
    if not re.fullmatch(r"[^\"\\]+", tensor.name) or not tensor.name.isprintable():
        raise ValueError(
            f"A config.pbtxt cannot hold the tensor name {tensor.name!r}: export it under a name "
            "without quotes, backslashes and control characters."
        )
    shape = ", ".join(str(size) for size in tensor.shape or (1,))
    lines = [
        f'    name: "{tensor.name}"',
        f"    data_type: {_TRITON_TYPES[tensor.dtype]}",
        f"    dims: [ {shape} ]",
    ]
    if not tensor.shape:
        # Triton has no tensors without dimensions: a label arrives as [1] and is reshaped to [].
        lines.append("    reshape: { shape: [ ] }")
    return "\n".join(["  {", *lines, "  }"])


def _write_triton(place: Path, signature, files, folder: Path, name: str, max_batch: int) -> None:
    if ONNX_FILE not in files:
        raise FileNotFoundError(f"{place} holds no ONNX file: export with formats=('onnx', ...).")
    config = triton_config(name, signature, max_batch)
    path = place / ONNX_FILE
    declared = check_model(files[ONNX_FILE], path)
    check_interface(declared, tensors(signature, "inputs"), tensors(signature, "outputs"), path)
    (folder / ONNX_FILE).write_bytes(files[ONNX_FILE])
    (folder.parent / "config.pbtxt").write_text(config, encoding="utf-8")


def _write_tensorflow_serving(place: Path, signature, files, folder: Path, name, batch) -> None:
    listed = {PurePosixPath(name): data for name, data in files.items()}
    held = {path: data for path, data in listed.items() if SAVED_MODEL in path.parts[:-1][:1]}
    if not held:
        raise FileNotFoundError(
            f"{place} holds no SavedModel: export with formats=('saved_model', ...)."
        )
    for path, data in held.items():
        target = folder.joinpath(*path.parts[1:])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


_LAYOUTS: dict[str, Callable[..., None]] = {
    "tensorflow_serving": _write_tensorflow_serving,
    "triton": _write_triton,
}
