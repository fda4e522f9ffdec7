"""Find lessons and read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from zoo.checks.names import UnknownNameError

# "# Title", a comment with the minutes, and a first paragraph.
_BEGIN = re.compile(
    r"# (?P<title>[^\n]+)\n\n<!-- minutes: (?P<minutes>[\d.]+) -->\n\n(?P<line>.+?)\n\n", re.DOTALL
)


DOWNLOADED = ("mnist", "fashion_mnist", "cifar10")  # by Keras, once
_CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    Attributes:
        name: its name, also that of its experiment if it has one.
        title: the heading.
        minutes: about how long its code runs on two cores.
        line: the first paragraph, without line breaks.
        text: Markdown with Python blocks, which are the cells of the notebook.
    """

    name: str
    title: str
    minutes: float
    line: str
    text: str

    @property
    def downloads(self) -> tuple[str, ...]:
        """The data sets that its code reads and that Keras downloads once.

        Examples:
            >>> zoo.lessons.get("two_modes").downloads, zoo.lessons.get("energies").downloads
            ((), ('mnist',))
        """
        code = "".join(_CODE.findall(self.text))
        return tuple(name for name in DOWNLOADED if f'data.load("{name}")' in code)


def folder() -> Path:
    """Return the folder of the lessons: in the wheel, or in a checkout.

    Raises:
        FileNotFoundError: the lessons are not files on disk.
    """
    package = Path(__file__).resolve().parent
    for found in (package / "texts", package.parents[1] / "docs" / "lessons"):
        if found.is_dir():
            return found
    raise FileNotFoundError(
        f"The lessons are not next to {package}: install the package, pip install autoencoder-zoo."
    )


def names() -> list[str]:
    """Return the names of all lessons, sorted.

    Examples:
        >>> "ring" in zoo.lessons.names()
        True
    """
    return sorted(path.stem for path in folder().glob("*.md") if path.stem != "README")


def get(name: str) -> Lesson:
    """Return a lesson.

    Args:
        name: one of `names()`.

    Raises:
        UnknownNameError: there is no such lesson; the error suggests the nearest names.

    Examples:
        >>> zoo.lessons.get("ring").title
        'From a simple distribution to a complicated one'
    """
    if name not in names():
        raise UnknownNameError("lesson", name, names(), listing="`zoo lesson --list`")
    path = folder() / f"{name}.md"
    text = path.read_text(encoding="utf-8")
    begin = _BEGIN.match(text)
    if begin is None:
        raise ValueError(f"{path} does not begin with a title, its minutes and a paragraph.")
    line = " ".join(begin["line"].split())
    return Lesson(name, begin["title"], float(begin["minutes"]), line, text)
