"""Open onnxruntime sessions on a CPU or an NVIDIA GPU that read no files."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import onnxruntime

# The folder where onnxruntime looks for external weights. Nothing can be in it, as it is a path
# below a file.
_NOWHERE = os.path.join(os.path.abspath(__file__), "nowhere")


def session_options() -> onnxruntime.SessionOptions:
    """Return onnxruntime options that prevent graphs from reading other files.

    `check_model` refuses such graphs; this is a second barrier. With these options, onnxruntime
    from 1.24 on finds no other file; older versions still read files that a graph names by absolute
    paths.
    """
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", _NOWHERE
    )
    # Errors alone: else each session of a detector warns that its threshold is no constant.
    options.log_severity_level = 3
    return options


def open_session(
    model: bytes, path: Path, device: str, threads: int | None, cuda_graph: bool
) -> onnxruntime.InferenceSession:
    """Open a session for an ONNX file that was checked.

    Args:
        model: the bytes of the file.
        path: the path of the file, for errors.
        device, threads, cuda_graph: as for `load`.

    Raises:
        RuntimeError: onnxruntime cannot read the file, or the device cannot be used.
    """
    options = session_options()
    if threads is not None:
        options.intra_op_num_threads = threads
    reason = ""
    try:
        if device != "cpu":
            session, reason = _open_on_cuda(model, options, cuda_graph)
            if session is not None:
                return session
        if device != "cuda":
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common base class
        newer = "opset" in str(error).lower() or "IR version" in str(error)
        hint = " Export it with a lower opset, or install a newer onnxruntime." if newer else ""
        raise RuntimeError(f"onnxruntime cannot open {path}: {error}{hint}") from error
    raise RuntimeError(
        f"device is 'cuda', and onnxruntime cannot run on CUDA here: {reason} Install "
        "onnxruntime-gpu with its CUDA libraries on a machine with an NVIDIA GPU, or use "
        "device='auto' or device='cpu'."
    )


def _open_on_cuda(
    model: bytes, options: onnxruntime.SessionOptions, cuda_graph: bool
) -> tuple[onnxruntime.InferenceSession | None, str]:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return None, "the installed onnxruntime was built without CUDA."
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # preload_dlls prints missing libraries
        onnxruntime.preload_dlls()
    # TF32 keeps ten bits of the mantissa; parity was proved in full float32.
    settings = {"use_tf32": "0"} | ({"enable_cuda_graph": "1"} if cuda_graph else {})
    cuda = ("CUDAExecutionProvider", settings)
    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(
            model, options, providers=[cuda, "CPUExecutionProvider"]
        )
    finally:
        onnxruntime.set_default_logger_severity(2)
    # onnxruntime lists CUDA if it was built with CUDA; only the session knows if it can use it.
    if runs_on_cuda(session):
        return session, ""
    return None, " ".join(said.getvalue().split()) or "the session fell back to the CPU."


def runs_on_cuda(session: onnxruntime.InferenceSession) -> bool:
    """Return whether a session runs on an NVIDIA GPU."""
    return session.get_providers()[0] == "CUDAExecutionProvider"
