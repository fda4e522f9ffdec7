"""Export models to ONNX and SavedModel files, check that these equal Keras, and run them.

The names below are resolved when they are first used. `export.load` needs only onnxruntime and
numpy, so importing this package imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.runtime import Codec as Codec
    from zoo.runtime import ParityError as ParityError
    from zoo.runtime import Session as Session
    from zoo.runtime import load as load
    from zoo.runtime import load_codec as load_codec
    from zoo.runtime import self_test as self_test
    from zoo.runtime import to_arrow as to_arrow

    from .javascript import write_javascript as write_javascript
    from .page import write_page as write_page
    from .parity import format_report as format_report
    from .part_checks import ConversionError as ConversionError
    from .publish import export_model as export_model
    from .publish import export_onnx as export_onnx
    from .publish import export_saved_model as export_saved_model
    from .publish import verify as verify
    from .serving import write_serving as write_serving

_HOMES = {
    "export_model": "publish",
    "export_onnx": "publish",
    "export_saved_model": "publish",
    "verify": "publish",
    "format_report": "parity",
    "ConversionError": "part_checks",
    "load": "zoo.runtime",
    "load_codec": "zoo.runtime",
    "Codec": "zoo.runtime",
    "Session": "zoo.runtime",
    "self_test": "zoo.runtime",
    "to_arrow": "zoo.runtime",
    "ParityError": "zoo.runtime",
    "write_javascript": "javascript",
    "write_page": "page",
    "write_serving": "serving",
}

__all__ = [
    "Codec",
    "ConversionError",
    "ParityError",
    "Session",
    "export_model",
    "export_onnx",
    "export_saved_model",
    "format_report",
    "load",
    "load_codec",
    "self_test",
    "to_arrow",
    "verify",
    "write_javascript",
    "write_page",
    "write_serving",
]


if not TYPE_CHECKING:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = _HOMES[name] if "." in _HOMES[name] else f"{__name__}.{_HOMES[name]}"
        home = importlib.import_module(home)
        globals()[name] = value = getattr(home, name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
