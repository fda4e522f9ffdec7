"""Smaller variants of an ONNX file: float16, and int8 for matrix products."""

from __future__ import annotations

import contextlib
import logging
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.runtime.devices import session_options

from .onnx_graph import checked_bytes
from .part_checks import ConversionError
from .test_inputs import make_cases

if TYPE_CHECKING:
    from zoo.inference.parts import Part


_PRODUCTS = ["MatMul", "Gemm"]
_LEAST_SHARE = 0.02


def check_variants(variants: Iterable[str]) -> tuple[str, ...]:
    """Return the names of variants as a tuple, or raise a ValueError for an unknown one."""
    variants = (variants,) if isinstance(variants, str) else tuple(variants)
    unknown = [name for name in variants if name not in _MAKERS]
    if unknown:
        raise ValueError(f"variants is {list(variants)}; give some of {list(_MAKERS)}.")
    return variants


def make(part: Part, converted: bytes, variant: str, images: Mapping[str, np.ndarray]) -> bytes:
    """Return a variant of a part's ONNX file, with the same inputs and outputs in float32.

    "float16" computes in half precision, for GPUs. "int8" is for CPUs: it stores the constant
    matrices of dense layers as signed 7-bit integers, with a scale for every column, and rounds
    their inputs to 8 bits at run time. Products of two 8-bit integers would overflow on processors
    without special instructions, and parity would not hold. A matrix with less than a fiftieth of
    all weights is not quantized.

    The quantization range of each of these inputs is fixed: the file stores the range that was
    measured on the inputs for the parity check. So the result for a row does not depend on the
    other rows. If the range came from the batch, a row that is a thousand times larger would leave
    only a few steps for the ordinary rows.

    Args:
        part: the part.
        converted: its ONNX file in full precision.
        variant: "float16" or "int8".
        images: real images by input name, from `assign_images`; may be empty.

    Raises:
        ConversionError: there is nothing to quantize, or the result is invalid.
    """
    import onnx

    source = onnx.load_from_string(converted)
    optional = _without_defaults(source)
    described = {entry.key: entry.value for entry in source.metadata_props}
    version = source.ir_version
    model = _MAKERS[variant](part, source, images)
    model.graph.initializer.extend(optional)
    model.ir_version = version
    standard = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.helper.set_model_props(model, described | {"variant": variant})
    return checked_bytes(part, model)


def _without_defaults(model: Any) -> list[Any]:
    """Remove and return the defaults of inputs, which stay float32."""
    names = {value.name for value in model.graph.input}
    found = [tensor for tensor in model.graph.initializer if tensor.name in names]
    for tensor in found:
        model.graph.initializer.remove(tensor)
    return found


def _float16(part: Part, model: Any, images: Mapping[str, np.ndarray]) -> Any:
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # The converter puts the casts of inputs after the nodes that read them.
    halved = ONNXModel(convert_float_to_float16(model, keep_io_types=True))
    halved.topological_sort()
    return halved.model


def _int8(part: Part, model: Any, images: Mapping[str, np.ndarray]) -> Any:
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    small = _small_products(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "quantized.onnx")
        with _quiet_root_logger():
            quantize_dynamic(
                model,
                path,
                op_types_to_quantize=_PRODUCTS,
                nodes_to_exclude=small,
                per_channel=True,
                reduce_range=True,
            )
        quantized = onnx.load_from_string(path.read_bytes())
    if not any(node.op_type == "MatMulInteger" for node in quantized.graph.node):
        raise ConversionError(
            f"The {part.name} has no products with constant matrices, so its int8 variant would "
            "not be smaller: leave int8 out of variants, or this part out of parts."
        )
    numbers = {i.name: np.array([i.default], np.float32) for i in part.optional}
    _fix_ranges(quantized, [case | numbers for case in make_cases(part, images).values()])
    return quantized


def _fix_ranges(model: Any, cases: Iterable[dict[str, np.ndarray]]) -> None:
    """Replace quantization ranges measured on each batch by constant ones, in place."""
    import onnx

    graph = model.graph
    dynamic = [node for node in graph.node if node.op_type == "DynamicQuantizeLinear"]
    ranges = _ranges(model, {node.input[0] for node in dynamic}, cases)
    for node in dynamic:
        low, high = ranges[node.input[0]]
        _, scale, zero = node.output
        step = np.float32((high - low) / 255 or 1.0)
        point = np.uint8(np.clip(np.round(-low / step), 0, 255))
        graph.initializer.extend(
            onnx.numpy_helper.from_array(np.array(value), name)
            for value, name in ((step, scale), (point, zero))
        )
        node.op_type = "QuantizeLinear"
        node.input.extend([scale, zero])
        del node.output[1:]


def _ranges(
    model: Any, names: set[str], cases: Iterable[dict[str, np.ndarray]]
) -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest values of tensors in a graph; each range includes 0."""
    import onnx
    import onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    inner = sorted(names - {value.name for value in (*model.graph.input, *model.graph.output)})
    probe.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in inner
    )
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
    )
    computed = [node.name for node in session.get_outputs()]
    lows, highs = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for case in cases:
        values = case | dict(zip(computed, session.run(computed, case), strict=True))
        for name in names:
            lows[name] = min(lows[name], float(values[name].min()))
            highs[name] = max(highs[name], float(values[name].max()))
    return {name: (lows[name], highs[name]) for name in names}


def _small_products(model: Any) -> list[str]:
    """Return the names of the products whose matrix has only a small fraction of all weights.

    Quantizing these would save little space, but lose half of the precision, as they are usually
    the first or the last layer.
    """
    weights = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    sizes = {
        node.name: max(weights.get(name, 0) for name in node.input)
        for node in model.graph.node
        if node.op_type in _PRODUCTS
    }
    return [name for name, size in sizes.items() if size < _LEAST_SHARE * sum(sizes.values())]


@contextlib.contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Silence the root logger, without leaving a permanent handler on it."""
    root = logging.getLogger()
    silent, level = logging.NullHandler(), root.level
    root.addHandler(silent)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(silent)


_MAKERS: dict[str, Callable[..., Any]] = {"float16": _float16, "int8": _int8}
