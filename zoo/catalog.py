"""What presets there are and what their cards say; needs neither Keras nor NumPy."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
from pathlib import Path

from zoo.spelling import UnknownNameError

CARD, CONFIG, WEIGHTS = "card.json", "config.json", "model.weights.h5"


def shipped_folder() -> Path:
    """Return the folder of the shipped presets: in the wheel, or in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "pretrained"
    return inside if inside.is_dir() else package.parent / "pretrained"


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the shipped presets that match a glob, sorted.

    Example: `zoo.list_models("*mnist*")`.
    """
    names = sorted(path.parent.name for path in shipped_folder().glob(f"*/{CARD}"))
    return fnmatch.filter(names, pattern)


def preset_folder(name: str | os.PathLike) -> Path:
    """Return the folder of a shipped preset, or of one that was written with `zoo.save`.

    Raises:
        UnknownNameError: there is neither; the nearest names are given.
        ValueError: a folder that is no preset.
    """
    text = os.fspath(name)
    names = list_models()
    if text in names:
        return shipped_folder() / text
    if Path(text, CARD).is_file():
        return Path(text)
    if Path(text).is_dir():
        raise ValueError(f"The folder {text} holds no {CARD}; presets are written by zoo.save.")
    raise UnknownNameError("preset or preset folder", text, names)


class Card(dict):
    """The record of a preset, as in `card.json`; prints as text."""

    def __str__(self):
        data = self.get("data") or {}
        lines = [f"{self['name']}: {self.get('description') or self['class']}"]
        rows = [
            ("class", self["class"]),
            ("paper", self.get("paper")),
            ("data", data and f"{data['title']} ({data['licence']}; {data['credit']})"),
            ("input", f"{tuple(self['input']['shape'])}, {self['input']['range']}"),
            ("latent size", self["latent_dim"]),
            ("parameters", f"{self['parameters']:,}"),
            ("licence", self.get("licence")),
            ("files", ", ".join(f"{n} {f['bytes']:,} B" for n, f in self["files"].items())),
        ]
        lines += [f"  {key:12} {value}" for key, value in rows if value]
        for figure in self.get("figures") or ():
            lines.append(f"  {figure['name']}: {figure['value']} {figure['unit']}".rstrip())
            lines.append(f"      {figure['protocol']}")
        return printable("\n".join(lines))


def printable(text: str) -> str:
    """Write control characters as escapes: a terminal would obey those that a file brings along."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def card(name: str | os.PathLike) -> Card:
    """Return the card of a preset: data, architecture, measured figures, licence, files.

    Raises:
        ValueError: no such preset, or a card that is not readable.
    """
    return read_card(preset_folder(name))


def read_card(folder: Path) -> Card:
    """Read a card and check that it has what loading relies on."""
    path = Path(folder, CARD)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not readable as JSON: {error}") from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not {CONFIG, WEIGHTS} <= set(files):
        raise ValueError(f"{path} does not list the files {CONFIG} and {WEIGHTS}.")
    for name, entry in files.items():
        leaves = name in ("", ".", "..") or set(name) & set("/\\:")
        if leaves or not isinstance(entry, dict):
            raise ValueError(
                f"{path} lists the file {name!r}, which is no plain file name with size and sha256."
            )
    for key in ("name", "class", "input", "latent_dim", "parameters"):
        if key not in content:
            raise ValueError(f"{path} lacks {key!r}.")
    _need_keys(path, "input", content["input"], ("shape", "range"))
    if content.get("data") is not None:
        _need_keys(path, "data", content["data"], ("title", "licence", "credit"))
    for figure in content.get("figures") or ():
        _need_keys(path, "figures", figure, ("name", "value", "unit", "protocol", "command"))
    for entry in files.values():
        _need_keys(path, "files", entry, ("sha256", "bytes"))
    if not isinstance(content["parameters"], int):
        raise ValueError(f"{path} says parameters={content['parameters']!r}; that is no count.")
    return Card(content)


def _need_keys(path, place, entry, keys):
    missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)} in {place!r}.")


def describe_file(path: Path) -> dict:
    """Return the size and the sha256 of a file, as cards record them."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def verified_file(folder: Path, card: Card, name: str) -> Path:
    """Return the path of a preset's file after checking it against the card.

    Raises:
        ValueError: the name leaves the folder, or size or sha256 differ.
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
            f"{path} has {size} bytes and its card says {recorded.get('bytes')}: the file or the "
            "card was altered or cut off. Get the preset again."
        )
    if describe_file(path)["sha256"] != recorded.get("sha256"):
        raise ValueError(
            f"{path} does not have the sha256 of its card: the file was altered. Get the preset "
            "again."
        )
    return path
