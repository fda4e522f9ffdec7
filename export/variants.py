"""Smaller variants of an ONNX file: half precision, and matrix products in eight bits."""

from __future__ import annotations

import contextlib
import logging
import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .onnx_graph import check_model
from .tracing import ConversionError

if TYPE_CHECKING:
    from zoo.models.signature import Part


_PRODUCTS = ["MatMul", "Gemm"]
_LEAST_SHARE = 0.02


def check_variants(variants: Iterable[str]) -> tuple[str, ...]:
    """Return the names of variants as a tuple, or raise a ValueError for an unknown one."""
    variants = (variants,) if isinstance(variants, str) else tuple(variants)
    unknown = [name for name in variants if name not in _MAKERS]
    if unknown:
        raise ValueError(f"variants is {list(variants)}; there are {list(_MAKERS)}.")
    return variants


def make(part: Part, converted: bytes, variant: str) -> bytes:
    """Return a variant of a part's ONNX file, with the same inputs and outputs in float32.

    "float16" computes in half precision, for GPUs. "int8" stores the constant matrices of dense
    layers in seven bits with a sign, with a scale for every column, and quantizes their inputs at
    run time; it is for CPUs. Products of eight bits would overflow on processors without special
    instructions, so that parity would not hold. A matrix with less than a fiftieth of all values
    is not quantized.

    Raises:
        ConversionError: nothing to quantize, or an invalid result.
    """
    import onnx

    source = onnx.load_from_string(converted)
    described = {entry.key: entry.value for entry in source.metadata_props}
    version = source.ir_version
    model = _MAKERS[variant](part, source)
    model.ir_version = version
    standard = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.helper.set_model_props(model, described | {"variant": variant})
    check_model(part, model)
    return model.SerializeToString()


def _float16(part: Part, model: Any) -> Any:
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # The converter appends casts of the inputs after the nodes that read them.
    halved = ONNXModel(convert_float_to_float16(model, keep_io_types=True))
    halved.topological_sort()
    return halved.model


def _int8(part: Part, model: Any) -> Any:
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
    return quantized


def _small_products(model: Any) -> list[str]:
    """Return the names of the products whose matrix has only a small fraction of all weights.

    Quantizing them would save little, but cost half of the precision, as they are usually the first
    or the last layer.
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
    """Silence the root logger, and prevent that it permanently gets a handler."""
    root = logging.getLogger()
    silent, level = logging.NullHandler(), root.level
    root.addHandler(silent)
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(silent)


_MAKERS = {"float16": _float16, "int8": _int8}
