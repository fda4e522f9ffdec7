"""What a part reads and changes while it runs, and which layer it is in; for JAX and PyTorch."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

import keras

from ..part_checks import ConversionError, layer_of, random_error, state_error, unlisted_error

if TYPE_CHECKING:
    from zoo.inference.parts import Part


class Recorder(keras.StatelessScope):
    """Gives the variables of a part, and records which ones are read and changed.

    Args:
        part: the part whose function runs inside of this scope.
        values: values of the variables of its networks; None takes those that they have.
    """

    def __init__(self, part: Part, values: list[tuple[Any, Any]] | None = None):
        super().__init__(state_mapping=values)
        self.part = part
        self.read: dict[int, Any] = {}
        self.changed: dict[int, tuple[Any, str]] = {}

    def get_current_value(self, variable: Any) -> Any:
        self.read[id(variable)] = variable
        return super().get_current_value(variable)

    def add_update(self, update: tuple[Any, Any]) -> None:
        self.changed[id(update[0])] = update[0], layer_of(self.part, layers_of_stack())
        super().add_update(update)

    def check(self) -> None:
        """Refuse a part that changed a variable, or read one of networks that it does not list."""
        for variable, place in self.changed.values():
            error = random_error if variable.name == "seed_generator_state" else state_error
            raise error(self.part, f"an assignment of {variable.name}", place)
        known = {id(variable) for variable in variables_of(self.part)}
        unknown = [v.path for key, v in self.read.items() if key not in known]
        if unknown:
            raise unlisted_error(self.part, unknown)


def variables_of(part: Part) -> list[Any]:
    """Return the variables of a part's networks, each once."""
    found = [variable for network in part.networks for variable in network.variables]
    return list({id(variable): variable for variable in found}.values())


def layers_of_stack() -> list[str]:
    """Return the names of the layers that are being called, the innermost last."""
    found, frame = [], sys._getframe(1)
    while frame is not None:
        owner: Any = frame.f_locals.get("self")
        if isinstance(owner, keras.Layer):
            found.append(owner.name)
        frame = frame.f_back
    return found[::-1]


def place_of(part: Part, trace: TracebackType | None) -> str:
    """Name the innermost layer of a traceback, for messages."""
    owners: list[Any] = []
    while trace is not None:
        owners.append(trace.tb_frame.f_locals.get("self"))
        trace = trace.tb_next
    return layer_of(part, [owner.name for owner in owners if isinstance(owner, keras.Layer)])


def failure(part: Part, error: BaseException, place: str, way_round: str) -> ConversionError:
    """Return the error of a part that a converter refused, in the converter's words."""
    said = " ".join(str(error).split())[:500]
    return ConversionError(
        f"The {part.name} cannot be converted, because of {place}: {type(error).__name__}: {said} "
        f"{way_round}"
    )
