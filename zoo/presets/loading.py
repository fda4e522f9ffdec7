"""Load presets and `.keras` files; every file is checked before it is used."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from zoo.backend.optimizer_group import normalize_config
from zoo.checks.own_classes import OwnClassError
from zoo.data.table_columns import Columns
from zoo.files.addresses import public_address, public_source
from zoo.nn.saved_configs import SAVED, as_saved
from zoo.presets import archives, hub, urls
from zoo.presets.card import CONFIG, WEIGHTS, read_card
from zoo.presets.card import verified_file as verified
from zoo.presets.catalog import list_models, preset_folder
from zoo.presets.model_sizes import no_larger_than
from zoo.presets.other_sizes import with_other_sizes
from zoo.presets.safety import check_objects
from zoo.presets.weight_files import (
    check_weights,
    load_all_weights,
    stored,
    without_attributes,
)
from zoo.runtime.json_file import read_object, shortened
from zoo.training.monitors import check_finite
from zoo.training.registry import CLASSES

if TYPE_CHECKING:
    from zoo.models.autoencoder import BaseAutoencoder
    from zoo.models.generator import BaseGenerator
    from zoo.models.translator import BaseTranslator


def load(
    name: str | os.PathLike,
    *,
    sha256: str | None = None,
    custom_objects: dict | None = None,
    dtype: Any = None,
    num_classes: int | None = None,
    latent_dim: int | None = None,
    input_shape: tuple[int, ...] | None = None,
    prior: Any = None,
) -> BaseAutoencoder | BaseGenerator | BaseTranslator:
    """Load a model from a preset or a `.keras` file, with its weights, and compile it.

    Only classes of the zoo, of Keras and from `custom_objects` are created. Every file of a preset
    is checked against the card before it is parsed.

    Args:
        name: a name from `zoo.list_models()`; a folder from `zoo.save`; the path of a file from
            `model.save("m.keras")`, which also has the optimizer's state; a repository on the
            Hugging Face hub, "hf://user/name" or "hf://user/name@revision", with a branch, a tag
            or a commit; or the address of a .keras file or of a preset's folder as a .zip file,
            "https://host/name.keras".
        sha256: the SHA-256 of the file at an https:// address; such a file is not loaded without
            it.
        custom_objects: your own classes and functions that the model uses, by name:
            {"Scale": Scale}.
        dtype: a Keras dtype policy to use instead of the saved one, such as "mixed_bfloat16".
        num_classes, latent_dim, input_shape: other sizes than the saved ones, to train further on
            other data: every weight that fits is kept, see `zoo.presets.other_sizes.resized`, and
            a warning says which ones are new.
        prior: a new prior, if the model's prior does not fit the new sizes.

    Returns:
        a `keras.Model` of one of the zoo's classes. Its attribute `based_on` names its source; for
        a hub, with the commit.

    Raises:
        ValueError: there is no such preset (the error lists the most similar names); a file was
            altered; a class is neither the zoo's nor in `custom_objects`; or weights are NaN or
            infinite.
        FileNotFoundError: a file of the preset, or the `.keras` file, is missing.
        ConnectionError: the hub or the server cannot be reached, is too slow, or its answer cannot
            be used.
        PermissionError: your token may not read the repository on the hub.

    Examples:
        >>> model = zoo.load("vae_digits")
        >>> model.generate(4, seed=0).shape
        (4, 8, 8, 1)
    """
    model = _load(os.fspath(name), sha256, _by_both_names(custom_objects), dtype)
    given = {"num_classes": num_classes, "latent_dim": latent_dim, "input_shape": input_shape}
    sizes = {name: size for name, size in given.items() if size is not None}
    if prior is not None and not sizes:
        raise ValueError("prior= needs a new num_classes= or latent_dim=: give one of them.")
    return with_other_sizes(model, prior=prior, **sizes) if sizes else model


def _load(name, sha256, custom_objects, dtype):
    if SAVED.get() and name not in list_models():  # shipped presets are files of this package
        raise ValueError(
            f"zoo.load({shortened(name)}) was called while a model was being made from a file, "
            "which may have named it: nothing was opened. Load it first, and pass the model to the "
            "constructor."
        )
    if urls.is_url(name):
        model = _load_file(urls.fetched(name, sha256), custom_objects, dtype)
        model.based_on = f"{public_address(name)}#sha256={sha256.lower()}"
        return model
    if sha256 is not None:
        raise ValueError(f"sha256 is for https:// addresses, not for {name}: leave it out.")
    if name.endswith(".keras") and not os.path.isdir(name) and not hub.is_name(name):
        return _load_archive(Path(name), custom_objects, dtype)
    if not hub.is_name(name):
        return _load_folder(preset_folder(name), custom_objects, dtype)
    name = hub.pinned(name)
    model = _load_folder(hub.folder(name), custom_objects, dtype)
    model.based_on = name
    return model


def _load_file(path, custom_objects, dtype):
    """Load a downloaded file: a `.keras` file, or a preset's folder as a `.zip` file."""
    if path.suffix == ".keras":
        return _load_archive(path, custom_objects, dtype)
    with archives.unpacked_preset(path) as folder:
        return _load_folder(folder, custom_objects, dtype)


