"""Text that is made from cards: a preset's README, and the table in the project's README."""

from __future__ import annotations

import json
from pathlib import Path

from zoo.catalog import Card, card, list_models


def render_card(card: Card) -> str:
    """Return the README.md of a preset folder."""
    data = card.get("data") or {}
    lines = [f"# {card['name']}", "", card.get("description") or f"A {card['class']}.", ""]
    if "preview.png" in card["files"]:
        lines += [f"![Preview of {card['name']}](preview.png)", ""]
    lines += ["```python", "import zoo", f'model = zoo.load("{card["name"]}")', "```", ""]
    rows = [
        ("class", f"`zoo.{card['class']}`"),
        ("paper", card.get("paper")),
        ("trained on", data and f"{data['title']}, {data['credit']} ({data['licence']})"),
        ("licence of the weights", card.get("licence") or "not stated"),
        ("based on", card.get("based_on")),
        ("input", f"{tuple(card['input']['shape'])}, {card['input']['range']}"),
        ("latent size", card["latent_dim"]),
        ("parameters", f"{card['parameters']:,}, stored as {card.get('storage') or 'float32'}"),
        ("made with", ", ".join(f"{k} {v}" for k, v in (card.get("versions") or {}).items())),
    ]
    lines += ["| | |", "|---|---|"]
    lines += [_row(row) for row in rows if row[1]]
    if metrics := card.get("figures"):
        lines += ["", "| metric | value | protocol |", "|---|---|---|"]
        lines += [_row([m["name"], f"{m['value']} {m['unit']}", m["protocol"]]) for m in metrics]
        lines += ["", f"Measured by `{metrics[0]['command']}`."]
    if labels := (card.get("recipe") or {}).get("labels"):
        lines += [
            "",
            f"Of the training images {labels:,} had a label. Settings were chosen by the error on "
            "validation images, with the labels of all of them.",
        ]
    return "\n".join(lines) + "\n"


def models_table() -> str:
    """Return the table of shipped presets for the project's README."""
    lines = [
        "| preset | class | data | latent | parameters | file | measured on the whole test set |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in list_models():
        entry = card(name)
        size = entry["files"]["model.weights.h5"]["bytes"] / 1e6
        metrics = "; ".join(
            f"{m['name']} {m['value']} {m['unit']}".rstrip() for m in entry["figures"]
        )
        lines.append(
            f"| [`{name}`](pretrained/{name}/README.md) | `{entry['class']}` | "
            f"{entry['recipe']['data']} | {entry['latent_dim']} | {entry['parameters']:,} | "
            f"{size:.1f} MB | {metrics} |"
        )
    return "\n".join(lines) + "\n"


START, END = "<!-- models: written by `python -m zoo.readme` -->", "<!-- end of models -->"


RESULTS_START = "<!-- results: written by `python -m zoo.readme` -->"
RESULTS_END = "<!-- end of results -->"


def results_tables(folder: str | Path) -> str:
    """Return the tables that `zoo reproduce` wrote into a folder, for the project's README."""
    lines = []
    for path in sorted(Path(folder).glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        lines += [f"**{record['title']}** (`{record['command']}`, seed {record['seed']})", ""]
        lines += [_row(record["columns"]), _row("---" for _ in record["columns"])]
        lines += [*map(_row, record["rows"]), "", record["protocol"], ""]
        if record["picture"]:
            lines += [f"![{record['title']}](results/{record['picture']})", ""]
    return "\n".join(lines)


def _row(cells) -> str:
    escaped = ("" if cell is None else str(cell).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def with_tables(readme: str, results: str | Path = "results") -> str:
    """Return the README's text with the models and the results brought up to date."""
    readme = _between(readme, START, END, models_table())
    return _between(readme, RESULTS_START, RESULTS_END, results_tables(results))


def _between(text, start, end, content):
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{content}{end}{after}"


if __name__ == "__main__":
    path = Path("README.md")
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
