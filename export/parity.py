"""The parity check: an exported file computes the same values as the Keras part."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from zoo.runtime.devices import session_options
from zoo.runtime.golden import ParityError
from zoo.runtime.onnx_bytes import check_model
from zoo.runtime.signature_file import FORMAT_VERSION

from . import backends
from .backends.base import Arrays
from .test_inputs import ROWS, clipped, make_cases

if TYPE_CHECKING:
    from zoo.inference.parts import Part, TensorInfo

Runner = Callable[[Arrays], Arrays]

FEW = 7
BATCHES = (1, 2, FEW, ROWS)
EXAMPLES = 8
ABSOLUTE_BOUND = 1e-5
RELATIVE_BOUND = 1e-4
# Rounding in the last bit may change an integer output, at most one in a thousand.
MISMATCH_BOUND = 1e-3
# Bounds of variants are for the root mean square, as single values may have larger errors. There
# is one for outputs with a range (pixels, probabilities), one for others (codes, logits).
VARIANT_BOUNDS = {"float16": (5e-3, 5e-3), "int8": (0.1, 0.15)}

_MEASURES = {
    "absolute": "largest |a - b| / (high - low), for outputs with a range",
    "relative": "largest |a - b| / max(|a|, r), for outputs without a range; r is the root mean "
    "square of a over all rows of the case, since an element near zero inherits the rounding of "
    "the larger terms that it was summed from",
    "mismatched": "fraction of elements that differ, for outputs of integers",
    "rms": "root mean square of a - b, divided by high - low, or by r where there is no range; of "
    "variants",
}
_PACKAGES = {"litert": "ai-edge-litert", "openvino": "openvino"}  # of formats that need their own


def prove(
    part: Part, runners: Mapping[tuple[str, str], Runner], images: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Compare exported files with the Keras part.

    Args:
        part: the part; its function runs eagerly, on the CPU, as the reference.
        runners: functions to compare, by format and setting: `("onnx", "optimizations off")`.
        images: real images by input name; inputs without images get digits.

    Returns:
        The report of one part, which becomes `parity.json`.

    Raises:
        ParityError: an error exceeds its bound, or a Keras output is not finite.
    """
    cases = make_cases(part, images)
    reference = backends.current().reference(part)
    expected = {title: _all_batches(reference, inputs) for title, inputs in cases.items()}
    _check_finite(part, expected)
    results = []
    for (kind, setting), run in runners.items():
        results += _compare_runner(part, run, cases, expected, {"format": kind, "setting": setting})
    report = {
        "format_version": FORMAT_VERSION,
        "part": part.name,
        "passed": all(result["passed"] for result in results),
        "compared": {
            "inputs": {title: len(next(iter(case.values()))) for title, case in cases.items()},
            "batches": list(BATCHES),
            "row_alone": "rows 1 to 7, each alone, with the same rows inside a batch of 64",
            "beside_outlier": "rows 1 to 7 beside row 8 times 1000, cut off at the ends of its "
            "range, with the same rows inside a batch of 64",
            "reference": "the Keras function run eagerly in float32 on the CPU",
        },
        "measures": _MEASURES,
        "results": results,
        "versions": _versions({kind for kind, _ in runners}),
    }
    if not report["passed"]:
        raise ParityError(_failure(report), report)
    return report


def examples(
    part: Part, images: Mapping[str, np.ndarray]
) -> tuple[Arrays, Arrays, dict[str, dict[str, float]]]:
    """Return some rows of every case, with the outputs of Keras.

    Returns:
        inputs and outputs by name, in the part's order, and for each output `atol` and `rtol`: the
        bounds of the parity check, for values of this size; integers must be equal.
    """
    cases = make_cases(part, images).values()
    inputs = {
        info.name: np.concatenate([case[info.name][:EXAMPLES] for case in cases])
        for info in part.inputs
    }
    outputs = backends.current().reference(part)(inputs)
    outputs = {info.name: outputs[info.name] for info in part.outputs}
    tolerances = {
        info.name: _tolerance(info, outputs[info.name], part.tolerance) for info in part.outputs
    }
    return inputs, outputs, tolerances


