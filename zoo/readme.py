"""Text that is made from cards: a preset's README, and the table in the project's README."""

from __future__ import annotations

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
        ("licence of the weights", card.get("licence")),
        ("input", f"{tuple(card['input']['shape'])}, {card['input']['range']}"),
        ("latent size", card["latent_dim"]),
        ("parameters", f"{card['parameters']:,}, stored as {card['storage']}"),
        ("made with", ", ".join(f"{k} {v}" for k, v in card["versions"].items())),
    ]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in rows if value]
    if card.get("figures"):
        lines += ["", "| figure | value | protocol |", "|---|---|---|"]
        lines += [
            f"| {f['name']} | {f['value']} {f['unit']} | {f['protocol']} |" for f in card["figures"]
        ]
        lines += ["", f"Measured by `{card['figures'][0]['command']}`."]
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
        figures = "; ".join(
            f"{f['name']} {f['value']} {f['unit']}".rstrip() for f in entry["figures"]
        )
        lines.append(
            f"| [`{name}`](pretrained/{name}/README.md) | `{entry['class']}` | "
            f"{entry['recipe']['data']} | {entry['latent_dim']} | {entry['parameters']:,} | "
            f"{size:.1f} MB | {figures} |"
        )
    return "\n".join(lines) + "\n"


START, END = "<!-- models: written by `python -m zoo.readme` -->", "<!-- end of models -->"


def with_table(readme: str) -> str:
    """Return the README's text with the table of models brought up to date."""
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{models_table()}{END}{after}"


if __name__ == "__main__":
    path = Path("README.md")
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