def _load_folder(folder, custom_objects, dtype):
    """Load a preset from its folder."""
    card = read_card(folder)
    config_path, weights_path = (verified(folder, card, file) for file in (CONFIG, WEIGHTS))
    saved = _read_config(config_path)
    check_objects(saved, custom_objects)
    model_class = _model_class(config_path, saved.get("class"), custom_objects)
    with keras.saving.custom_object_scope(custom_objects):
        with _describing(weights_path, f"the weights of a {saved['class']}"):
            held = stored(weights_path)
        with (
            _describing(config_path, f"a {saved['class']} and its optimizer"),
            no_larger_than(*held),
            as_saved(),
        ):
            model = model_class.from_config(_config(saved, dtype))
            optimizer = _optimizer(saved["optimizer"])
        with _describing(weights_path, f"the weights of this {saved['class']}"):
            check_weights(weights_path, model)
            with tempfile.TemporaryDirectory() as scratch:
                load_all_weights(model, without_attributes(weights_path, Path(scratch)))
            check_finite(model)
        with _describing(config_path, f"an optimizer of this {saved['class']}"):
            model.compile(optimizer=optimizer)
    _check_card(card, model, saved["class"], folder)
    model.licence, model.licence_is_the_presets = card.get("licence"), True
    model.label_names = _label_names(card)
    model.based_on = public_source(card.get("based_on") or card["name"])
    return model


def _label_names(card) -> tuple[str, ...] | None:
    """Return the names of the classes that a card states, or None."""
    names = card.get("classes")
    known = isinstance(names, list) and names and all(isinstance(name, str) for name in names)
    return tuple(names) if known else None


def _by_both_names(custom_objects: dict | None) -> dict:
    """Return objects by the given names, and by the names under which Keras registered them.

    A file writes "mine>Scale" for a class `Scale` that is registered in the package "mine".
    """
    given = dict(custom_objects or {})
    return {keras.saving.get_registered_name(value): value for value in given.values()} | given


def _load_archive(path, custom_objects, dtype):
    """Load a file from `keras.Model.save`, with the same checks as for a preset's config."""
    with archives.opened(path) as (archive, folder):
        saved = archive.config
        check_objects(saved, custom_objects)
        name = saved.get("class_name")
        model_class = _model_class(path, name, custom_objects)
        with keras.saving.custom_object_scope(custom_objects):
            weights = archive.unpack_weights(folder)
            with _describing(path, f"the weights of a {name}"):
                held = stored(weights)
            with (
                _describing(path, f"a {name} and its optimizer"),
                no_larger_than(*held),
                as_saved(),
            ):
                model = model_class.from_config(_config(saved, dtype))
                if saved.get("compile_config"):
                    model.compile_from_config(saved["compile_config"])
            with _describing(path, f"the weights of this {name}"):
                check_weights(weights, model)
                load_all_weights(model, without_attributes(weights, folder))
                check_finite(model)
        if not model.compiled:
            model.compile()
    return model


def _read_config(path: Path) -> dict:
    content = read_object(path)
    if not isinstance(content.get("config"), dict):
        raise ValueError(f"{path} holds no class and config of a model.")
    return content


def _model_class(path, name, custom_objects) -> type:
    if not CLASSES:
        raise ImportError("No class of the zoo is registered: use zoo.load, or import zoo.models.")
    known = CLASSES | custom_objects
    if str(name) not in known:
        raise OwnClassError(
            f"{path} names the class {shortened(name)}; the zoo has {', '.join(CLASSES)}.",
            str(name)[:100],
        )
    return known[name]


def _config(saved, dtype) -> dict:
    return saved["config"] if dtype is None else {**saved["config"], "dtype": dtype}


def _check_card(card, model, name, folder):
    """Refuse a card that does not describe the loaded model.

    Args: `name` is the class name in the configuration, even if a user's own class was renamed.
    """
    truth = {
        "class": name,
        "latent_dim": model.latent_dim,
        "parameters": model.count_params(),
    }
    wrong = {key: card[key] for key in truth if card[key] != truth[key]}
    columns = Columns.of(model.likelihood)
    if list(card.get("columns") or ()) != list(columns.names if columns else ()):
        wrong["columns"] = card.get("columns")
    if card.get("categories") not in (None, columns and columns.described()):
        wrong["categories"] = card["categories"]
    if list(card["input"]["shape"]) != list(model.image_shape):
        wrong["input"] = card["input"]
    if wrong:
        raise ValueError(
            f"The card of {folder} says {wrong}, but the model in it has {truth}, input "
            f"{model.image_shape}. {_why(model)}"
        )


def _why(model) -> str:
    if type(model) in CLASSES.values():
        return "The card was changed; get the preset again."
    return (
        f"Either the card was changed, or {type(model).__name__} makes another model now than when "
        "this one was saved: load it with the old code, and save it again."
    )


def _optimizer(saved):
    optimizer = keras.saving.deserialize_keras_object(normalize_config(saved))
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(f"the optimizer is {shortened(saved)}, which is not an optimizer")
    return optimizer


@contextlib.contextmanager
def _describing(path, what):
    """Add the name of the file to errors that libraries raise."""
    try:
        yield
    except OwnClassError as error:
        problem = f"{path} does not hold {what}: {error.problem}"
        raise OwnClassError(problem, error.name) from error
    except Exception as error:  # an untrusted file may cause any error
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} does not hold {what}: {said}") from error
