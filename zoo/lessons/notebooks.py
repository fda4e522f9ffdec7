"""Lessons as Jupyter notebooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zoo.files.atomic_writes import check_file, write_file
from zoo.lessons.files import Lesson, get

_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
# The cells of a notebook draw their own pictures; a colon before one becomes a period.
_PICTURE = re.compile(r"(:?)\n\n!\[[^\]]*\]\([^)]*\)\n*")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")  # to pages that lie beside the lesson


def notebook(lesson: Lesson) -> str:
    """Return a lesson as the text of an .ipynb file, without outputs.

    Raises:
        ImportError: jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError as error:
        raise ImportError(
            "Notebooks are written by jupytext, which is not installed: pip install "
            "'autoencoder-zoo[lessons]'."
        ) from error
    text = _COMMENT.sub("", lesson.text)
    text = _LINK.sub(r"\1", _PICTURE.sub(lambda found: "." * len(found[1]) + "\n\n", text))
    made = jupytext.reads(text, fmt="md")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for number, cell in enumerate(made.cells):
        cell["id"] = f"{lesson.name}-{number}".replace("_", "-")  # the same at every call
    return jupytext.writes(made, fmt="ipynb")


def write_notebook(name: str, out: Any = None, *, overwrite: bool = False) -> Path:
    """Write a lesson as a notebook, and return the path.

    Args:
        name: one of `zoo.lessons.names()`.
        out: the .ipynb file, by default NAME.ipynb in the current folder.
        overwrite: whether to replace a file that exists.

    Raises:
        FileExistsError: the file exists, and `overwrite` is false.
        ImportError: jupytext is not installed.
        UnknownNameError: there is no such lesson.
        ValueError: the name of the file does not end in .ipynb.
    """
    lesson = get(name)
    path = Path(out or f"{name}.ipynb")
    if path.suffix != ".ipynb":
        raise ValueError(f"{path} is the notebook to write: end its name in .ipynb.")
    check_file(path, overwrite)
    write_file(path, notebook(lesson))
    return path
