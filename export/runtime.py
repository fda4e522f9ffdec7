"""The deployed side: run an exported part with onnxruntime and numpy alone."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from .draws import draw_by_label, draw_prior

FORMAT_VERSION = 1
SIGNATURE_FILE = "signature.json"
ONNX_FILE = "model.onnx"
VARIANTS = ("float16", "int8")

_BOUNDS = {"float32": float(np.finfo(np.float32).max), "int32": float(np.iinfo(np.int32).max)}
_ONNX_TYPES = {"float32": "tensor(float)", "int32": "tensor(int32)"}
# A pixel that interpolation pushed past 1 by a rounding error is no mistake of the caller's.
_RANGE_TOLERANCE = 1e-6


class Tensor(NamedTuple):
    """One input or output: `shape` is without the batch, `low` and `high` close its range."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    prior: dict[str, Any] | None = None

    def __str__(self) -> str:
        dims = ", ".join(str(dim) for dim in ("batch", *self.shape))
        span = "" if self.low is None else f" in [{self.low:g}, {self.high:g}]"
        return f"{self.name}: {self.dtype} [{dims}]{span}"


def load(
    folder: str | os.PathLike,
    *,
    device: str = "cpu",
    threads: int | None = None,
    variant: str | None = None,
    verify_checksum: bool = True,
) -> Session:
    """Open the exported folder of one part.

    Args:
        folder: the folder that holds `signature.json` and `model.onnx`, such as `out/decoder`.
        device: `"cpu"`; `"cuda"`, which raises where the GPU cannot really be used; or
            `"auto"`, which takes the GPU where it works and the CPU elsewhere.
        threads: CPU threads for one operation; None leaves the choice to onnxruntime.
        variant: "float16" or "int8", where the part was exported with `variants`; None for
            full precision.
        verify_checksum: compare size and SHA-256 of the ONNX file with the signature before the
            file is parsed.

    Returns:
        A `Session`: call it with arrays by name, get a dict of arrays by name.

    Raises:
        FileNotFoundError: there is no exported part in `folder`.
        ValueError: the signature cannot be understood, the file is not the one that was
            exported, or an argument is wrong.
        RuntimeError: onnxruntime cannot read the file, or the device cannot be used.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise ValueError(f"device is {device!r}; it is 'cpu', 'cuda' or 'auto'.")
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is {threads!r}; it is a whole number from 1, or None.")
    folder = Path(folder)
    signature = read_signature(folder)
    file = onnx_file(variant)
    model = _read_model(folder, file, signature, verify_checksum)
    return Session(signature, _open(model, folder / file, device, threads))


def onnx_file(variant: str | None) -> str:
    """The name of a part's ONNX file: `model.onnx`, or that of a variant."""
    if variant not in (None, *VARIANTS):
        raise ValueError(f"variant is {variant!r}; it is one of {list(VARIANTS)}, or None.")
    return f"model.{variant}.onnx" if variant else ONNX_FILE


