"""The page of a preset, `README.md` in its folder, written from its card."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.files.addresses import public_source
from zoo.presets.card import Card


def render_card(card: Card, address: str | None = None) -> str:
    """Return the README.md of a preset folder.

    Args:
        card: the content of the page.
        address: the argument of `zoo.load`, if it is not the preset's name: hf://user/name.
    """
    data = card.get("data") or {}
    lines = [f"# {card['name']}", "", card.get("description") or f"A {card['class']}.", ""]
    if "preview.png" in card["files"]:
        lines += [f"![Preview of {card['name']}](preview.png)", ""]
    loaded = f'model = zoo.load("{address or card["name"]}")'
    lines += ["```python", "import zoo", loaded, "```", ""]
    rows = [
        ("class", f"`zoo.{card['class']}`"),
        ("paper", card.get("paper")),
        ("trained on", data and f"{data['title']}, {data['credit']} ({data['licence']})"),
        ("licence of the weights", card.get("licence") or "not stated"),
        ("based on", public_source(card.get("based_on") or "")),
        ("input", f"{tuple(card['input']['shape'])}, {card['input']['range']}"),
        ("columns, in order", ", ".join(f"`{name}`" for name in card.get("columns") or ())),
        ("latent size", card["latent_dim"]),
        ("parameters", f"{card['parameters']:,}, stored as {card.get('storage') or 'float32'}"),
        ("made with", ", ".join(f"{k} {v}" for k, v in (card.get("versions") or {}).items())),
    ]
    lines += ["| | |", "|---|---|"]
    lines += [table_row(row) for row in rows if row[1]]
    if metrics := card.get("figures"):
        lines += ["", "| metric | value | protocol |", "|---|---|---|"]
        lines += [
            table_row([m["name"], f"{m['value']} {m['unit']}", m["protocol"]]) for m in metrics
        ]
        lines += ["", f"Measured by `{metrics[0]['command']}`."]
    if labels := (card.get("recipe") or {}).get("labels"):
        lines += [
            "",
            f"Of the training images {labels:,} had a label. Settings were chosen by the error on "
            "validation images, with the labels of all of them.",
        ]
    return "\n".join(lines) + "\n"


def table_row(cells: Iterable[object]) -> str:
    """Return a row of a table in Markdown; None is an empty cell."""
    escaped = ("" if cell is None else str(cell).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
