"""Export models: folders and files that equal Keras, each written completely or not at all."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.files.atomic_writes import publish_file, publish_folder
from zoo.runtime.signature_file import read_signature
from zoo.runtime.tensors import number_of_classes, tensors

from . import (
    backends,
    benchmark,
    onnx_graph,
    parity,
    part_files,
    saved_model,
    signature,
    test_inputs,
)
from . import (
    layout as layouts,
)
from . import (
    variants as onnx_variants,
)

if TYPE_CHECKING:
    from zoo.inference.parts import Part, TensorInfo

PARITY_FILE = "parity.json"

Report = dict[str, dict[str, Any]]


def export_model(
    model: Any,
    out: str | os.PathLike,
    *,
    formats: Iterable[str] | None = None,
    parts: Iterable[str] | None = None,
    opset: int = 18,
    layout: str = "channels_last",
    variants: Iterable[str] = (),
    images: Any = None,
    label_names: Iterable[str] | None = None,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Export every part of a model, check that each equals Keras, then publish all of them.

    It writes `out/<part>/model.onnx`, `saved_model/`, `golden/` (inputs with their outputs),
    `signature.json` and `parity.json`. `out` appears only when it is complete; after an error, a
    full disk or Ctrl-C there is no `out`.

    Args:
        model: a built model with `parts()`.
        out: the folder to create.
        formats: one or more of `"onnx"`, `"saved_model"`, `"litert"` and `"openvino"`; None for
            the first two. On JAX and PyTorch there are `"onnx"`, which is what None stands for,
            and `"openvino"`.
        parts: names of the parts to export; None for all.
        opset: ONNX opset, from 15 to the last one that the installed onnxruntime supports (26 for
            1.31); on JAX and PyTorch at least 18.
        layout: "channels_first" for images as [channels, height, width] in the exported files, as
            in PyTorch; "channels_last" for images as in Keras.
        variants: "float16" (for GPUs), "int8" (for CPUs), or both: additional smaller files in the
            formats "onnx", "litert" and "openvino", such as `model.float16.onnx` and
            `model.int8.onnx`, with their own error bounds. The report has their sizes, times and
            reconstruction errors.
        images: real images for the parity check: an array [n, *input shape of the model] in the
            input's range, or a dict of arrays by input name, which may include labels. With None,
            scikit-learn's digits are resized, and no reconstruction error of `variants` is
            measured.
        label_names: the names of the classes, in order, for the signature; by default those of the
            preset that the model was loaded from, if they are as many as its classes.
        overwrite: replace `out` once the new export is complete, if `out` holds only an export.
        progress: a function that is called with a line of text at every step.

    Returns:
        The parity report by part, as in `parity.json`; `format_report` prints it.

    Raises:
        FileExistsError: `out` exists and `overwrite` is false, or `out` holds other files.
        ConversionError: an operation cannot be converted; the message names it, and a solution.
        ParityError: an error exceeds 1e-5 of an output's range, or 1e-4 relative for outputs
            without a range; for variants, the root mean square exceeds 5e-3 (float16), or for int8
            0.1 of the range or 0.15 relative.
        RuntimeError: Keras runs on a backend that cannot write this format.
        ImportError: a package that the conversion needs is missing; the message names it.
        TypeError, ValueError: a wrong argument.
    """
    formats = part_files.check_formats(formats)
    onnx_graph.check_opset(opset)
    layouts.check_layout(layout)
    variants = onnx_variants.check_variants(variants)
    varied = [form for form in part_files.VARIED if form in formats]
    if variants and not varied:
        raise ValueError(
            f"variants are files of {', '.join(part_files.VARIED)}: add one of these to formats, "
            f"{list(formats)}."
        )
    chosen = _named(_chosen(_parts(model), parts), model, label_names)
    given = test_inputs.assign_images(chosen.values(), images)
    chosen, given = layouts.arrange(chosen, given, layout)
    say = progress or (lambda line: None)
    report = {}
    with publish_folder(out, overwrite) as scratch:
        for name, part in chosen.items():
            folder = scratch / name
            folder.mkdir()
            part_files.write(model, part, folder, formats, opset, variants, given, say)
            say(f"{name}: comparing with Keras")
            report[name] = parity.prove(part, part_files.runners(folder), given)
        if variants:
            say("variants: sizes, times, reconstruction errors")
            benchmark.add(report, chosen, scratch, varied, variants, given)
        for name in chosen:
            signature.write_json(scratch / name / PARITY_FILE, report[name])
    return report


def export_onnx(
    source: Any,
    path: str | os.PathLike,
    *,
    part: str | None = None,
    opset: int = 18,
    layout: str = "channels_last",
    images: Any = None,
    overwrite: bool = False,
) -> Report:
    """Export one part as a single ONNX file, which appears once it was found equal to Keras.

    Use it for other runtimes; `export.load` needs a folder from `export_model`, with a signature.

    Args:
        source: a `Part`, or a model with `parts()`.
        path: the file to write.
        part: the name of the part to export, if the model has several.
        opset, layout, images, overwrite: as for `export_model`.

    Returns:
        The parity report, under the part's name.

    Raises:
        FileExistsError, ConversionError, ParityError, RuntimeError, TypeError, ValueError:
            as `export_model` does.
    """
    backends.current()
    chosen = _one_part(source, part)
    given = test_inputs.assign_images([chosen], images)
    layouts.check_layout(layout)
    arranged, given = layouts.arrange({chosen.name: chosen}, given, layout)
    chosen = arranged[chosen.name]
    with publish_file(path, overwrite) as scratch:
        described = signature.describe(source, chosen, opset)
        model = onnx_graph.convert(chosen, opset, signature.metadata(described))
        scratch.write_bytes(model)
        report = parity.prove(chosen, part_files.onnx_runners(model), given)
    return {chosen.name: report}


