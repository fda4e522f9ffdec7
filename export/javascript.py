"""The JavaScript file that runs exported parts, as `export.load` does in Python."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.files.atomic_writes import publish_file

FILE = "zoo_runtime.mjs"


def write_javascript(path: str | os.PathLike, *, overwrite: bool = False) -> Path:
    """Write the JavaScript counterpart of `export.load`, one file for Node.js and browsers.

    It takes onnxruntime-node or onnxruntime-web as an argument and needs nothing else. It reads
    `signature.json`, checks inputs, samples the prior with a seed, runs variants, and knows the
    names of classes. It does not take rows of tables by name, and its seeds draw other codes than
    Python's.

    Args:
        path: the file to write, such as `zoo_runtime.mjs`.
        overwrite: replace the file if there is one.

    Returns:
        the path.

    Raises:
        FileExistsError: there is a file, and `overwrite` is false.

    Example:
        >>> from zoo import export
        >>> export.write_javascript("zoo_runtime.mjs").name
        'zoo_runtime.mjs'
    """
    source = Path(__file__).parent / "javascript_files" / FILE
    with publish_file(path, overwrite) as scratch:
        scratch.write_bytes(source.read_bytes())
    return Path(path)