class Session:
    """One part, ready to run. Made by `export.load`.

    Attributes:
        inputs, outputs: tuples of `Tensor`, in the order of the signature.
        signature: the whole of `signature.json`.
        device: `"cpu"` or `"cuda"`, as onnxruntime reports it.
    """

    def __init__(self, signature: dict[str, Any], session: onnxruntime.InferenceSession):
        self.signature = signature
        self.inputs = tensors(signature, "inputs")
        self.outputs = tensors(signature, "outputs")
        self._session = session
        self._names = frozenset(tensor.name for tensor in self.inputs)
        self._output_names = [tensor.name for tensor in self.outputs]
        _same_interface(self.inputs, session.get_inputs())
        _same_interface(self.outputs, session.get_outputs())

    @property
    def device(self) -> str:
        return "cuda" if _runs_on_cuda(self._session) else "cpu"

    def __call__(self, /, **inputs: Any) -> dict[str, np.ndarray]:
        """Run the part.

        Args:
            **inputs: one array (or nested list) for every input, with the batch first. Floats
                of any width and integers are taken for float32, integers of any width for
                int32; NaN, infinities and values out of range are refused.

        Returns:
            A dict of arrays, one for every output, in the order of the signature.

        Raises:
            TypeError: a dtype that does not fit, such as floats for labels.
            ValueError: missing or unknown names, wrong shapes, values out of range.
        """
        if inputs.keys() != self._names:
            raise ValueError(self._wrong_names(inputs))
        feed: dict[str, np.ndarray] = {}
        for tensor in self.inputs:
            feed[tensor.name] = check_array(tensor, inputs[tensor.name])
        rows = {len(array) for array in feed.values()}
        if len(rows) > 1:
            sizes = ", ".join(f"{name} has {len(array)}" for name, array in feed.items())
            raise ValueError(f"The inputs have different numbers of rows: {sizes}.")
        if 0 in rows:
            return {o.name: np.zeros((0, *o.shape), o.dtype) for o in self.outputs}
        return dict(
            zip(self._output_names, self._session.run(self._output_names, feed), strict=True)
        )

    def sample_prior(
        self,
        n: int,
        seed: int | None = None,
        name: str | None = None,
        *,
        label: Any = None,
    ) -> np.ndarray:
        """Draw latents from the prior of the signature.

        Args:
            n: rows to draw.
            seed: of the draw; the same seed gives the same rows. None draws afresh.
            name: which input, where more than one has a prior.
            label: integers [n], the labels that go in beside the latents, where the prior depends
                on them.

        Returns:
            A float32 array `[n, *shape]` to hand in as that input.

        Raises:
            ValueError: no input has a prior, `name` is missing or wrong, or the prior is of a
                kind that this runtime does not know.
        """
        drawable = {tensor.name: tensor for tensor in self.inputs if tensor.prior}
        if not drawable:
            raise ValueError(f"No input of the {self.signature['part']} has a prior.")
        if name is None and len(drawable) == 1:
            (name,) = drawable
        if name not in drawable:
            raise ValueError(f"name is {name!r}; the inputs with a prior are {list(drawable)}.")
        tensor = drawable[name]
        generator = np.random.default_rng(seed)
        if tensor.prior.get("kind") == "normal_by_label":
            return draw_by_label(tensor.name, tensor.prior, n, tensor.shape, label, generator)
        if label is not None:
            raise ValueError(f"The prior of {name} does not depend on the label: leave out label=.")
        return draw_prior(tensor.prior, n, tensor.shape, generator)

    def _wrong_names(self, inputs: dict[str, Any]) -> str:
        wanted = "; ".join(str(tensor) for tensor in self.inputs)
        came = ", ".join(inputs) or "nothing"
        return f"The {self.signature['part']} takes {wanted}. What came: {came}."

    def __repr__(self) -> str:
        inputs = "; ".join(str(tensor) for tensor in self.inputs)
        outputs = "; ".join(str(tensor) for tensor in self.outputs)
        part = self.signature["part"]
        return f"<export.Session {part} on {self.device}: ({inputs}) -> ({outputs})>"


def read_signature(folder: Path) -> dict[str, Any]:
    """Read and check `signature.json` of a part's folder."""
    path = folder / SIGNATURE_FILE
    if not path.is_file():
        raise FileNotFoundError(_no_signature(folder))
    try:
        signature = json.loads(path.read_text(encoding="utf-8"))
        version = signature["format_version"]
        if version == FORMAT_VERSION:
            known = signature["part"], tensors(signature, "inputs"), tensors(signature, "outputs")
            if not all(known):
                raise KeyError("part, inputs or outputs")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is not a signature that export wrote ({error!r}).") from error
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version!r} and this runtime reads {FORMAT_VERSION}: "
            "export again, or install the version of autoencoder-zoo that wrote it."
        )
    return signature


def tensors(signature: dict[str, Any], which: str) -> tuple[Tensor, ...]:
    """The `"inputs"` or `"outputs"` of a signature, described."""
    found = []
    for entry in signature[which]:
        if entry["dtype"] not in _BOUNDS:
            raise ValueError(f"dtype {entry['dtype']!r} of {entry['name']!r}")
        low, high = entry.get("range") or (None, None)
        shape = tuple(int(dim) for dim in entry["shape"][1:])
        found.append(Tensor(entry["name"], entry["dtype"], shape, low, high, entry.get("prior")))
    return tuple(found)


def check_bytes(data: bytes, expected: dict[str, Any] | None, path: Path) -> None:
    """Compare a file's size and SHA-256 with what the signature says of it."""
    if not expected:
        raise ValueError(f"The signature beside {path} says nothing of it: export again.")
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != expected["bytes"] or digest != expected["sha256"]:
        raise ValueError(
            f"{path} is not the file that was exported: it has {len(data)} bytes and SHA-256 "
            f"{digest[:12]}..., the signature says {expected['bytes']} bytes and "
            f"{expected['sha256'][:12]}... . Copy it again, or export again."
        )


