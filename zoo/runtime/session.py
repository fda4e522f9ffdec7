"""Sessions, which run exported parts: they take and return arrays by name."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .binding import Bound, without_graph
from .devices import open_session, runs_on_cuda
from .draws import draw_by_label, draw_prior
from .onnx_bytes import Interface, check_interface, check_model
from .signature_file import check_bytes, read_signature
from .table_rows import are_rows, columns_of
from .tensors import check_array, check_number, check_result, optional_inputs, tensors

ONNX_FILE = "model.onnx"
VARIANTS = ("float16", "int8")

# A CPU is fastest with pieces that fit its caches; a GPU needs large pieces.
MEMORY = {"cpu": 16 * 2**20, "cuda": 512 * 2**20}
_LEAST_ROWS = 16


def load(
    folder: str | os.PathLike,
    *,
    device: str = "cpu",
    threads: int | None = None,
    variant: str | None = None,
    cuda_graph: bool = False,
    memory: int | None = None,
    verify_checksum: bool = True,
) -> Session:
    """Open the exported folder of one part.

    Args:
        folder: the folder that holds `signature.json` and `model.onnx`, such as `out/decoder`.
        device: `"cpu"`; `"cuda"`, which raises an error if the GPU cannot be used; or `"auto"`,
            which takes the GPU if it can be used, else the CPU.
        threads: CPU threads for one operation; None lets onnxruntime choose.
        variant: "float16" or "int8", if the part was exported with `variants`; None for full
            precision.
        cuda_graph: record the runs of `Session.bind` on a GPU as a CUDA graph, and replay it.
        memory: about how many bytes a call may take for intermediate values; larger batches run in
            pieces. None takes the fastest size: pieces of 16 MiB (and at least 16 rows) on a CPU,
            of 512 MiB on a GPU.
        verify_checksum: compare size and SHA-256 of the ONNX file with the signature before the
            file is parsed.

    Returns:
        A `Session`: call it with arrays by name; it returns a dict of arrays by name.

    Raises:
        FileNotFoundError: there is no exported part in `folder`.
        ValueError: the signature is invalid, the file is not the exported one, it holds something
            that exports never hold (weights in other files, loops, functions, unknown sizes), or an
            argument is wrong.
        RuntimeError: onnxruntime cannot read the file, or the device cannot be used.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise ValueError(f"device is {device!r}; give 'cpu', 'cuda' or 'auto'.")
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is {threads!r}; give a whole number of at least 1, or None.")
    if memory is not None and (not isinstance(memory, int) or memory < 1):
        raise ValueError(f"memory is {memory!r}; give a number of bytes, such as 256 * 2**20.")
    folder = Path(folder)
    signature = read_signature(folder)
    file = onnx_file(variant)
    model = read_model(folder, file, signature, verify_checksum)
    session = open_session(model, folder / file, device, threads, cuda_graph)
    loaded = Session(signature, session, memory, cuda_graph and runs_on_cuda(session), variant)
    options = {"device": device, "threads": threads, "variant": variant, "cuda_graph": cuda_graph}
    options |= {"memory": memory, "verify_checksum": verify_checksum}
    sha256 = signature.get("files", {}).get(file)
    loaded.opened = functools.partial(_opened_again, str(folder.absolute()), sha256, **options)
    return loaded


def _opened_again(folder: str, sha256: str | None, **options: Any) -> Session:
    """Return what `load` opens, if the folder still holds the same file."""
    loaded = load(folder, **options)
    if loaded.signature.get("files", {}).get(onnx_file(loaded.variant)) != sha256:
        raise ValueError(
            f"{folder} holds another model than when the session was pickled: open it with load()."
        )
    return loaded


def onnx_file(variant: str | None) -> str:
    """Return the name of a part's ONNX file: `model.onnx`, or the file of a variant."""
    if variant not in (None, *VARIANTS):
        raise ValueError(f"variant is {variant!r}; give one of {list(VARIANTS)}, or None.")
    return f"model.{variant}.onnx" if variant else ONNX_FILE


