"""A stand-in for onnxruntime-web's npm package."""

import base64
import hashlib
import io
import tarfile

from export import onnxruntime_web


def archive():
    """Return a package with the names that onnxruntime-web's has."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as package:
        for name in onnxruntime_web.FILES:
            data = name.encode()
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = len(data)
            package.addfile(info, io.BytesIO(data))
    return held.getvalue()


def written(path, monkeypatch):
    """Write the package to a path, and let its checksum be the expected one."""
    path.write_bytes(archive())
    digest = hashlib.sha512(path.read_bytes()).digest()
    monkeypatch.setattr(onnxruntime_web, "SHA512", base64.b64encode(digest).decode())
    return path
