"""The files of a part: written in each format, and run for the parity check."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.runtime.golden import FOLDER as GOLDEN
from zoo.runtime.session import ONNX_FILE, VARIANTS, load, onnx_file

from . import (
    backends,
    golden,
    litert_file,
    onnx_graph,
    openvino_file,
    parity,
    saved_model,
    signature,
)
from . import variants as onnx_variants

if TYPE_CHECKING:
    import numpy as np

    from zoo.inference.parts import Part

SAVED_MODEL = "saved_model"
VARIED = ("onnx", "litert", "openvino")  # formats with variants
_MODULES = {"litert": "ai_edge_litert", "openvino": "openvino"}  # what these formats need


def check_formats(formats: Iterable[str] | None) -> tuple[str, ...]:
    """Return the names of formats, or refuse those that cannot be written here."""
    converter = backends.current()
    if formats is None:
        return converter.usual
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    unknown = [name for name in formats if name not in backends.FORMATS]
    if unknown or not formats:
        raise ValueError(f"formats is {list(formats)}; give one or more of {backends.FORMATS}.")
    missing = [name for name in formats if name not in converter.formats]
    if missing:
        raise RuntimeError(
            f"{' and '.join(missing)} cannot be written while Keras runs on {converter.backend}, "
            f"but {' and '.join(converter.formats)} can. Save the model (zoo.save, or model.save), "
            "start Python with KERAS_BACKEND=tensorflow, load the model and export it; weights do "
            "not depend on the backend."
        )
    for name in formats:
        if name in _MODULES and importlib.util.find_spec(_MODULES[name]) is None:
            raise ImportError(
                f"The format {name} needs the package {_MODULES[name]}, which is missing: pip "
                f"install 'autoencoder-zoo[{name}]'. Or leave {name!r} out of formats."
            )
    return formats


def write(
    model: Any,
    part: Part,
    folder: Path,
    formats: tuple[str, ...],
    opset: int,
    variants: tuple[str, ...],
    given: Mapping[str, np.ndarray],
    say: Callable[[str], None],
) -> None:
    """Write a part's files in all formats, its golden arrays and its signature."""
    described = signature.describe(model, part, opset if "onnx" in formats else None)
    converted = b""
    if {"onnx", "openvino"} & {*formats}:
        say(f"{part.name}: ONNX")
        converted = onnx_graph.convert(part, opset, signature.metadata(described))
    if "onnx" in formats:
        (folder / ONNX_FILE).write_bytes(converted)
        described["bytes_per_row"] = onnx_graph.bytes_per_row(converted)
        for variant in variants:
            say(f"{part.name}: {variant}")
            smaller = onnx_variants.make(part, converted, variant, given)
            (folder / onnx_file(variant)).write_bytes(smaller)
    if SAVED_MODEL in formats:
        say(f"{part.name}: SavedModel")
        saved_model.write(part, folder / SAVED_MODEL)
    if "litert" in formats:
        say(f"{part.name}: LiteRT")
        litert_file.write(part, folder, variants)
    if "openvino" in formats:
        say(f"{part.name}: OpenVINO")
        openvino_file.write(part, converted, folder, variants)
    golden.write(folder / GOLDEN, part.name, *parity.examples(part, given))
    for name, content in part.files.items():
        (folder / name).write_bytes(content)
    signature.write(folder, described)


def runners(folder: Path) -> dict[tuple[str, str], parity.Runner]:
    """Read all files in a part's folder, and return their runners."""
    found: dict[tuple[str, str], parity.Runner] = {}
    if (folder / ONNX_FILE).is_file():
        found |= onnx_runners((folder / ONNX_FILE).read_bytes())
        session = load(folder)
        found["onnx", "export.load"] = lambda inputs: session.compute(*session.check(inputs))
    for variant in VARIANTS:
        for form in VARIED:
            if (folder / files_of(form, variant)[0]).is_file():
                found[form, variant] = runner_of(folder, form, variant)
    if (folder / SAVED_MODEL).is_dir():
        found[SAVED_MODEL, "serving_default"] = saved_model.runner(folder / SAVED_MODEL)
    if (folder / litert_file.FILE).is_file():
        found["litert", "serving_default"] = runner_of(folder, "litert", None)
    if (folder / openvino_file.FILE).is_file():
        found["openvino", "CPU, float32"] = runner_of(folder, "openvino", None)
    if not found:
        raise FileNotFoundError(f"{folder} has a signature, but no file of {backends.FORMATS}.")
    return found


def files_of(form: str, variant: str | None) -> tuple[str, ...]:
    """Return the names of the files of a variant in one of the formats `VARIED`."""
    if form == "openvino":
        return openvino_file.files_of(variant)
    return (litert_file.file_of(variant) if form == "litert" else onnx_file(variant),)


def runner_of(folder: Path, form: str, variant: str | None) -> parity.Runner:
    """Return the runner of a variant in one of the formats `VARIED`; None stands for float32."""
    if form == "onnx":
        return parity.onnx_runner((folder / onnx_file(variant)).read_bytes(), optimize=True)
    return (litert_file if form == "litert" else openvino_file).runner(folder, variant)


def onnx_runners(model: bytes) -> dict[tuple[str, str], parity.Runner]:
    """Return the runners of an ONNX file, with graph optimizations and without."""
    return {
        ("onnx", "optimizations off"): parity.onnx_runner(model, optimize=False),
        ("onnx", "optimizations all"): parity.onnx_runner(model, optimize=True),
    }