class Session:
    """One part, ready to run; `load` makes it.

    Attributes:
        inputs, outputs: tuples of `TensorSpec`, in the order of the signature.
        optional: defaults of the numbers that a call may also give, by name, such as `threshold`.
        columns: names of the columns of a table that becomes an input, by the input's name.
        signature: the content of `signature.json`.
        variant: "float16", "int8", or None for full precision.
        device: `"cpu"` or `"cuda"`, as onnxruntime reports it.
        rows_at_once: how many rows run together; larger batches run in pieces.
        onnx: the onnxruntime session.
        opened: the call of `load` that made the session, or None.

    Many threads may call one session at the same time. A pickled session is the path of its folder
    and the arguments of `load`, which opens the folder anew where the session is unpickled.
    """

    def __init__(
        self,
        signature: dict[str, Any],
        session: onnxruntime.InferenceSession,
        memory: int | None = None,
        cuda_graph: bool = False,
        variant: str | None = None,
    ):
        self.onnx, self.variant = session, variant
        self.opened: Callable[[], Session] | None = None
        self._graphs = itertools.count(1) if cuda_graph else None
        self._options = without_graph() if cuda_graph else None
        self.signature = signature
        least = _LEAST_ROWS if memory is None else 1
        memory = memory or MEMORY[self.device]
        self.rows_at_once = max(least, memory // int(signature.get("bytes_per_row", 1)))
        self.inputs = tensors(signature, "inputs")
        self.outputs = tensors(signature, "outputs")
        self.optional = optional_inputs(signature)
        self._columns = {e["name"]: columns_of(e) for e in signature["inputs"]}
        known = {name: rows for name, rows in self._columns.items() if rows is not None}
        self.columns = {name: tuple(rows.names) for name, rows in known.items()}
        self._names = frozenset(tensor.name for tensor in self.inputs)
        self._output_names = [tensor.name for tensor in self.outputs]
        check_interface(_interface(session), self.inputs, self.outputs)

    def __copy__(self) -> Session:
        """Return a session that shares everything with this one."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __reduce__(self) -> tuple[Callable[[], Session], tuple[()]]:
        if self.opened is None:
            raise TypeError(
                "Only a session that load() opened can be pickled, as it is sent by its folder."
            )
        return self.opened, ()

    @property
    def device(self) -> str:
        return "cuda" if runs_on_cuda(self.onnx) else "cpu"

    def __call__(self, /, **inputs: Any) -> dict[str, np.ndarray]:
        """Run the part.

        Args:
            **inputs: one array (or nested list) for every input, with the batch as first dimension.
                Inputs of dtype float32 take floats of any width, and codes also integers; inputs of
                dtype int32 take integers of any width. An input with columns also takes rows as
                dictionaries or as a data frame with named columns and categories as text. NaN,
                infinity, values out of range, and images of integers are refused. An input may be
                an Arrow column of numbers or of lists of numbers; one with columns may be an Arrow
                table. Numbers of `optional` may be given, too, such as threshold=7.5.

        Returns:
            A dict of arrays, one for every output, in the order of the signature; all values are
            finite.

        Raises:
            TypeError: a wrong dtype, such as floats for labels.
            ValueError: missing or unknown names, wrong shapes, values out of range; or the outputs
                are NaN or infinite, which happens for codes far from those of the training.
            RuntimeError: onnxruntime fails.
        """
        feed, n = self.check(inputs)
        outputs = self.compute(feed, n)
        self.check_outputs(outputs, n)
        return outputs

    def compute(self, feed: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
        """Run the part on the result of `check`, without checking the outputs."""
        if n == 0:
            return {o.name: np.zeros((0, *o.shape), o.dtype) for o in self.outputs}
        if n > self.rows_at_once:
            return self._run_in_pieces(feed, n)
        return dict(zip(self._output_names, self._run(feed), strict=True))

    def check_outputs(self, outputs: dict[str, np.ndarray], n: int) -> None:
        """Raise a ValueError unless outputs have `n` rows of the right shape and are finite."""
        try:
            for tensor in self.outputs:
                check_result(tensor, outputs[tensor.name], n)
        except ValueError as error:
            fix = "give inputs like the training data."
            if self.variant == "float16":
                fix = f"load it without variant=, as float16 has no values above 65504, or {fix}"
            part = self.signature["part"]
            raise ValueError(f"The {part} fails on these inputs: {error} Fix: {fix}") from error

    def check(
        self, inputs: dict[str, Any], some: bool = False
    ) -> tuple[dict[str, np.ndarray], int]:
        """Return the inputs as arrays for onnxruntime, and the number of rows.

        Args:
            inputs: the arguments of a call.
            some: whether inputs may be missing.

        Raises:
            TypeError, ValueError: as a call does.
        """
        names = inputs.keys() if some else inputs.keys() - self.optional.keys()
        known = inputs and names <= self._names if some else names == self._names
        if not known:
            raise ValueError(self._wrong_names(inputs))
        feed: dict[str, np.ndarray] = {}
        for tensor in self.inputs:
            if tensor.name in inputs:
                value, columns = inputs[tensor.name], self._columns[tensor.name]
                if columns is not None and are_rows(value):
                    value = columns.array(value)
                feed[tensor.name] = check_array(tensor, value)
                if columns is not None:
                    columns.check_missing(feed[tensor.name])
        rows = {len(array) for array in feed.values()}
        if len(rows) > 1:
            sizes = ", ".join(f"{name} has {len(array)}" for name, array in feed.items())
            raise ValueError(f"The inputs have different numbers of rows: {sizes}.")
        numbers = {name: check_number(name, inputs[name]) for name in inputs.keys() - names}
        return feed | numbers, rows.pop()

    def bind(self, rows: int) -> Bound:
        """Reserve buffers on the device for batches of one size; every call uses them again.

        This is faster on a GPU. With `load(..., cuda_graph=True)`, the first run is recorded as a
        CUDA graph, and later runs replay it.

        Args:
            rows: the number of rows of each call.

        Returns:
            a `Bound`: call it like the session.

        Raises:
            ValueError: `rows` is not a whole number of at least 1.
        """
        if not isinstance(rows, int) or rows < 1:
            raise ValueError(f"rows is {rows!r}; give a whole number of at least 1.")
        return Bound(self, rows, next(self._graphs) if self._graphs else None)

    def warm_up(self, *rows: int) -> None:
        """Run once for every number of rows, so that the first real call is as fast as later ones.

        At the first run with a new number of rows, onnxruntime reserves memory and, on a GPU,
        chooses kernels.

        Args:
            *rows: the numbers of rows of later calls; 1 by default.
        """
        for n in rows or (1,):
            feed = {
                t.name: np.full((n, *t.shape), 0 if t.low is None else t.low, t.dtype)
                for t in self.inputs
            }
            self.compute(feed, n)

    def _run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return self.onnx.run(self._output_names, feed, self._options)
        except Exception as error:  # onnxruntime's own errors have no common base class
            raise RuntimeError(
                f"onnxruntime cannot run the {self.signature['part']}: {error}"
            ) from error

    def _run_in_pieces(self, feed: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
        whole = {o.name: np.empty((n, *o.shape), o.dtype) for o in self.outputs}
        for start in range(0, n, self.rows_at_once):
            piece = slice(start, start + self.rows_at_once)
            some = {n: a if n in self.optional else a[piece] for n, a in feed.items()}
            outputs = self._run(some)
            for name, output in zip(self._output_names, outputs, strict=True):
                whole[name][piece] = output
        return whole

    def sample_prior(
        self,
        n: int,
        seed: int | None = None,
        name: str | None = None,
        *,
        label: Any = None,
    ) -> np.ndarray:
        """Return samples of the prior in the signature.

        Args:
            n: the number of samples.
            seed: the same seed gives the same samples; None gives new ones at every call.
            name: the name of the input, if more than one has a prior.
            label: integers [n], the labels of the samples, if the prior depends on them.

        Returns:
            A float32 array `[n, *shape]` for that input.

        Raises:
            ValueError: `n` is not a whole number, no input has a prior, `name` is missing or wrong,
                or the prior cannot be sampled, for example because this runtime does not know its
                kind.
        """
        if not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"n is {n!r}; give a whole number of rows.")
        drawable = {tensor.name: tensor for tensor in self.inputs if tensor.prior}
        if not drawable:
            raise ValueError(f"No input of the {self.signature['part']} has a prior.")
        if name is None and len(drawable) == 1:
            (name,) = drawable
        if name not in drawable:
            raise ValueError(f"name is {name!r}; the inputs with a prior are {list(drawable)}.")
        tensor = drawable[name]
        prior = tensor.prior or {}
        generator = np.random.default_rng(seed)
        if prior.get("kind") == "normal_by_label":
            return draw_by_label(tensor.name, prior, n, tensor.shape, label, generator)
        if label is not None:
            raise ValueError(f"The prior of {name} does not depend on the label: leave out label=.")
        return draw_prior(prior, n, tensor.shape, generator)

    def _wrong_names(self, inputs: dict[str, Any]) -> str:
        wanted = "; ".join(str(tensor) for tensor in self.inputs)
        wanted += "".join(f"; if you want, {name}: a number" for name in self.optional)
        came = ", ".join(inputs) or "nothing"
        return f"The {self.signature['part']} takes {wanted}. Received: {came}."

    def __repr__(self) -> str:
        inputs = "; ".join(str(tensor) for tensor in self.inputs)
        outputs = "; ".join(str(tensor) for tensor in self.outputs)
        part = self.signature["part"]
        return f"<Session {part} on {self.device}: ({inputs}) -> ({outputs})>"


def read_model(
    folder: Path, file: str, signature: dict[str, Any], verify_checksum: bool = True
) -> bytes:
    """Return the bytes of a part's ONNX file, after checking that it is an exported file.

    Args:
        folder: the folder of the part.
        file: the name of the file, from `onnx_file`.
        signature: the signature in the folder.
        verify_checksum: whether to compare size and SHA-256 with the signature.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not the exported file, or holds something that exports never hold.
    """
    # The name is a constant, not read from the signature, so no path can leave the folder.
    # onnxruntime parses the same bytes that were checked here, not the file again.
    path = folder / file
    if not path.is_file():
        option = "formats=('onnx', ...)" if file == ONNX_FILE else "variants=('float16', 'int8')"
        raise FileNotFoundError(f"{path} is missing; export with {option} for it.")
    data = path.read_bytes()
    if verify_checksum:
        check_bytes(data, signature.get("files", {}).get(file), path)
    declared = check_model(data, path)
    inputs, outputs = (tensors(signature, which) for which in ("inputs", "outputs"))
    check_interface(declared, inputs, outputs, path, tuple(optional_inputs(signature)))
    return data


def _interface(session: onnxruntime.InferenceSession) -> Interface:
    """Return the inputs and outputs that onnxruntime found in the graph."""
    inputs, outputs = (
        [(node.name, node.type, list(node.shape)) for node in nodes]
        for nodes in (session.get_inputs(), session.get_outputs())
    )
    return Interface(inputs, outputs)