def _no_signature(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is not a folder; load takes the folder of one part, as in 'out/decoder'."
    parts = sorted(path.parent.name for path in folder.glob(f"*/{SIGNATURE_FILE}"))
    if parts:
        choice = " or ".join(repr(str(folder / part)) for part in parts)
        return f"{folder} holds several parts; load takes the folder of one: {choice}."
    return f"{folder} has no {SIGNATURE_FILE}: it is not a part that export_model wrote."


def _read_model(folder: Path, file: str, signature: dict[str, Any], verify_checksum: bool) -> bytes:
    # The name is fixed here, not read from the signature, so no path can leave the folder.
    # The bytes that were checked are the bytes that get parsed.
    path = folder / file
    if not path.is_file():
        option = "formats=('onnx', ...)" if file == ONNX_FILE else "variants=('float16', 'int8')"
        raise FileNotFoundError(f"{path} is missing; export with {option} for it.")
    data = path.read_bytes()
    if verify_checksum:
        check_bytes(data, signature.get("files", {}).get(file), path)
    return data


def _open(
    model: bytes, path: Path, device: str, threads: int | None
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    reason = ""
    try:
        if device != "cpu":
            session, reason = _open_on_cuda(model, options)
            if session is not None:
                return session
        if device != "cuda":
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common base class
        raise RuntimeError(f"onnxruntime cannot open {path}: {error}") from error
    raise RuntimeError(
        f"device is 'cuda', and onnxruntime cannot run on CUDA here: {reason} Install "
        "onnxruntime-gpu with its CUDA libraries on a machine with an NVIDIA GPU, or use "
        "device='auto' or device='cpu'."
    )


def _open_on_cuda(
    model: bytes, options: onnxruntime.SessionOptions
) -> tuple[onnxruntime.InferenceSession | None, str]:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return None, "the installed onnxruntime was built without it."
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # preload_dlls prints what it could not find
        onnxruntime.preload_dlls()
    # TF32 keeps ten bits of the mantissa; parity was proved in full float32.
    cuda = ("CUDAExecutionProvider", {"use_tf32": "0"})
    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[cuda, "CPUExecutionProvider"]
        )
    finally:
        onnxruntime.set_default_logger_severity(2)
    # Listing CUDA as available says how onnxruntime was built; the session says what it runs on.
    if _runs_on_cuda(session):
        return session, ""
    return None, " ".join(said.getvalue().split()) or "the session fell back to the CPU."


def _runs_on_cuda(session: onnxruntime.InferenceSession) -> bool:
    return session.get_providers()[0] == "CUDAExecutionProvider"


def _same_interface(described: tuple[Tensor, ...], actual: list[Any]) -> None:
    wanted = [(t.name, _ONNX_TYPES[t.dtype], ["batch", *t.shape]) for t in described]
    found = [(node.name, node.type, list(node.shape)) for node in actual]
    if wanted != found:
        raise ValueError(f"The ONNX file has {found} where its signature says {wanted}.")


def check_array(tensor: Tensor, value: Any) -> np.ndarray:
    """A value as the array that an input wants, or a TypeError or ValueError that says why not."""
    try:
        array = np.asarray(value)
    except Exception as error:
        raise TypeError(f"{tensor}: this {type(value).__name__} is no array ({error}).") from error
    kinds = "iu" if tensor.dtype == "int32" else "fiu"
    if array.dtype.kind not in kinds:
        words = "integers" if tensor.dtype == "int32" else "numbers"
        raise TypeError(f"{tensor} takes {words}; {array.dtype} came.{_dtype_hint(array)}")
    if array.ndim == 0 or array.shape[1:] != tensor.shape:
        raise ValueError(f"{tensor} was expected; shape {array.shape} came.{_hint(tensor, array)}")
    if array.size:
        bound = _BOUNDS[tensor.dtype]
        low = -bound if tensor.low is None else tensor.low - _RANGE_TOLERANCE
        high = bound if tensor.high is None else tensor.high + _RANGE_TOLERANCE
        least, most = array.min(), array.max()
        if not (least >= low and most <= high):  # false for NaN as well
            raise ValueError(_out_of_range(tensor, least, most))
    return array.astype(tensor.dtype, order="C", copy=False)


def _dtype_hint(array: np.ndarray) -> str:
    return " Cast them with .astype('int32')." if array.dtype.kind == "f" else ""


def _hint(tensor: Tensor, array: np.ndarray) -> str:
    if array.shape == tensor.shape:
        return " For a batch of one row, add the first dimension: array[None]."
    if array.ndim and array[:1].size == int(np.prod(tensor.shape)):
        return f" Each row has the right number of values: array.reshape({(-1, *tensor.shape)})."
    return ""


def _out_of_range(tensor: Tensor, least: Any, most: Any) -> str:
    if not (np.isfinite(least) and np.isfinite(most)):
        return f"{tensor}: NaN or infinite values came."
    hint = ""
    if tensor.dtype == "float32" and (tensor.low, tensor.high) == (0, 1) and 1 < most <= 255:
        hint = " If these are pixels up to 255, divide by 255."
    return f"{tensor}: values from {least:g} to {most:g} came.{hint}"
