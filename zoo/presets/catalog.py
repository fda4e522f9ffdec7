"""The names and folders of presets. This module needs neither Keras nor NumPy."""

from __future__ import annotations

import fnmatch
import os
import warnings
from pathlib import Path

from zoo.checks.names import UnknownNameError
from zoo.files.addresses import public_address, public_source
from zoo.presets import hub
from zoo.presets.card import CARD, Card, read_card

_OF_FOLDERS = (
    "A preset folder is one that zoo.save or `zoo train` wrote; `zoo list` shows the names of the "
    "shipped presets."
)
_RECIPES = Path(__file__).resolve().parents[1] / "recipes"


def shipped_folder() -> Path:
    """Return the folder of the shipped presets: in the wheel, or in a checkout.

    Raises:
        FileNotFoundError: the presets are not files on disk, but in a wheel that is not unpacked.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "pretrained", package.parent / "pretrained"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"The shipped presets are not next to {package}: they cannot be read from an archive, such "
        "as a wheel or a zip file on sys.path. Install the package: pip install autoencoder-zoo."
    )


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the shipped presets that match, sorted.

    Args:
        pattern: a name, a glob, or a substring of names.

    Examples:
        >>> zoo.list_models("cvae*")
        ['cvae_fashion_mnist', 'cvae_mnist', 'cvae_mnist_2d', 'cvae_mnist_learned_prior']
    """
    names = sorted(path.parent.name for path in shipped_folder().glob(f"*/{CARD}"))
    return fnmatch.filter(names, pattern) or [name for name in names if pattern in name]


def preset_folder(name: str | os.PathLike) -> Path:
    """Return the folder of a shipped preset, of a preset that `zoo.save` has written, or of one on
    the hub (hf://user/name), which is downloaded.

    A plain name means the shipped preset with this name. If there is also a folder with this name,
    a warning says so; to use the folder, give a path, such as `./name`.

    Raises:
        UnknownNameError: there is no such preset or folder; the error has the most similar names.
        ValueError: the folder is not a preset, the address is not on the hub, or the name is that
            of a recipe without a preset.
    """
    text = os.fspath(name)
    if hub.is_name(text):
        return hub.folder(text)
    if text.lower().startswith(("https://", "http://")):
        shown = public_address(text)
        raise ValueError(
            f"{shown} is loaded in Python, with its SHA-256: zoo.load({shown!r}, sha256='...')."
        )
    names = list_models()
    if text in names:
        shipped = shipped_folder() / text
        if Path(text, CARD).is_file() and not Path(text).samefile(shipped):
            warnings.warn(
                f"{text} means the shipped preset here; for the folder with that name, give "
                f"{os.path.join(os.curdir, text)}.",
                stacklevel=3,
            )
        return shipped
    if Path(text, CARD).is_file():
        return Path(text)
    if Path(text).is_dir():
        raise ValueError(f"The folder {text} holds no {CARD}; presets are written by zoo.save.")
    if Path(text).name == text and (_RECIPES / f"{text}.toml").is_file():
        raise ValueError(
            f"{text} is a recipe without a preset: train one by `zoo train {text} --out FOLDER`, "
            "and give the folder."
        )
    fix = _OF_FOLDERS if Path(text).name != text else ""
    raise UnknownNameError("preset or preset folder", public_source(text), names, fix, "`zoo list`")


def card(name: str | os.PathLike) -> Card:
    """Return the card of a preset: data, architecture, metrics, licence, files.

    Args:
        name: a name from `zoo.list_models()`, a folder from `zoo.save`, or hf://user/name; only the
            card is downloaded.

    Raises:
        ValueError: there is no such preset, or its card is invalid.

    Examples:
        >>> card = zoo.card("vae_digits")
        >>> card["class"], card["latent_dim"]
        ('VAE', 4)
    """
    return hub.card(os.fspath(name)) if hub.is_name(name) else read_card(preset_folder(name))
