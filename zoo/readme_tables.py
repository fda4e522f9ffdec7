"""The tables of the project's README: all presets, and all results.

`python -m zoo.readme_tables` updates them; run it in the folder of `README.md`.
"""

from __future__ import annotations

import json
from pathlib import Path

from zoo.presets.card_page import table_row
from zoo.presets.catalog import card, list_models

START, END = "<!-- models: written by `python -m zoo.readme_tables` -->", "<!-- end of models -->"
RESULTS_START = "<!-- results: written by `python -m zoo.readme_tables` -->"
RESULTS_END = "<!-- end of results -->"


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


def results_tables(folder: str | Path) -> str:
    """Return the tables from `zoo reproduce` in a folder, for the project's README."""
    lines = []
    for path in sorted(Path(folder).glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        lines += [f"**{record['title']}** (`{record['command']}`, seed {record['seed']})", ""]
        lines += [table_row(record["columns"]), table_row("---" for _ in record["columns"])]
        lines += [*map(table_row, record["rows"]), "", record["protocol"], ""]
        if record["picture"]:
            lines += [f"![{record['title']}](results/{record['picture']})", ""]
    return "\n".join(lines)


def with_tables(readme: str, results: str | Path = "results") -> str:
    """Return the README's text with updated models and results."""
    readme = _between(readme, START, END, models_table())
    return _between(readme, RESULTS_START, RESULTS_END, results_tables(results))


def _between(text, start, end, content):
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{content}{end}{after}"


if __name__ == "__main__":
    path = Path("README.md")
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