def _tolerance(info: TensorInfo, expected: np.ndarray, factor: float) -> dict[str, float]:
    if info.dtype == "int32":
        return {"atol": 0.0, "rtol": 0.0}
    if info.low is not None and info.high is not None:
        return {"atol": factor * ABSOLUTE_BOUND * (info.high - info.low), "rtol": 0.0}
    size = float(np.sqrt(np.mean(np.square(expected, dtype=np.float64))))
    return {"atol": RELATIVE_BOUND * size, "rtol": RELATIVE_BOUND}


def onnx_runner(model: bytes, *, optimize: bool) -> Runner:
    """Run an ONNX model on the CPU with all graph optimizations, or none."""
    check_model(model, "the ONNX file")
    levels = onnxruntime.GraphOptimizationLevel
    options = session_options()
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimize else levels.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def format_report(report: Mapping[str, Mapping[str, Any]]) -> str:
    """Format the report of `export_model` or `verify` as short tables in plain text.

    `error` is the bounded measure, of variants a root mean square; `largest` is the largest
    difference of one element.
    """
    rows: list[tuple] = [
        ("part", "format", "setting", "output", "measure", "error", "largest", "bound", "")
    ]
    head = ("part", "variant", "bytes", "ms at 1", "64", "1024 rows", "reconstruction error")
    sizes: list[tuple] = [head]
    for name, part in report.items():
        for result in part["results"]:
            about = [result[key] for key in ("format", "setting", "output", "measure")]
            errors = [f"{result[key]:.1e}" for key in ("error", "max_absolute_error")]
            errors.append(f"{result['bound']:.2g}")
            rows.append((name, *about, *errors, "ok" if result["passed"] else "FAILED"))
        for variant, measured in part.get("variants", {}).items():
            error = measured["reconstruction_error"]
            costs = [f"{measured['bytes']:,}", *map(str, measured["milliseconds"].values())]
            sizes.append((name, variant, *costs, "" if error is None else str(error)))
    return "\n".join(_table(rows) + (["", *_table(sizes)] if len(sizes) > 1 else []))


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return [line.rstrip() for line in lines]


def _all_batches(run: Runner, inputs: Arrays) -> dict[int, Arrays]:
    """Return the outputs for the first 1, 2 and 7 rows, and for all rows in batches of 64."""
    rows = len(next(iter(inputs.values())))
    outputs = {size: run(_rows(inputs, 0, size)) for size in BATCHES[:-1]}
    chunks = [run(_rows(inputs, start, start + ROWS)) for start in range(0, rows, ROWS)]
    return outputs | {ROWS: _joined(chunks)}


def _rows(inputs: Arrays, start: int, stop: int) -> Arrays:
    return {name: array[start:stop] for name, array in inputs.items()}


def _joined(chunks: list[Arrays]) -> Arrays:
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _check_finite(part: Part, expected: dict[str, dict[int, Arrays]]) -> None:
    for title, batches in expected.items():
        for name, array in batches[ROWS].items():
            if not np.isfinite(array).all():
                raise ParityError(
                    f"Output {name!r} of the Keras {part.name} is NaN or infinite for {title}: "
                    "nothing can be compared with it. Train the model further, or clip the output."
                )


def _compare_runner(
    part: Part,
    run: Runner,
    cases: dict[str, Arrays],
    expected: dict[str, dict[int, Arrays]],
    about: dict[str, str],
) -> list[dict[str, Any]]:
    found = {info.name: _new_result(info, about, part.tolerance) for info in part.outputs}
    for title, inputs in cases.items():
        outputs = _all_batches(run, inputs)
        alone = _joined([run(_rows(inputs, row, row + 1)) for row in range(FEW)])
        beside = _rows(run(_beside_outlier(part, inputs)), 0, FEW)
        for info in part.outputs:
            result, wanted = found[info.name], expected[title][ROWS][info.name]
            scale = float(np.sqrt(np.mean(np.square(wanted, dtype=np.float64)))) or 1.0
            for size in BATCHES:
                _add(result, info, expected[title][size][info.name], outputs[size], scale)
            in_batch = outputs[ROWS][info.name][:FEW]
            for key, others in (("row_alone_error", alone), ("beside_outlier_error", beside)):
                again = _new_result(info, about, part.tolerance)
                _add(again, info, in_batch, others, scale)
                result[key] = max(result[key], again["error"])
    for result in found.values():
        result["passed"] = _largest_error(result) <= result["bound"]
    return list(found.values())