def export_saved_model(
    source: Any,
    folder: str | os.PathLike,
    *,
    part: str | None = None,
    images: Any = None,
    overwrite: bool = False,
) -> Report:
    """Export one part as a SavedModel folder, which appears once it was found equal to Keras.

    Args:
        source: a `Part`, or a model with `parts()`.
        folder: the folder to create.
        part: the name of the part to export, if the model has several.
        images, overwrite: as for `export_model`.

    Returns:
        The parity report, under the part's name.

    Raises:
        FileExistsError, ConversionError, ParityError, RuntimeError, TypeError, ValueError:
            as `export_model` does.
    """
    part_files.check_formats(part_files.SAVED_MODEL)
    chosen = _one_part(source, part)
    given = test_inputs.assign_images([chosen], images)
    with publish_folder(folder, overwrite) as scratch:
        saved_model.write(chosen, scratch)
        runners = {(part_files.SAVED_MODEL, "serving_default"): saved_model.runner(scratch)}
        report = parity.prove(chosen, runners, given)
    return {chosen.name: report}


def verify(folder: str | os.PathLike, model: Any, *, images: Any = None) -> Report:
    """Check again that an exported folder equals a Keras model. Nothing is written.

    Args:
        folder: a folder from `export_model`, or the folder of one part in it.
        model: the model to compare with.
        images: as for `export_model`.

    Returns:
        The parity report by part, with `same_artefact`: whether weights, configuration and
        signature have the same hash as in the export.

    Raises:
        FileNotFoundError: there is no export in `folder`, or one of its files is missing.
        ParityError: the error of an output exceeds its bound.
        ValueError: a file was changed, or the model has no such part.
    """
    folder = Path(folder)
    available = _parts(model)
    found = {}
    for place in signature.part_folders(folder):
        described = read_signature(place)
        part = _chosen(available, [described["part"]])[described["part"]]
        signature.check_files(place, described)
        found[part.name] = place, part, described
    given = test_inputs.assign_images([part for _, part, _ in found.values()], images)
    report = {}
    for name, (place, part, described) in found.items():
        arranged, seen = layouts.arrange({name: part}, given, layouts.layout_of(described))
        part = arranged[name]
        _check_interface(place, described, signature.describe(model, part, None))
        report[name] = parity.prove(part, part_files.runners(place), seen)
        identity = signature.artifact_hash(model, part, described)
        report[name]["same_artefact"] = identity == described.get("artefact_sha256")
    return report


def _parts(model: Any) -> dict[str, Part]:
    if not callable(getattr(model, "parts", None)):
        raise TypeError(
            f"This is a {type(model).__name__}; export takes a model of the zoo, or any object "
            "whose parts() returns a dict of zoo.inference.parts.Part."
        )
    parts = model.parts()
    for name in parts:
        # The name becomes the name of a folder.
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(f"The part name {name!r} cannot be a folder's name.")
    return parts


def _chosen(parts: dict[str, Part], names: Iterable[str] | None) -> dict[str, Part]:
    if names is None:
        return dict(parts)
    names = (names,) if isinstance(names, str) else tuple(names)
    unknown = [name for name in names if name not in parts]
    if unknown or not names:
        raise ValueError(f"parts is {list(names)}; the model has {list(parts)}.")
    return {name: parts[name] for name in names}


def _named(parts: dict[str, Part], model: Any, given: Iterable[str] | None) -> dict[str, Part]:
    """Return parts whose labels, and probabilities of labels, have the names of the classes."""
    learned = getattr(model, "learns_labels", True) or getattr(model, "semi_supervised", False)
    known = getattr(model, "label_names", None) if learned else None  # clusters have no names
    names = tuple(known or () if given is None else given)
    tensors = [info for part in parts.values() for info in (*part.inputs, *part.outputs)]
    counts = {n for info in tensors if (n := number_of_classes(info)) is not None}
    if given is not None and counts != {len(names)}:
        raise ValueError(
            f"label_names has {len(names)} names, but the classes of these parts are "
            f"{' or '.join(map(str, sorted(counts))) or 'none'}."
        )

    def named(infos: tuple[TensorInfo, ...]) -> tuple[TensorInfo, ...]:
        fits = [bool(names) and number_of_classes(info) == len(names) for info in infos]
        return tuple(
            dataclasses.replace(info, label_names=names) if fit else info
            for info, fit in zip(infos, fits, strict=True)
        )

    return {
        name: dataclasses.replace(part, inputs=named(part.inputs), outputs=named(part.outputs))
        for name, part in parts.items()
    }


def _one_part(source: Any, name: str | None) -> Part:
    if hasattr(source, "function") and hasattr(source, "networks"):
        return source
    parts = _parts(source)
    if name is None and len(parts) == 1:
        (name,) = parts
    if name is None:
        raise ValueError(f"The model has the parts {list(parts)}: choose one with part=.")
    return _chosen(parts, [name])[name]


def _check_interface(folder: Path, described: dict[str, Any], current: dict[str, Any]) -> None:
    for which in ("inputs", "outputs"):
        wanted, came = tensors(current, which), tensors(described, which)
        if [t[:5] for t in wanted] != [t[:5] for t in came]:
            raise ValueError(
                f"{folder} was exported from another model: its {which} are "
                f"{'; '.join(map(str, came))}; the model's are {'; '.join(map(str, wanted))}."
            )
