"""Which presets there are, by name, and where they lie; needs neither Keras nor NumPy."""

from __future__ import annotations

import fnmatch
import os
import warnings
from pathlib import Path

from zoo.presets.card import CARD, Card, read_card
from zoo.suggestions import UnknownNameError


def shipped_folder() -> Path:
    """Return the folder of the shipped presets: in the wheel, or in a checkout.

    Raises:
        FileNotFoundError: the presets are not there as files, as in a wheel that was not unpacked.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "pretrained", package.parent / "pretrained"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"The shipped presets are not beside {package}: from an archive, such as a wheel or a zip "
        "file on sys.path, they cannot be read. Install the package: pip install autoencoder-zoo."
    )


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the shipped presets that match, sorted.

    Args:
        pattern: a name, a glob, or else a part of the names.

    Example:
        >>> zoo.list_models("cvae*")
        ['cvae_fashion_mnist', 'cvae_mnist', 'cvae_mnist_2d', 'cvae_mnist_learned_prior']
    """
    names = sorted(path.parent.name for path in shipped_folder().glob(f"*/{CARD}"))
    return fnmatch.filter(names, pattern) or [name for name in names if pattern in name]


def preset_folder(name: str | os.PathLike) -> Path:
    """Return the folder of a shipped preset, or of one that was written with `zoo.save`.

    A name alone is that of the shipped preset first; a folder of that name is then told of by a
    warning, and taken as a path, such as `./name`.

    Raises:
        UnknownNameError: there is neither; the nearest names are given.
        ValueError: a folder that is no preset.
    """
    text = os.fspath(name)
    names = list_models()
    if text in names:
        shipped = shipped_folder() / text
        if Path(text, CARD).is_file() and not Path(text).samefile(shipped):
            warnings.warn(
                f"{text} is the shipped preset here; the folder of that name is "
                f"{os.path.join(os.curdir, text)}.",
                stacklevel=3,
            )
        return shipped
    if Path(text, CARD).is_file():
        return Path(text)
    if Path(text).is_dir():
        raise ValueError(f"The folder {text} holds no {CARD}; presets are written by zoo.save.")
    raise UnknownNameError("preset or preset folder", text, names)


def card(name: str | os.PathLike) -> Card:
    """Return the card of a preset: data, architecture, measured figures, licence, files.

    Raises:
        ValueError: no such preset, or a card that is not readable.

    Example:
        >>> card = zoo.card("vae_digits")
        >>> card["class"], card["latent_dim"]
        ('VAE', 4)
    """
    return read_card(preset_folder(name))