def _beside_outlier(part: Part, inputs: Arrays) -> Arrays:
    """Return the first rows of inputs; the last of them is multiplied by 1000."""
    together = _rows(inputs, 0, FEW + 1)
    for info in part.inputs:
        if info.dtype == "float32":
            array = together[info.name].copy()
            array[FEW] = clipped(info, array[FEW] * np.float32(1000))
            together[info.name] = array
    return together


def _largest_error(result: dict[str, Any]) -> float:
    return max(result[key] for key in ("error", "row_alone_error", "beside_outlier_error"))


def _new_result(info: TensorInfo, about: dict[str, str], factor: float = 1.0) -> dict[str, Any]:
    bounded = info.low is not None and info.high is not None
    variant = VARIANT_BOUNDS.get(about["setting"])
    if info.dtype == "int32":
        measure, bound = "mismatched", variant[0] if variant else MISMATCH_BOUND
    elif variant:
        measure, bound = "rms", variant[0] if bounded else variant[1]
    elif bounded:
        measure, bound = "absolute", factor * ABSOLUTE_BOUND
    else:
        measure, bound = "relative", RELATIVE_BOUND
    return about | {
        "output": info.name,
        "measure": measure,
        "bound": bound,
        "error": 0.0,
        "max_absolute_error": 0.0,
        "max_relative_error": 0.0,
        "row_alone_error": 0.0,
        "beside_outlier_error": 0.0,
    }


def _add(
    result: dict[str, Any], info: TensorInfo, wanted: np.ndarray, outputs: Arrays, scale: float
) -> None:
    came = outputs.get(info.name)
    if came is None or came.dtype != wanted.dtype or came.shape != wanted.shape:
        what = "nothing" if came is None else f"{came.dtype} {list(came.shape)}"
        result["problem"] = f"got {what} instead of {wanted.dtype} {list(wanted.shape)}"
        result["error"] = float("inf")
        return
    difference = np.abs(wanted.astype(np.float64) - came)
    # Comparisons with NaN are always false: count NaN as the largest error.
    difference = np.where(np.isfinite(difference), difference, np.inf)
    relative = difference / np.maximum(np.abs(wanted.astype(np.float64)), scale)
    largest = float(difference.max())
    span = scale if info.low is None or info.high is None else info.high - info.low
    errors = {
        "mismatched": float(np.mean(difference != 0)),
        "relative": float(relative.max()),
        "absolute": largest / span,
        "rms": float(np.sqrt(np.mean(np.square(difference)))) / span,
    }
    result["error"] = max(result["error"], errors[result["measure"]])
    result["max_absolute_error"] = max(result["max_absolute_error"], largest)
    result["max_relative_error"] = max(result["max_relative_error"], errors["relative"])


def _failure(report: dict[str, Any]) -> str:
    lines = []
    for result in report["results"]:
        if not result["passed"]:
            error = _largest_error(result)
            lines.append(
                f"output {result['output']!r} as {result['format']} ({result['setting']}) is off "
                f"by {error:.2e} ({result['measure']}), above the bound {result['bound']:.0e} by "
                f"{error - result['bound']:.2e}" + _because(result)
            )
    return f"The {report['part']} does not compute the same as Keras: {'; '.join(lines)}."


def _because(result: dict[str, Any]) -> str:
    return f" ({result['problem']})" if "problem" in result else ""


def _versions(kinds: set[str]) -> dict[str, str]:
    packages = [*backends.current().packages, *(_PACKAGES[k] for k in kinds & _PACKAGES.keys())]
    versions = {name: importlib.metadata.version(name) for name in packages}
    versions["onnxruntime"] = onnxruntime.__version__
    return versions | {"python": platform.python_version(), "machine": platform.machine()}
