"""Loading indexes: every entry of the file is checked first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from zoo.presets.card import WEIGHTS, read_card
from zoo.presets.hashed_files import array_in, check_digest, check_entries, read_bytes
from zoo.presets.loading import load as load_preset
from zoo.runtime.json_file import read_object, shortened
from zoo.search import bits
from zoo.search.index import METRICS, Index, fingerprint
from zoo.search.saving import CODES, FILE, FORMAT_VERSION, MODEL

LARGEST = 2**34  # bytes of codes, also of unpacked bits
LARGEST_JSON = 2**28  # bytes
LONGEST_ID, MOST_OF_IDS = 1000, 2**28  # characters of one, and of all if each were the longest
_KINDS = {"format_version": int, "metric": str, "ids": list, "sha256": str}
_KINDS |= {"codes_sha256": str, "weights_sha256": str}


def load(
    folder: str | os.PathLike,
    model: Any = None,
    *,
    library: str = "auto",
    custom_objects: dict | None = None,
) -> Index:
    """Load an index that `Index.save` wrote, with its model.

    Args:
        folder: the folder.
        model: the same model, if it is loaded already; by default the one in the folder is loaded,
            with all checks of `zoo.load`.
        library: as for `Index`.
        custom_objects: as for `zoo.load`.

    Raises:
        FileNotFoundError: there is no index in the folder, or one of its files is missing.
        ValueError: a file was altered or holds invalid values; or the given model is another one,
            or another version of it, than that of the index.

    Example:
        >>> index = zoo.search.Index(zoo.load("vae_digits"))
        >>> index.add(zoo.data.load("digits")[1][0])
        >>> index.save("found")
        >>> zoo.search.load("found")
        <zoo.search.Index of 360 items, codes of 4 numbers, cosine>
    """
    folder = Path(folder)
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {FILE}; indexes are written by Index.save.")
    if path.stat().st_size > LARGEST_JSON:
        raise ValueError(f"{path} has more than {LARGEST_JSON:,} bytes.")
    content = read_object(path)
    _check(path, content)
    preset = Path(os.path.abspath(folder / MODEL))  # a bare name would be a shipped preset's
    if not preset.is_dir():
        raise FileNotFoundError(f"{preset} is missing; the index is incomplete.")
    if read_card(preset)["files"][WEIGHTS].get("sha256") != content["weights_sha256"]:
        raise ValueError(f"{path} belongs to other weights than those in {preset}.")
    stored = load_preset(preset, custom_objects=custom_objects)
    if model is not None and fingerprint(model) != fingerprint(stored):
        raise ValueError(
            f"{folder} was made with another model, or another version of it, than the given one: "
            "its codes cannot be compared. Leave model= out to use the model in the folder, or "
            "make a new index."
        )
    try:
        index = Index(stored if model is None else model, content["metric"], library)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not describe an index of this model: {error}") from error
    codes = _codes(folder / CODES, content["codes_sha256"], len(content["ids"]), index)
    try:
        index.add_codes(codes, content["ids"] if content["ids"] else None)
    except ValueError as error:
        raise ValueError(f"{path} holds no valid index: {error}") from error
    return index


def _check(path, content):
    """Raise a ValueError unless the file is unaltered, with entries of the right types."""
    check_entries(path, content, _KINDS, FORMAT_VERSION)
    if content["metric"] not in METRICS:
        raise ValueError(f"{path} names an unknown metric: {shortened(content['metric'])}.")
    ids = content["ids"]
    whole = all(type(one) is int and abs(one) < 2**63 for one in ids)
    if not whole and not all(isinstance(one, str) for one in ids):
        raise ValueError(f"{path} has ids that are neither all integers nor all strings.")
    longest = 0 if whole else max(map(len, ids))
    if longest > LONGEST_ID or longest * len(ids) > MOST_OF_IDS:
        raise ValueError(f"{path} has ids of up to {longest:,} characters, which is too long.")
    if not whole and not all(map(_is_printable, ids)):
        raise ValueError(f"{path} has ids that are no text.")
    check_digest(path, content)


def _is_printable(text: str) -> bool:
    """Return whether a text is UTF-8, apart from bytes of file names that are not."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _codes(path: Path, sha256: str, n: int, index: Index) -> np.ndarray:
    """Read the codes of n items, after comparing the file's hash, dtype, shape and size."""
    content = read_bytes(path, sha256, LARGEST, "index")
    width = index.codes.shape[1]
    if n * width > LARGEST:
        raise ValueError(f"{path} would have more than {LARGEST:,} bits.")
    columns = -(-width // 8) if index.has_bits else width
    codes = array_in(content, "|u1" if index.has_bits else "<f4")
    if codes is None or codes.shape != (n, columns):
        raise ValueError(f"{path} does not hold the codes of {n} items in .npy format.")
    if not index.has_bits:
        return codes
    read = bits.unpacked(codes, width)
    if not (bits.packed(read) == codes).all():
        raise ValueError(f"{path} has bits beyond the {width} of a code.")
    return read
