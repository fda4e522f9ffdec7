"""Trained parts as ONNX and SavedModel files, proved equal to Keras, and their runtime.

The names below are looked up when they are first used. `export.load` needs onnxruntime and
numpy alone, so importing this package imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "export_model": "publish",
    "export_onnx": "publish",
    "export_saved_model": "publish",
    "verify": "publish",
    "format_report": "parity",
    "ParityError": "parity",
    "ConversionError": "tracing",
    "load": "runtime",
    "Session": "runtime",
    "self_test": "golden",
    "write_page": "page",
    "write_serving": "serving",
}

__all__ = [
    "ConversionError",
    "ParityError",
    "Session",
    "export_model",
    "export_onnx",
    "export_saved_model",
    "format_report",
    "load",
    "self_test",
    "verify",
    "write_page",
    "write_serving",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
