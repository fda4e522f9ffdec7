"""Names to models and back: loading and saving preset folders."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

import zoo
from zoo import archives
from zoo.atomic_writes import need_space, publish_folder, write_file
from zoo.catalog import CARD, CONFIG, WEIGHTS, Card, describe_file, preset_folder, read_card
from zoo.catalog import verified_file as verified
from zoo.json_file import read_object, shortened
from zoo.models import CLASSES
from zoo.models.base import BaseAutoencoder
from zoo.models.checks import check_finite
from zoo.readme import render_card
from zoo.safety import (
    check_objects,
    check_weights,
    held_by,
    load_all_weights,
    no_larger_than,
    stored_values,
)

STORAGES = ("float32", "float16", "compact")
LARGEST = float(np.finfo(np.float16).max) / 1.04  # rounding to fewer bits may go up


def load(
    name: str | os.PathLike, *, custom_objects: dict | None = None, dtype: Any = None
) -> BaseAutoencoder:
    """Load a preset, or a `.keras` file: a model that is built, weighted and compiled.

    Nothing but classes of the zoo, of Keras, and of `custom_objects` is made. Every file of a
    preset is checked against the card before it is parsed.

    Args:
        name: a name of `zoo.list_models()`, a folder that `zoo.save` wrote, or the path of a file
            that `model.save("m.keras")` wrote, which has the optimizer's state, too.
        custom_objects: classes of your own, by name, that the networks use.
        dtype: a Keras dtype policy to use instead of the saved one, such as "mixed_bfloat16".

    Returns:
        a `keras.Model` of one of the zoo's classes.

    Raises:
        ValueError: no such preset (the nearest names are given), files that were altered, a class
            that is neither the zoo's nor given, or weights that are NaN or infinite.
        FileNotFoundError: a file of the preset, or the `.keras` file, is missing.

    Example:
        >>> model = zoo.load("vae_digits")
        >>> model.generate(4, seed=0).shape
        (4, 8, 8, 1)
    """
    if os.fspath(name).endswith(".keras") and not os.path.isdir(name):
        return _load_archive(Path(name), dict(custom_objects or {}), dtype)
    folder = preset_folder(name)
    card = read_card(folder)
    config_path, weights_path = (verified(folder, card, file) for file in (CONFIG, WEIGHTS))
    saved = _read_config(config_path)
    custom_objects = dict(custom_objects or {})
    check_objects(saved, custom_objects)
    model_class = _model_class(config_path, saved.get("class"), custom_objects)
    with keras.saving.custom_object_scope(custom_objects):
        with _describing(weights_path, f"the weights of a {saved['class']}"):
            held = stored_values(weights_path)
        with (
            _describing(config_path, f"a {saved['class']} and its optimizer"),
            no_larger_than(held),
        ):
            model = model_class.from_config(_config(saved, dtype))
            optimizer = _optimizer(saved["optimizer"])
        with _describing(weights_path, f"the weights of this {saved['class']}"):
            check_weights(weights_path, model)
            load_all_weights(model, weights_path)
            check_finite(model)
        with _describing(config_path, f"an optimizer of this {saved['class']}"):
            model.compile(optimizer=optimizer)
    _check_card(card, model, folder)
    model.licence = model.licence_of_preset = card.get("licence")
    model.based_on = card.get("based_on") or card["name"]
    return model


def _load_archive(path, custom_objects, dtype):
    """Load what `keras.Model.save` wrote, with the checks that a preset's config has."""
    with archives.opened(path) as (archive, folder):
        saved = archive.config
        check_objects(saved, custom_objects)
        name = saved.get("class_name")
        model_class = _model_class(path, name, custom_objects)
        with keras.saving.custom_object_scope(custom_objects):
            with (
                _describing(path, f"a {name} and its optimizer"),
                no_larger_than(archive.most_values),
            ):
                model = model_class.from_config(_config(saved, dtype))
                if saved.get("compile_config"):
                    model.compile_from_config(saved["compile_config"])
            values = sum(int(np.prod(variable.shape)) for variable in held_by(model))
            weights = archive.unpack_weights(folder, 16 * values + 2**24)
            with _describing(path, f"the weights of this {name}"):
                check_weights(weights, model)
                load_all_weights(model, weights)
                check_finite(model)
        if not model.compiled:
            model.compile()
    return model


def _model_class(path, name, custom_objects) -> type:
    known = CLASSES | custom_objects
    if str(name) not in known:
        raise ValueError(
            f"{path} names the class {shortened(name)}; the zoo has {', '.join(CLASSES)}. Give a "
            "class of your own as custom_objects={name: class}."
        )
    return known[name]


def _config(saved, dtype) -> dict:
    return saved["config"] if dtype is None else {**saved["config"], "dtype": dtype}


def _check_card(card, model, folder):
    """Refuse a card that describes another model than the one that was loaded."""
    truth = {
        "class": type(model).__name__,
        "latent_dim": model.latent_dim,
        "parameters": model.count_params(),
    }
    wrong = {key: card[key] for key in truth if card[key] != truth[key]}
    if list(card["input"]["shape"]) != list(model.image_shape):
        wrong["input"] = card["input"]
    if wrong:
        raise ValueError(
            f"The card of {folder} says {wrong}, and the model in it is another: {truth}, input "
            f"{model.image_shape}. The card was altered; get the preset again."
        )


