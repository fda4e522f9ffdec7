"""Models at an address, `https://host/name.keras` or `.zip`, loaded only with their SHA-256.

This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from zoo.atomic_writes import publish_file
from zoo.presets.download_cache import LARGEST_WEIGHTS, cache_folder

LARGEST = LARGEST_WEIGHTS + 2**25  # bytes of a file with weights, config and card
ENDINGS = (".keras", ".zip")
_TIMEOUT = 30  # seconds without an answer
_PIECE = 2**20


def is_url(name: str | os.PathLike) -> bool:
    """Return whether a name is an address in the web."""
    return re.match(r"https?://", os.fspath(name), re.IGNORECASE) is not None


def fetched(url: str, sha256: str | None) -> Path:
    """Return the path of a downloaded file, from the cache if it is there.

    Nothing of the file is parsed, and it is kept only if its SHA-256 is the given one.

    Args:
        url: an address that begins with https:// and ends in .keras or .zip.
        sha256: 64 hexadecimal digits.

    Raises:
        ValueError: another address, no SHA-256, another content, or a file that is too large.
        ConnectionError: the server cannot be reached, or refuses.
    """
    ending = Path(urlsplit(url).path).suffix
    _check(url, ending, sha256)
    target = cache_folder() / "urls" / f"{sha256.lower()}{ending}"
    if not target.is_file() or _sha256(target) != sha256.lower():
        with publish_file(target, overwrite=True) as scratch:
            _download(url, scratch)
            found = _sha256(scratch)
            if found != sha256.lower():
                raise ValueError(
                    f"{url} has the SHA-256 {found}, but {sha256.lower()} was given: it is another "
                    "file, or it was changed. Nothing was loaded or kept."
                )
    return target


def _check(url, ending, sha256):
    if not url.lower().startswith("https://"):
        raise ValueError(f"{url} can be read and changed on its way: give an https:// address.")
    if ending not in ENDINGS:
        raise ValueError(
            f"{url} ends in {ending!r}; zoo.load takes addresses of .keras files, and of presets' "
            "folders as .zip files."
        )
    if sha256 is None:
        raise ValueError(
            f"{url} is loaded only with its SHA-256, as whoever has the server can change the "
            f"file: zoo.load({url!r}, sha256='...'). Take it from where you heard of the file, or "
            "from a copy that you trust: `sha256sum FILE` prints it."
        )
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 is {sha256!r}; 64 hexadecimal digits are expected.")


def _download(url, path):
    request = urllib.request.Request(url, headers={"User-Agent": "autoencoder-zoo"})
    try:
        with opener().open(request, timeout=_TIMEOUT) as answer, open(path, "wb") as file:
            left = LARGEST
            said = answer.headers.get("Content-Length", "")
            _check_size(url, int(said) if said.isdecimal() else 0)
            while piece := answer.read(_PIECE):
                left -= len(piece)
                _check_size(url, LARGEST - left)
                file.write(piece)
    except urllib.error.HTTPError as error:
        raise ConnectionError(f"{url} answers {error.code} {error.reason}.") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        raise ConnectionError(f"{url} cannot be read ({error}). Check the connection.") from error


def _check_size(url, size):
    if size > LARGEST:
        raise ValueError(f"{url} has more than {LARGEST:,} bytes. Download it yourself.")


def _sha256(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows an address to another one only if that is https:// as well."""

    def redirect_request(self, request, answer, code, message, headers, target):
        if not target.lower().startswith("https://"):
            raise ValueError(
                f"{request.full_url} leads to {target}, which is not an https:// address."
            )
        return super().redirect_request(request, answer, code, message, headers, target)


def opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses: it checks certificates, and knows no scheme but https."""
    known = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SecureRedirects(),
    ):
        known.add_handler(handler)
    return known
