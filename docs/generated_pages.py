"""What is written from classes, cards and results; `python docs/generated_pages.py` updates it.

Run it in a checkout. It writes `pretrained/README.md`, `results/README.md`,
`results/fidelity.json`, and the tables of presets in `docs/families`; and the lists of classes and
their pages in `docs/api/models.md`, `mkdocs.yml` and `zoo/__init__.py`; and the table of exports in
`docs/guides/export.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import fidelity
import literature

from zoo import lessons
from zoo.checks.registered import homes_of_classes
from zoo.files.atomic_writes import write_file
from zoo.presets.card import Card
from zoo.presets.card_page import table_row
from zoo.presets.catalog import card, list_models


class Family(NamedTuple):
    """A page of `docs/families`."""

    title: str
    classes: tuple[str, ...]


PRESETS = re.compile(r"(<!-- presets: ([\w, ]+) -->\n).*?(<!-- end of presets -->)", re.DOTALL)
WRITTEN = re.compile(r"(begin of what is written.*?\n).*?([^\n]*end of what is written)", re.DOTALL)
DOCS = Path(__file__).parent


def families_in(folder: Path) -> dict[str, Family]:
    """Return the pages of a folder, in the order in which its README links to them.

    A page begins with its title, and says above its table of presets which classes it is about.
    """
    order = re.findall(r"\]\(([\w-]+)\.md\)", (folder / "README.md").read_text(encoding="utf-8"))
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    pages = [page for page in dict.fromkeys([*order, *texts]) if page != "README"]
    families = {}
    for page in pages:
        classes = [name for found in PRESETS.findall(texts[page]) for name in found[1].split(", ")]
        title = texts[page].splitlines()[0].removeprefix("# ")
        families[page] = Family(title, tuple(classes))
    return families


FAMILIES = families_in(DOCS / "families")
# Of the metrics on a card, the tables show the first of these, and the reconstruction error.
MOST_TELLING = (
    "classification error",
    "clustering error",
    "rank correlation of the attribute",
    "Fréchet distance of translations",
    "PSNR",
    "PSNR, last rate",
    "precision at 10",
    "second view found",
    "color error",
    "Fréchet distance",
    "negative log-likelihood, 5000 samples",
    "generated class accuracy",
    "PSNR at Gaussian noise of 0.2",
    "PSNR at 25 % masking",
    "reconstruction error of refined codes",
    "negative ELBO",
    "angle to PCA",
    "linear probe accuracy",
    "sliced Wasserstein distance to the prior",
)


def presets_of(classes: Iterable[str]) -> list[Card]:
    """Return the cards of the shipped presets of some classes."""
    cards = [card(name) for name in list_models()]
    return [entry for entry in cards if entry["class"] in classes]


def presets_table(cards: Iterable[Card], folder: str) -> str:
    """Return a table of presets in Markdown; `folder` is the way to `pretrained`, with a slash."""
    lines = [
        table_row(["preset", "class", "data", "code", "file", "measured on the test set"]),
        "|---|---|---|---|---|---|",
    ]
    for entry in cards:
        kilobytes = entry["files"]["model.weights.h5"]["bytes"] / 1e3
        cells = [
            f"[`{entry['name']}`]({folder}{entry['name']}/README.md)",
            f"`{entry['class']}`",
            entry["recipe"]["data"],
            entry["latent_dim"] or "none",
            f"{kilobytes:,.0f} kB",
            "; ".join(_shown(entry)),
        ]
        lines.append(table_row(cells))
    return "\n".join(lines) + "\n"


def _shown(entry: Card) -> Iterator[str]:
    metrics = {metric["name"]: metric for metric in entry["figures"]}
    first = next(name for name in MOST_TELLING if name in metrics)
    for name in (first, "reconstruction error"):
        if name not in metrics:  # a GAN reconstructs nothing
            continue
        yield f"{name} {metrics[name]['value']} {metrics[name]['unit']}".rstrip()


def presets_page() -> str:
    """Return `pretrained/README.md`: all shipped presets, by family."""
    lines = [
        "# Presets",
        "",
        "Pretrained models, by family. `zoo.load(name)` returns one, ready to use and to train on.",
        "The card of each says what it was trained on, and states the protocol beside each metric",
        "([how metrics are measured](../docs/guides/reproducibility.md)). Compare metrics only",
        "where their protocols agree: an ELBO on gray pixels bounds no likelihood, and cannot be",
        "compared with one on binarized pixels.",
        "",
    ]
    for key, family in FAMILIES.items():
        cards = presets_of(family.classes)
        lines += [f"## {family.title}", ""]
        lines += [f"[What they are, and when to use them](../docs/families/{key}.md)", ""]
        lines += [presets_table(cards, "") if cards else "There is none yet.\n"]
    return "\n".join(lines)


def with_presets(page: str) -> str:
    """Return a page of `docs/families` with its tables of presets brought up to date."""

    def table(found):
        cards = presets_of(found[2].split(", "))
        text = presets_table(cards, "../../pretrained/") if cards else "There is none yet.\n"
        return found[1] + text + found[3]

    return PRESETS.sub(table, page)


def results_page(folder: str | Path) -> str:
    """Return `results/README.md` from the comparisons that `zoo reproduce` wrote into a folder."""
    paths = sorted(Path(folder).glob("*.json"))
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    if "fidelity" in records:  # it is written from the others
        records["fidelity"] = fidelity.record(literature.FIGURES, Path(folder).parent)
    lines = [
        "# Results",
        "",
        "Comparisons that lectures make, each written by one command. What was reported in the",
        "literature stands beside what was obtained, with the protocol.",
        "",
    ]
    lines += [f"- [{record['title']}](#{name})" for name, record in records.items()]
    for name, record in records.items():
        lines += ["", f'<a id="{name}"></a>', "", f"## {record['title']}", ""]
        lines += [f"`{record['command']}`, seed {record['seed']}", ""]
        lines += [table_row(record["columns"]), table_row("---" for _ in record["columns"])]
        lines += [*map(table_row, record["rows"]), "", record["protocol"]]
        if record["picture"]:
            lines += ["", f"![{record['title']}]({record['picture']})"]
        if record.get("animation"):
            lines += ["", f"![{record['title']}, as a moving picture]({record['animation']})"]
    return "\n".join(lines) + "\n"


def fidelity_table(root: Path) -> str:
    """Return `results/fidelity.json`, all figures beside those of papers."""
    return (
        json.dumps(fidelity.record(literature.FIGURES, root), indent=1, ensure_ascii=False) + "\n"
    )


def written_into(text: str, lines: Iterable[str]) -> str:
    """Return a text with these lines between its two marks of what is written."""
    new = "".join(f"{line}\n" for line in lines)
    return WRITTEN.sub(lambda found: found[1] + new + found[2], text)


def imports_of_classes(homes: dict[str, str]) -> Iterator[str]:
    """Return the lines of `zoo/__init__.py` that type checkers read: the classes of models."""
    for name, module in sorted(homes.items(), key=lambda item: (item[1], item[0])):
        yield f"    from {module} import {name} as {name}"


def entries_of_classes(families: dict[str, Family]) -> Iterator[str]:
    """Return the lines of `docs/api/models.md`: every class below the title of its page."""
    for family in families.values():
        yield from ("", f"## {family.title}", "")
        for name in family.classes:
            yield from (f"::: zoo.{name}", "    options: {heading_level: 3}")
    yield ""


def list_of_lessons() -> Iterator[str]:
    """Return the lines of `docs/lessons/README.md` that name all lessons, chapter by chapter."""
    for chapter, names in lessons.COURSE.items():
        yield from ("", f"## {chapter}", "")
        yield from ("| lesson | what it shows | minutes | downloads |", "|---|---|---|---|")
        for name in names:
            found = lessons.get(name)
            minutes = f"{found.minutes:g}"
            data = ", ".join(f"`{data_set}`" for data_set in found.downloads)
            yield table_row([f"[{found.title}]({name}.md), `{name}`", found.line, minutes, data])
    yield ""


COLUMNS = {  # of the table of exports: the title of each, and the file's format and backend
    "ONNX": "onnx, tensorflow",
    "SavedModel": "saved_model, tensorflow",
    "LiteRT": "litert, tensorflow",
    "OpenVINO": "openvino, tensorflow",
    "ONNX, on JAX": "onnx, jax",
    "ONNX, on PyTorch": "onnx, torch",
}


def table_of_exports(measured: Path) -> Iterator[str]:
    """Return the lines of `docs/guides/export.md` with what `tests/benchmarks/exports.py` found."""
    found = json.loads(measured.read_text(encoding="utf-8"))
    tried = {title: column for title, column in COLUMNS.items() if column in found}
    yield from ("", table_row(["class", *tried]), "|" + "---|" * (len(tried) + 1))
    for name in sorted(found["onnx, tensorflow"]):
        parts = (found[column].get(name) for column in tried.values())
        yield table_row([f"`{name}`", *("not tried" if p is None else _proved(p) for p in parts)])
    yield ""


def _proved(parts: dict[str, str]) -> str:
    refused = [part for part, said in parts.items() if said != "proved"]
    if not refused:
        return f"{len(parts)}"
    return f"{len(parts) - len(refused)} of {len(parts)}; not {', '.join(refused)}"


def generated_pages(root: Path) -> dict[Path, str]:
    """Return the text that every generated page of a checkout should have."""
    pages = {
        root / "pretrained" / "README.md": presets_page(),
        root / "results" / "fidelity.json": fidelity_table(root),
        root / "results" / "README.md": results_page(root / "results"),
    }
    for path in sorted((root / "docs" / "families").glob("*.md")):
        pages[path] = with_presets(path.read_text(encoding="utf-8"))
    written = {
        root / "zoo" / "__init__.py": [*imports_of_classes(homes_of_classes()), ""],
        root / "docs" / "api" / "models.md": entries_of_classes(FAMILIES),
        root / "docs" / "lessons" / "README.md": list_of_lessons(),
        root / "docs" / "guides" / "export.md": table_of_exports(
            root / "tests" / "benchmarks" / "exports.json"
        ),
        root / "mkdocs.yml": [f"      - families/{page}.md" for page in FAMILIES],
    }
    for path, lines in written.items():
        pages[path] = written_into(path.read_text(encoding="utf-8"), lines)
    return pages


if __name__ == "__main__":
    for path, text in generated_pages(Path.cwd()).items():
        if path.read_text(encoding="utf-8") != text:
            write_file(path, text)
            print(f"written: {path.relative_to(Path.cwd())}")