def _optimizer(saved):
    optimizer = keras.saving.deserialize_keras_object(saved)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(f"the optimizer is {shortened(saved)}, which makes none")
    return optimizer


@contextlib.contextmanager
def _describing(path, what):
    """Say which file was at fault, where libraries fail in their own words."""
    try:
        yield
    except Exception as error:  # what is made of a stranger's file may fail in any way
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} does not hold {what}: {said}") from error


def save(
    model,
    folder: str | os.PathLike,
    *,
    overwrite: bool = False,
    storage: str = "float32",
    about: dict | None = None,
    pictures: dict | None = None,
) -> Card:
    """Write a model as a preset folder, whole or not at all; `zoo.load(folder)` reads it back.

    Weights are saved without optimizer state; the kind of optimizer and its settings are kept.

    Args:
        model: a model of the zoo.
        folder: where to write.
        overwrite: replace an existing preset, if its folder holds nothing else.
        storage: "float32"; "float16" for half the size at three significant digits; "compact" for
            about a quarter: kernels in float16 rounded to 5 significant bits, by at most 3.2 %.
        about: further entries of the card, such as `description`, `licence`, `recipe`.
        pictures: matplotlib figures by file name, such as {"preview.png": figure}.

    Returns:
        the card.

    Raises:
        FileExistsError: the folder exists and `overwrite` is false, or it holds anything else.
        TypeError: not a model of the zoo.
        ValueError: weights that are NaN or infinite, or too large for float16.

    Example:
        >>> model = zoo.load("vae_digits")
        >>> card = zoo.save(model, "my_digits", about={"description": "Digits as I like them."})
        >>> zoo.load("my_digits").latent_dim
        4
    """
    if not isinstance(model, BaseAutoencoder):
        raise TypeError(
            f"Only models of the zoo are saved as presets, and this is a {type(model).__name__}; "
            "its own save() writes it as a .keras file."
        )
    if storage not in STORAGES:
        raise ValueError(f"storage is {storage!r}; choose one of {', '.join(STORAGES)}.")
    check_finite(model)
    target = Path(os.path.abspath(folder))
    with publish_folder(target, overwrite) as scratch:
        (scratch / CONFIG).write_text(_to_json(_saved_config(model)), encoding="utf-8")
        _write_weights(model, scratch / WEIGHTS, storage)
        for name, figure in (pictures or {}).items():
            from zoo import plots  # loading needs no matplotlib

            plots.save_small(figure, scratch / name)
        card = _card(model, target.name, storage, about or {})
        card["files"] = {
            path.name: describe_file(path) for path in sorted(scratch.iterdir()) if path.is_file()
        }
        (scratch / CARD).write_text(_to_json(card), encoding="utf-8")
        (scratch / "README.md").write_text(render_card(card), encoding="utf-8")
    return card


def _card(model, name, storage, about) -> Card:
    low, high = model.likelihood.low, model.likelihood.high
    return Card(
        {
            "name": name,
            "class": type(model).__name__,
            "family": _family(model),
            "description": None,
            "paper": None,
            "data": None,
            "licence": model.licence,
            **({"based_on": model.based_on} if model.based_on else {}),
            "input": {
                "shape": list(model.image_shape),
                "range": "any" if low is None else f"[{low:g}, {high:g}]",
            },
            "latent_dim": model.latent_dim,
            "num_classes": model.num_classes,
            "recipe": None,
            "storage": storage,
            "versions": {"autoencoder-zoo": zoo.__version__, "keras": keras.__version__},
            "parameters": model.count_params(),
            "figures": [],
            **about,
        }
    )


def _family(model) -> str:
    """Return the name of the file, or of the folder in `zoo.models`, that defines the class."""
    module = type(model).__module__
    _, _, inside = module.partition("zoo.models.")
    return inside.partition(".")[0] or module.rpartition(".")[2]


def _saved_config(model) -> dict:
    optimizer = model.optimizer if model.compiled else keras.optimizers.Adam()
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return {
        "class": type(model).__name__,
        "config": model.get_config(),
        "optimizer": keras.saving.serialize_keras_object(optimizer),
    }


def _write_weights(model, path: Path, storage: str):
    """Save the weights without the optimizer's state, which Keras stores beside them."""
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
            new.create_dataset(name, data=values, **packing).attrs.update(item.attrs)

        old.visititems(copy)


def _rounded_to_five_bits(values: np.ndarray) -> np.ndarray:
    """Round float16 to 4 of its 10 bits of mantissa, which with the leading one makes 5.

    What is left of the lower byte is much the same everywhere and packs well.
    """
    bits = values.view(np.uint16)
    return ((bits + np.uint16(1 << 5)) & np.uint16(0xFFC0)).view(np.float16)


def _to_json(content) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _read_config(path: Path) -> dict:
    content = read_object(path)
    if not isinstance(content.get("config"), dict):
        raise ValueError(f"{path} holds no class and config of a model.")
    return content


def update_card(folder: Path, figures: list[dict]):
    """Write measured figures into a preset's card, and its README from the card."""
    card = read_card(folder)
    card["figures"] = figures
    write_file(folder / CARD, _to_json(card))
    write_file(folder / "README.md", render_card(card))
