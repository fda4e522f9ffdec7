"""Save models as presets, and write metrics into their cards."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import keras
import numpy as np

from zoo.backend import versions
from zoo.backend.optimizer_group import normalize_config
from zoo.data.table_columns import Columns
from zoo.files.addresses import public_source
from zoo.files.atomic_writes import need_space, publish_folder, write_file
from zoo.presets.card import CARD, CONFIG, WEIGHTS, Card, describe_file, read_card
from zoo.presets.card_page import render_card
from zoo.presets.safety import warn_of_refused
from zoo.presets.weight_files import DENSEST
from zoo.training.monitors import check_finite

STORAGES = ("float32", "float16", "compact")
LARGEST = float(np.finfo(np.float16).max) / 1.04  # rounding to fewer bits may increase a value


def save(
    model: keras.Model,
    folder: str | os.PathLike,
    *,
    overwrite: bool = False,
    storage: str = "float32",
    about: dict | None = None,
    pictures: dict | None = None,
    texts: dict | None = None,
) -> Card:
    """Write a model as a preset folder, completely or not at all; `zoo.load(folder)` reads it.

    Weights are saved without the optimizer's state; the optimizer's class and settings are saved.

    Args:
        model: a model of the zoo.
        folder: the folder to write.
        overwrite: replace an existing preset, if its folder holds nothing else.
        storage: "float32"; "float16" for half the size with three significant digits; "compact" for
            about a quarter: kernels in float16 with 5 significant bits, an error of at most 3.2 %.
        about: more entries of the card, such as `description`, `licence`, `recipe`.
        pictures: matplotlib figures by file name, such as {"preview.png": figure}.
        texts: more text files by name, such as {"recipe.toml": recipe}.

    Returns:
        the card.

    Raises:
        FileExistsError: the folder exists and `overwrite` is false, or it holds other files.
        TypeError: the model is not a model of the zoo.
        ValueError: weights are NaN or infinite, or too large for float16.

    Examples:
        >>> model = zoo.load("vae_digits")
        >>> card = zoo.save(model, "my_digits", about={"description": "Digits as I like them."})
        >>> zoo.load("my_digits").latent_dim
        4
    """
    if isinstance(model, type) or not hasattr(model, "save_to_preset"):
        known = isinstance(model, type)
        what = f"the class {model.__name__}" if known else f"a {type(model).__name__}"
        raise TypeError(
            f"Only models of the zoo can be saved as presets, and this is {what}. A model of Keras "
            "can be written by its method save()."
        )
    if storage not in STORAGES:
        raise ValueError(f"storage is {storage!r}; choose one of {', '.join(STORAGES)}.")
    check_finite(model)
    target = Path(os.path.abspath(folder))
    config = _saved_config(model)
    warn_of_refused(config)
    with publish_folder(target, overwrite) as scratch:
        (scratch / CONFIG).write_text(_to_json(config), encoding="utf-8")
        _write_weights(model, scratch / WEIGHTS, storage)
        for name, figure in (pictures or {}).items():
            from zoo import plots  # loading needs no matplotlib

            plots.save_small(figure, scratch / name, grays=16)
        for name, text in (texts or {}).items():
            (scratch / name).write_text(text, encoding="utf-8")
        card = _card(model, target.name, storage, about or {})
        if card.get("based_on"):
            card["based_on"] = public_source(card["based_on"])
        card["files"] = {
            path.name: describe_file(path) for path in sorted(scratch.iterdir()) if path.is_file()
        }
        (scratch / CARD).write_text(_to_json(card), encoding="utf-8")
        (scratch / "README.md").write_text(render_card(card), encoding="utf-8")
    return card


def _card(model, name, storage, about) -> Card:
    columns = Columns.of(model.likelihood)
    categories = columns and columns.described()
    return Card(
        {
            "name": name,
            "class": type(model).__name__,
            "family": model.family,
            "description": None,
            "paper": None,
            "data": None,
            "licence": model.licence,
            **({"based_on": model.based_on} if model.based_on else {}),
            "input": {
                "shape": list(model.image_shape),
                "range": model.likelihood.described_range(),
            },
            **({"columns": list(columns.names)} if columns else {}),
            **({"categories": categories} if categories else {}),
            "latent_dim": model.latent_dim,
            "num_classes": model.num_classes,
            **({"classes": list(model.label_names)} if model.label_names else {}),
            "recipe": None,
            "storage": storage,
            "versions": versions(),
            "parameters": model.count_params(),
            "figures": [],
            **about,
        }
    )


def _saved_config(model) -> dict:
    optimizer = model.optimizer if model.compiled else keras.optimizers.Adam()
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return {
        "class": type(model).__name__,
        "config": model.get_config(),
        "optimizer": normalize_config(keras.saving.serialize_keras_object(optimizer)),
    }


def _write_weights(model, path: Path, storage: str):
    """Save the weights without the optimizer's state, which Keras stores in the same file."""
    full = path.with_name("full.weights.h5")
    need_space(path.parent, model, copies=2)
    model.save_weights(full)
    _copy_weights(full, path, storage)
    full.unlink()


def _copy_weights(source: Path, target: Path, storage: str):
    with h5py.File(source, "r") as old, h5py.File(target, "w", libver="latest") as new:
        new.attrs.update(old.attrs)

        def copy(name, item):
            if name.split("/")[0] == "optimizer":
                return
            if isinstance(item, h5py.Group):
                new.require_group(name).attrs.update(item.attrs)
                return
            values = item[()]
            if values.dtype == np.float32 and values.ndim and storage != "float32":
                if np.abs(values).max(initial=0.0) > LARGEST:
                    raise ValueError(
                        f"The weights {name} are too large for float16; use storage='float32'."
                    )
                values = values.astype(np.float16)
                if storage == "compact" and values.ndim > 1:
                    values = _rounded_to_five_bits(values)
            packed = storage != "float32" and values.size > 1000
            packing = (
                {"compression": "gzip", "compression_opts": 9, "shuffle": True} if packed else {}
            )
            made = new.create_dataset(name, data=values, **packing)
            new.flush()  # before it, the size is 0
            if packed and made.id.get_storage_size() * DENSEST < made.nbytes:
                del new[name]  # compresses too well, such as zeros: loading would refuse its sizes
                made = new.create_dataset(name, data=values)
            made.attrs.update(item.attrs)

        old.visititems(copy)


def _rounded_to_five_bits(values: np.ndarray) -> np.ndarray:
    """Round float16 to 4 of its 10 mantissa bits; with the leading bit these are 5.

    The lower byte then has few different values, so it compresses well.
    """
    bits = values.view(np.uint16)
    return ((bits + np.uint16(1 << 5)) & np.uint16(0xFFC0)).view(np.float16)


def update_card(folder: Path, metrics: list[dict]) -> None:
    """Write metrics into a preset's card, and its README from the card."""
    card = read_card(folder)
    card["figures"] = metrics
    write_file(folder / CARD, _to_json(card))
    write_file(folder / "README.md", render_card(card))


def _to_json(content) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
