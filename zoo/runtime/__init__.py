"""Run exported parts, with onnxruntime and NumPy only.

These files have two import names. `autoencoder-zoo` holds them as `zoo.runtime`, whose functions
are also in `export`; `autoencoder-zoo-runtime` holds them as `zoo_runtime`. So they import each
other by relative imports, and import nothing else from the project.

The names below are resolved when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arrow import to_arrow as to_arrow
    from .codec import Codec as Codec
    from .codec import load_codec as load_codec
    from .golden import ParityError as ParityError
    from .golden import self_test as self_test
    from .session import Session as Session
    from .session import load as load

_HOMES = {
    "Codec": "codec",
    "load_codec": "codec",
    "ParityError": "golden",
    "Session": "session",
    "load": "session",
    "self_test": "golden",
    "to_arrow": "arrow",
}

__all__ = ["Codec", "ParityError", "Session", "load", "load_codec", "self_test", "to_arrow"]


if not TYPE_CHECKING:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
        except ModuleNotFoundError as error:
            if error.name != "onnxruntime":
                raise
            raise ImportError(
                f"{__name__}.{name} needs onnxruntime, which is not installed: pip install "
                "onnxruntime, or onnxruntime-gpu for NVIDIA GPUs. Install one of the two, as they "
                "overwrite each other's files."
            ) from error
        globals()[name] = value = getattr(home, name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
