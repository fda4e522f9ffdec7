"""Read and check `signature.json`, which describes a part; needs only NumPy."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from .json_file import read_object, shortened
from .tensors import is_count, optional_inputs, tensors

FORMAT_VERSION = 1
SIGNATURE_FILE = "signature.json"


def read_signature(folder: Path) -> dict[str, Any]:
    """Read and check the `signature.json` in a part's folder.

    Raises:
        FileNotFoundError: the folder has no signature.
        ValueError: the signature is invalid, or has another format version.
    """
    path = folder / SIGNATURE_FILE
    if not path.is_file():
        raise FileNotFoundError(_no_signature(folder))
    try:
        signature = read_object(path)
        if "format_version" not in signature:
            raise ValueError("it has no format_version")
        version = signature["format_version"]
        if version == FORMAT_VERSION:
            _check(signature)
    except ValueError as error:
        raise ValueError(f"{path} is not a signature that export wrote: {error}.") from error
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {shortened(version)}, but this runtime reads "
            f"{FORMAT_VERSION}: export again, or install the version of autoencoder-zoo that wrote "
            "it."
        )
    return signature


def check_bytes(data: bytes, expected: dict[str, Any] | None, path: Path) -> None:
    """Compare size and SHA-256 of a file with those in the signature."""
    if not expected:
        raise ValueError(f"The signature next to {path} does not list it: export again.")
    digest = hashlib.sha256(data).hexdigest()
    if len(data) != expected["bytes"] or digest != expected["sha256"]:
        raise ValueError(
            f"{path} is not the file that was exported: it has {len(data)} bytes and SHA-256 "
            f"{digest[:12]}..., but the signature states {expected['bytes']} bytes and "
            f"{expected['sha256'][:12]}... . Copy it again, or export again."
        )


def _check(signature: dict[str, Any]) -> None:
    """Raise a ValueError unless a signature has all entries that sessions, pages, servers need."""
    part, model = signature.get("part"), signature.get("model")
    # The part's name becomes the name of a folder, and a piece of the name of a served model.
    if not isinstance(part, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", part):
        raise ValueError(f"part is {shortened(part)}")
    if not isinstance(model, dict) or not isinstance(model.get("class"), str):
        raise ValueError(f"model is {shortened(model)}, without a class")
    for place, key in ((model, "name"), (signature, "licence")):
        if not isinstance(place.get(key), str | None):
            raise ValueError(f"{key} is {shortened(place[key])}")
    if not is_count(signature.get("bytes_per_row", 1)):
        raise ValueError(f"bytes_per_row is {shortened(signature['bytes_per_row'])}")
    files = signature.get("files", {})
    if not isinstance(files, dict):
        raise ValueError(f"files is {shortened(files)}")
    for name, entry in files.items():
        known = isinstance(entry, dict) and {"bytes", "sha256"} <= entry.keys()
        if not known or not isinstance(entry["bytes"], int) or not isinstance(entry["sha256"], str):
            raise ValueError(f"files has {shortened(entry)} for {name!r}, without bytes and sha256")
    for which in ("inputs", "outputs"):
        tensors(signature, which)
    optional_inputs(signature)


def _no_signature(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is not a folder; load takes the folder of one part, as in 'out/decoder'."
    parts = sorted(path.parent.name for path in folder.glob(f"*/{SIGNATURE_FILE}"))
    if parts:
        choice = " or ".join(repr(str(folder / part)) for part in parts)
        return f"{folder} holds several parts; load takes the folder of one: {choice}."
    return f"{folder} has no {SIGNATURE_FILE}: it is not a part that export_model wrote."
