"""Buffers on the device for batches of one size; all calls use the same buffers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from .session import Session

_NO_GRAPH = -1


class Bound:
    """A session with its own input and output buffers; `Session.bind` makes it.

    Call it like the session, with `rows` rows. Or call `write` once for the inputs, `run` any
    number of times, and `read` for the outputs.

    Attributes:
        rows: the number of rows of every call.

    Threads that share a `Bound` wait for each other, as they use the same buffers; give each thread
    its own.
    """

    def __init__(self, session: Session, rows: int, graph: int | None = None):
        self.rows = rows
        self._session = session
        self._lock = threading.Lock()
        self._options = run_options(graph)
        self._binding = session.onnx.io_binding()
        self._inputs = {t.name: self._buffer(t) for t in session.inputs}
        self._outputs = {t.name: self._buffer(t) for t in session.outputs}
        self._unwritten = set(self._inputs)
        self._has_run = False
        for name, buffer in self._inputs.items():
            self._binding.bind_ortvalue_input(name, buffer)
        for name, buffer in self._outputs.items():
            self._binding.bind_ortvalue_output(name, buffer)

    def __call__(self, /, **inputs: Any) -> dict[str, np.ndarray]:
        """Run the part: `write`, `run` and `read`, while other threads wait.

        Args, Returns, Raises: as `Session.__call__`; a ValueError for another number of rows.
        """
        feed = self._checked(inputs)
        with self._lock:
            self._write(feed)
            self.run()
            return self.read()

    def write(self, /, **inputs: Any) -> None:
        """Copy all or some inputs to the device."""
        self._write(self._checked(inputs, some=True))

    def run(self) -> None:
        """Compute the outputs for the written inputs, on the device.

        Raises:
            ValueError: an input was never written, so its buffer has undefined values.
        """
        if self._unwritten:
            raise ValueError(
                f"{', '.join(sorted(self._unwritten))} was never written: write all inputs before "
                "the first run; later runs use them again."
            )
        self._session.onnx.run_with_iobinding(self._binding, self._options)
        self._has_run = True

    def read(self) -> dict[str, np.ndarray]:
        """Return a copy of the outputs; later runs do not change it.

        Raises:
            ValueError: `run` was not called yet; or the outputs are NaN or infinite.
        """
        if not self._has_run:
            raise ValueError("There are no outputs to read yet: call run() first.")
        outputs = {name: np.array(buffer.numpy()) for name, buffer in self._outputs.items()}
        self._session.check_outputs(outputs, self.rows)
        return outputs

    def _buffer(self, tensor: Any) -> onnxruntime.OrtValue:
        shape = [self.rows, *tensor.shape]
        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            shape, np.dtype(tensor.dtype).type, self._session.device, 0
        )

    def _checked(self, inputs: dict[str, Any], some: bool = False) -> dict[str, np.ndarray]:
        given = sorted(inputs.keys() & self._session.optional.keys())
        if given:
            raise ValueError(
                f"Buffers have the {given[0]} of the file: give {given[0]}= to the session itself."
            )
        feed, rows = self._session.check(inputs, some)
        if rows != self.rows:
            raise ValueError(
                f"The inputs have {rows} rows, but the buffers have {self.rows}: use bind({rows}), "
                "or the session itself, which takes any number of rows."
            )
        return feed

    def _write(self, feed: dict[str, np.ndarray]) -> None:
        for name, array in feed.items():
            self._inputs[name].update_inplace(array)
            self._unwritten.discard(name)


def run_options(graph: int | None) -> onnxruntime.RunOptions | None:
    """Return run options that select a CUDA graph by number; None for a session without them."""
    if graph is None:
        return None
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(graph))
    return options


def without_graph() -> onnxruntime.RunOptions | None:
    """Return options for a run that captures no CUDA graph."""
    return run_options(_NO_GRAPH)
