"""Parts of HTML pages that need no other file: pictures, sections and tables."""

from __future__ import annotations

import base64
import html
import io
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "div{overflow-x:auto}table{border-collapse:collapse}"
    "td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #8886}"
    ":is(td,th):last-child{text-align:left}img{max-width:100%}"
)


def embedded(figure: Figure) -> str:
    """Return a figure as a data URL, for the source of an image."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the text has the names
        figure.savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def section(title: str, told: str, figure: Figure) -> str:
    """Return HTML with a title, a text, and a picture."""
    title, told = html.escape(title), html.escape(told)
    return f'<h2>{title}</h2><p>{told}</p><img alt="{title}" src="{embedded(figure)}">\n'


def table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return an HTML table of texts."""
    lines = [_row("th", titles), *(_row("td", row) for row in rows)]
    return "<div><table>" + "\n".join(lines) + "</table></div>\n"


def _row(tag, cells) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"
