"""The record of a preset, `card.json`; checks of the record and of the files that it lists.
This module needs neither Keras nor NumPy.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.checks.words import printable
from zoo.files.addresses import public_source
from zoo.runtime.json_file import read_object, shortened

CARD, CONFIG, WEIGHTS = "card.json", "config.json", "model.weights.h5"


class Card(dict):
    """The record of a preset, as in `card.json`; `str` gives a readable text."""

    def __str__(self):
        data = self.get("data") or {}
        lines = [f"{self['name']}: {self.get('description') or self['class']}"]
        rows = [
            ("class", self["class"]),
            ("paper", self.get("paper")),
            ("data", data and f"{data['title']} ({data['licence']}; {data['credit']})"),
            ("input", f"{tuple(self['input']['shape'])}, {self['input']['range']}"),
            ("columns", ", ".join(map(str, self.get("columns") or ()))),
            ("latent size", self["latent_dim"]),
            ("parameters", f"{self['parameters']:,}"),
            ("licence", self.get("licence") or "not stated"),
            ("based on", public_source(self.get("based_on") or "")),
            ("files", ", ".join(f"{n} {f['bytes']:,} B" for n, f in self["files"].items())),
        ]
        lines += [f"  {key:12} {value}" for key, value in rows if value]
        for metric in self.get("figures") or ():
            lines.append(f"  {metric['name']}: {metric['value']} {metric['unit']}".rstrip())
            lines.append(f"      {metric['protocol']}")
        return printable("\n".join(lines))


def read_card(folder: Path) -> Card:
    """Read a card, and check that it has the entries and types that loading and printing need."""
    path = Path(folder, CARD)
    content = read_object(path)
    files = content.get("files")
    if not isinstance(files, dict) or not {CONFIG, WEIGHTS} <= set(files):
        raise ValueError(f"{path} does not list the files {CONFIG} and {WEIGHTS}.")
    for name, entry in files.items():
        leaves = name in ("", ".", "..") or set(name) & set("/\\:")
        if leaves or not isinstance(entry, dict):
            raise ValueError(
                f"{path} lists the file {name!r}, which is not a plain file name with size and "
                "sha256."
            )
        _check_entry(path, "files", entry, {"sha256": str, "bytes": int})
    _check_entry(path, "the card", content, _NEEDED)
    for key, kind in _KNOWN.items():
        if content.get(key) is not None:
            _check_entry(path, "the card", content, {key: kind})
    _check_entry(path, "input", content["input"], {"shape": list, "range": str})
    if not all(_is(int, size) for size in content["input"]["shape"]):
        raise ValueError(f"{path} says that images have the shape {content['input']['shape']!r}.")
    if content.get("data"):
        _check_entry(path, "data", content["data"], dict.fromkeys(_DATA, str))
    if (content.get("recipe") or {}).get("data") is not None:
        _check_entry(path, "recipe", content["recipe"], {"data": str})
    for metric in content.get("figures") or ():
        _check_entry(path, "figures", metric, _METRIC)
    return Card(content)


_LARGEST = 2**63
_NEEDED = {"name": str, "class": str, "input": dict, "latent_dim": int, "parameters": int}
_KNOWN = {  # may be missing, or null
    **{"description": str, "paper": str, "licence": str, "storage": str, "based_on": str},
    **{"data": dict, "recipe": dict, "versions": dict, "figures": list, "columns": list},
    "categories": list,
}
_DATA = ("title", "licence", "credit")
_METRIC = {"name": str, "value": (int, float), "unit": str, "protocol": str, "command": str}


def _check_entry(path, place, entry, kinds):
    """Raise an error unless an object has these entries with these types."""
    missing = [key for key in kinds if not isinstance(entry, dict) or key not in entry]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(map(repr, missing))} in {place}.")
    for key, kind in kinds.items():
        if not _is(kind, entry[key]):
            kinds_ = kind if isinstance(kind, tuple) else (kind,)
            raise ValueError(
                f"{path} says {key!r} is {shortened(entry[key])} in {place}, where "
                f"{' or '.join(k.__name__ for k in kinds_)} is expected{_sizes(entry[key])}."
            )


def _sizes(value) -> str:
    return ", finite and, for a size, not negative" if isinstance(value, int | float) else ""


def _is(kind, value) -> bool:
    """Return whether a value has a type; numbers must be finite, and integers not negative."""
    if not isinstance(value, kind) or isinstance(value, bool):
        return False
    if isinstance(value, int) and kind is int:
        return 0 <= value < _LARGEST
    return not isinstance(value, int | float) or abs(value) < _LARGEST


def describe_file(path: Path) -> dict:
    """Return the size and the sha256 of a file, for cards."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:  # read in pieces, as the file may be large
        while piece := file.read(2**20):
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}


def describe(content: bytes) -> dict:
    """Return the size and the sha256 of the content of a file, for cards."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def verified_file(folder: Path, card: Card, name: str) -> Path:
    """Return the path of a preset's file after a check against the card.

    Raises:
        ValueError: the name leads out of the folder, or the size or sha256 differs.
        FileNotFoundError: the file is missing.
    """
    path = folder / name
    if Path(name).name != name or path.resolve().parent != folder.resolve():
        raise ValueError(f"The card names the file {name!r}, which is not inside {folder}.")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; the preset is incomplete.")
    recorded, size = card["files"][name], path.stat().st_size
    if size != recorded.get("bytes"):
        raise ValueError(
            f"{path} has {size} bytes, but its card says {recorded.get('bytes')}: the file or the "
            "card was changed or is incomplete. Get the preset again."
        )
    if describe_file(path)["sha256"] != recorded.get("sha256"):
        raise ValueError(
            f"{path} does not have the sha256 that its card states: the file was changed. Get "
            "the preset again."
        )
    return path
