"""SVG files as drawings, and drawings as SVG files."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from zoo.checks.arguments import number
from zoo.data.decoding import printable_name
from zoo.data.strokes.drawings import Drawing, checked
from zoo.files.atomic_writes import publish_file
from zoo.runtime.json_file import shortened

MOST_BYTES = 500_000  # of a file
MOST_LINES = 100_000  # in a file; a curve becomes 16
PIECES_OF_A_CURVE = 16
_GROUPS = ("svg", "g", "a", "switch")
_INVISIBLE = ("defs", "clipPath", "mask", "marker", "pattern", "symbol", "metadata", "style")
_WORDS = ("title", "desc")
_POLYLINES = ("polyline", "polygon")
_DECLARATIONS = re.compile(rb"<!(ENTITY|ATTLIST|ELEMENT|NOTATION)|<!DOCTYPE[^>]*\[")


def read_svg(path: str | os.PathLike) -> Drawing:
    """Read the lines of an SVG file as a drawing.

    Paths, lines, polylines, polygons, rectangles, circles and ellipses become strokes, in their
    order in the file; transforms are applied. A curve becomes 16 lines, which a warning says, and
    another one names what was left out, such as text. Colors and widths are ignored, a shape that
    is only filled becomes its outline, and what has display="none" is left out. Nothing that a
    file refers to is opened.

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
    name, strokes, others = printable_name(path), [], set()
    curves = lines = 0
    for element, matrix in _shapes(_root(path, name), np.identity(3), parse_transform, name):
        tag = _tag(element)
        if tag not in CONVERSIONS:
            others.add(tag)
            continue
        try:
            d = _path_of(element) if tag in _POLYLINES else CONVERSIONS[tag](element)
            found = transform(parse_path(d), matrix)
        except Exception as error:  # the library raises errors of all kinds for text that it reads
            raise ValueError(f"A {tag} of {name} cannot be read: {_said(error)}") from error
        bent = sum(not isinstance(piece, Line) for piece in found)
        curves, lines = curves + bent, lines + len(found) + (PIECES_OF_A_CURVE - 1) * bent
        if lines > MOST_LINES:
            raise ValueError(f"{name} has more than {MOST_LINES:,} lines.")
        for part in found.continuous_subpaths() if len(found) else ():
            points = [part[0].start]
            for piece in part:
                straight = isinstance(piece, Line)
                t = (1.0,) if straight else np.arange(1, PIECES_OF_A_CURVE + 1) / PIECES_OF_A_CURVE
                points += [piece.point(value) for value in t]
            strokes.append(np.array([(point.real, point.imag) for point in points]))
    if curves:
        warnings.warn(
            f"Each of the {curves} curves of {name} became {PIECES_OF_A_CURVE} lines.", stacklevel=2
        )
    if others:
        warnings.warn(
            f"{name}: left out {shortened(', '.join(sorted(others)))[1:-1]}.", stacklevel=2
        )
    if not strokes:
        raise ValueError(f"{name} has no lines.")
    return checked(strokes, name)


def _root(path, name) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{name} is no file.")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{name} has more than {MOST_BYTES // 1000} kB.")
    content = path.read_bytes()
    if _DECLARATIONS.search(content.replace(b"\0", b"")):  # also in UTF-16
        raise ValueError(f"{name} declares entities or attributes, which a drawing does not need.")
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
            raise ValueError(f"A transform of {name} cannot be read: {_said(error)}") from error
        style = (element.get("style") or "").replace(" ", "")
        if element.get("display") == "none" or "display:none" in style:
            continue
        if _tag(element) in _GROUPS:
            waiting += [(child, matrix) for child in reversed(element)]
        elif _tag(element) not in (*_INVISIBLE, *_WORDS):
            yield element, matrix


def _path_of(element) -> str:
    """Return the path of a polyline or polygon; the library's own takes long for some texts."""
    numbers = [float(word) for word in (element.get("points") or "").replace(",", " ").split()]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    closed = " Z" if _tag(element) == "polygon" else ""
    return "M " + " L ".join(f"{x!r},{y!r}" for x, y in pairs) + closed if pairs else ""


def _said(error: Exception) -> str:
    return shortened(str(error))[1:-1] or type(error).__name__


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
    usual = float(size.max()) / 50 or 1.0
    width = usual if width is None else number("width", width, above=0)
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
