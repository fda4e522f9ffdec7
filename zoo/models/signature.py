"""What a model offers for export: named parts with named, described tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a part.

    Attributes:
        name: what a consumer sees: `x`, `z`, `z_mean`, `z_log_var`, `label`.
        dtype: `"float32"` or `"int32"`.
        shape: dimensions without the batch, such as `(28, 28, 1)`; `()` for one value a row.
        low, high: the closed range of the values, or None where there is none.
        prior: for latent inputs, what to draw them from, such as
            `{"kind": "normal", "scale": 1.0}`; None elsewhere.
        layout: "channels_last", or "channels_first" in exports that were asked for it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    prior: dict[str, Any] | None = None
    layout: str = "channels_last"


@dataclass(frozen=True)
class Part:
    """A function of a trained model that can leave Keras by itself.

    Attributes:
        name: `encoder`, `decoder`, `discriminator`.
        function: takes a dict of tensors, gives a dict of tensors, both named as below;
            written with `keras.ops`, deterministic, without state.
        inputs, outputs: in the order in which a consumer sees them.
        networks: the Keras models whose weights `function` uses, and perhaps `OwnWeights`.
    """

    name: str
    function: Callable[[dict[str, Any]], dict[str, Any]]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    networks: tuple[Any, ...]


@dataclass(frozen=True)
class OwnWeights:
    """Weights that belong to a model and to none of its networks, as `Part.networks` takes them."""

    weights: list[Any]
    name: str = "model"

    @property
    def variables(self) -> list[Any]:
        return self.weights
