"""SVG files as drawings, and drawings as SVG files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from zoo.data.decoding import printable_name
from zoo.data.strokes.drawings import Drawing, checked
from zoo.files.atomic_writes import publish_file

MOST_BYTES = 2_000_000  # of a file
MOST_PIECES = 100_000  # lines and curves in a file
PIECES_OF_A_CURVE = 16
_GROUPS = ("svg", "g", "a", "switch")
_INVISIBLE = ("defs", "clipPath", "mask", "marker", "pattern", "symbol", "metadata", "style")
_WORDS = ("title", "desc")


def read_svg(path: str | os.PathLike) -> Drawing:
    """Read the lines of an SVG file as a drawing.

    Paths, lines, polylines, polygons, rectangles, circles and ellipses become strokes, in their
    order in the file; transforms are applied. A curve becomes 16 lines, which a warning says, and
    another one names what was left out, such as text. Colors and widths are ignored, and a shape
    that is only filled becomes its outline. Nothing that a file refers to is opened.

    Returns:
        a list of strokes, float64 [points, 2], in the units of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no SVG file, is too large, declares entities, or has no lines.
        ImportError: svgpathtools is not installed.

    Examples:
        >>> zoo.data.strokes.write_svg("corner.svg", [[(0, 0), (4, 0), (4, 3)]])
        >>> zoo.data.strokes.read_svg("corner.svg")
        [array([[0., 0.],
               [4., 0.],
               [4., 3.]])]
    """
    try:
        from svgpathtools import Line, parse_path
        from svgpathtools.document import CONVERSIONS
        from svgpathtools.parser import parse_transform
        from svgpathtools.path import transform
    except ImportError as error:
        raise ImportError(
            "read_svg() needs svgpathtools: pip install 'autoencoder-zoo[strokes]'"
        ) from error
    name, strokes, curves, others = printable_name(path), [], 0, set()
    for element, matrix in _shapes(_root(path, name), np.identity(3), parse_transform, name):
        tag = _tag(element)
        if tag not in CONVERSIONS:
            others.add(tag)
            continue
        try:
            found = transform(parse_path(CONVERSIONS[tag](element)), matrix)
        except Exception as error:  # the library raises errors of all kinds for text that it reads
            raise ValueError(f"A {tag} of {name} cannot be read: {error}") from error
        if len(found) > MOST_PIECES:
            raise ValueError(f"{name} has more than {MOST_PIECES:,} lines in one path.")
        for part in found.continuous_subpaths() if len(found) else ():
            points = [part[0].start]
            for piece in part:
                straight = isinstance(piece, Line)
                curves += not straight
                t = (1.0,) if straight else np.arange(1, PIECES_OF_A_CURVE + 1) / PIECES_OF_A_CURVE
                points += [piece.point(value) for value in t]
            strokes.append(np.array([(point.real, point.imag) for point in points]))
    if curves:
        warnings.warn(
            f"Each of the {curves} curves of {name} became {PIECES_OF_A_CURVE} lines.", stacklevel=2
        )
    if others:
        warnings.warn(f"{name}: left out {', '.join(sorted(others))}.", stacklevel=2)
    if not strokes:
        raise ValueError(f"{name} has no lines.")
    return checked(strokes, name)


def _root(path, name) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{name} is no file.")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{name} has more than {MOST_BYTES // 1_000_000} MB.")
    content = path.read_bytes()
    if b"<!ENTITY" in content.replace(b"\0", b""):  # also in UTF-16
        raise ValueError(f"{name} declares entities, which a drawing does not need.")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{name} is no SVG file: {error}") from error
    if _tag(root) != "svg":
        raise ValueError(f"{name} is no SVG file: its first element is <{_tag(root)}>.")
    return root


def _shapes(element, matrix, parse_transform, name) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield what is drawn, with its transform, in the order of the file."""
    waiting = [(element, matrix)]
    while waiting:
        element, matrix = waiting.pop()
        try:
            matrix = matrix @ parse_transform(element.get("transform"))
        except Exception as error:
            raise ValueError(f"A transform of {name} cannot be read: {error}") from error
        if _tag(element) in _GROUPS:
            waiting += [(child, matrix) for child in reversed(element)]
        elif _tag(element) not in (*_INVISIBLE, *_WORDS):
            yield element, matrix


def _tag(element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else "metadata"  # a comment


def to_svg(drawing: Any, *, width: float | None = None) -> str:
    """Return a drawing as the text of an SVG file.

    Args:
        width: of a line, in the units of the drawing; by default a 50th of the longer side.
    """
    strokes = checked(drawing)
    points = np.concatenate(strokes)
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    width = float(size.max()) / 50 or 1.0 if width is None else float(width)
    left, top = low - width
    w, h = size + 2 * width
    lines = [
        '<polyline points="' + " ".join(f"{x:.6g},{y:.6g}" for x, y in stroke) + '"/>'
        for stroke in (np.repeat(s, 2, axis=0) if len(s) == 1 else s for s in strokes)  # dots
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.6g} {top:.6g} {w:.6g} {h:.6g}">\n'
        f'<g fill="none" stroke="black" stroke-width="{width:.6g}" stroke-linecap="round" '
        'stroke-linejoin="round">\n' + "\n".join(lines) + "\n</g>\n</svg>\n"
    )


def write_svg(path: str | os.PathLike, drawing: Any, *, overwrite: bool = False) -> None:
    """Write a drawing as an SVG file, whole or not at all.

    Raises:
        FileExistsError: there is such a file, and `overwrite` is false.
    """
    text = to_svg(drawing)
    with publish_file(path, overwrite) as scratch:
        Path(scratch).write_text(text, encoding="utf-8")
