"""Download models from an address, `https://host/name.keras` or `.zip`, only with their SHA-256.

This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from zoo.files.addresses import public_address
from zoo.files.atomic_writes import publish_file
from zoo.files.download_cache import LARGEST_WEIGHTS, cache_folder
from zoo.files.downloads import download

LARGEST = LARGEST_WEIGHTS + 2**25  # bytes of a file with weights, config and card
ENDINGS = (".keras", ".zip")


def is_url(name: str | os.PathLike) -> bool:
    """Return whether a name is a web address."""
    return re.match(r"https?://", os.fspath(name), re.IGNORECASE) is not None


def fetched(url: str, sha256: str | None) -> Path:
    """Return the path of a downloaded file, from the cache if it is there.

    The file is not parsed, and it is kept only if it has the given SHA-256.

    Args:
        url: an address that begins with https:// and ends in .keras or .zip.
        sha256: 64 hexadecimal digits.

    Raises:
        ValueError: the address is invalid, the SHA-256 is missing or differs, or the file is too
            large.
        ConnectionError: the server cannot be reached, or refuses.
    """
    name = public_address(url)  # for errors: a query may hold a secret
    ending, wanted = _checked_ending(url, name, sha256)
    target = cache_folder() / "urls" / f"{wanted}{ending}"
    if not target.is_file() or _sha256(target) != wanted:
        with publish_file(target, overwrite=True) as scratch:
            with open(scratch, "wb") as file:
                answer = download(url, file, LARGEST)
            if answer.status != 200:
                raise ConnectionError(f"{name} answers {answer}.")
            found = _sha256(scratch)
            if found != wanted:
                raise ValueError(
                    f"{name} has the SHA-256 {found}, but {wanted} was given: it is "
                    "another file, or it was changed. Nothing was loaded or kept."
                )
    return target


def _checked_ending(url: str, name: str, sha256: str | None) -> tuple[str, str]:
    """Return the extension of a valid address, and the SHA-256 in lower case."""
    if not url.lower().startswith("https://"):
        raise ValueError(f"{name} could be read or changed on the way: give an https:// address.")
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError(
            f"The address of {name} has a user or a password, which is not supported: leave them "
            "out, or download the file yourself."
        )
    ending = Path(parts.path).suffix
    if ending not in ENDINGS:
        raise ValueError(
            f"{name} ends in {ending!r}; zoo.load takes addresses of .keras files, and of presets' "
            "folders as .zip files."
        )
    if sha256 is None:
        raise ValueError(
            f"{name} is loaded only with its SHA-256, as whoever controls the server can change "
            f"the file: zoo.load({name!r}, sha256='...'). Take the SHA-256 from the page that "
            "recommends the file, or from a copy that you trust: `sha256sum FILE` prints it."
        )
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 is {sha256!r}; 64 hexadecimal digits are expected.")
    return ending, sha256.lower()


def _sha256(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
