"""Recipes for a user's images, with settings that suit them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from keras.saving import serialize_keras_object

from zoo import recipes
from zoo.checks.constructors import arguments_of
from zoo.checks.data import few_rows
from zoo.checks.words import kind_of_items
from zoo.data.own import OwnData, in_drawn_order, read, with_labels
from zoo.data.tables import columns_likelihood, is_frame, is_table
from zoo.models import CLASSES
from zoo.nn.distributions import GaussianColumns, MixedColumns, ModalColumns, likelihood_names
from zoo.nn.distributions.likelihood_names import COUNTS
from zoo.nn.proportions import suited_filters, suited_hidden_units, suited_latent_dim
from zoo.recipes import Recipe
from zoo.recipes.data_note import labels_in_a_file
from zoo.recipes.length import fitted

MODAL, MOST_MODES = "modal", 10  # `likelihood="modal"`, for tables
TITLE, TABLE = "the user's own images", "the user's own table"
_LEAST_OF_PHOTOGRAPHS = 32  # pixels a side
_MOST_CLASSES = 1000  # if most of them have no image
_MANY = 10_000  # images; with so many, batches are larger
_STEPS = 3000  # training steps of a class on few images


def learns_labels_of_data(model_class: type) -> bool:
    """Return whether a class learns from labels in the data, even if only some images have them."""
    learns = model_class.learns_labels or model_class.semi_supervised
    return learns and not model_class.makes_labels


def recipe_of_class(
    model_class: type, shape: tuple[int, ...], n: int, settings: dict | None = None
) -> Recipe:
    """Return an initial recipe for a class on images of this shape.

    Convolutions halve the images until 5 to 8 pixels a side are left; photographs in color, of 32
    pixels a side or more, get residual networks. If the settings have `network`, the class chooses
    the widths of its layers. The optimizer is that of the shipped recipe of the class.

    Args:
        model_class: a class of the zoo, or a subclass.
        shape: (height, width, channels), or (features,).
        n: the number of images.
        settings: settings of the model, which override the suggested ones.

    Example:
        >>> from zoo.recipes.own_data import recipe_of_class
        >>> recipe_of_class(zoo.VAE, (64, 64, 1), 500, {"beta": 2.0}).model
        {'input_shape': [64, 64, 1], 'latent_dim': 64, 'filters': [32, 64, 128],
         'hidden_units': [], 'beta': 2.0}
        >>> recipe_of_class(zoo.VAE, (64, 64, 3), 500).model
        {'input_shape': [64, 64, 3], 'latent_dim': 64, 'network': 'resnet'}
    """
    settings = dict(settings or {})
    takes, name = arguments_of(model_class), model_class.__name__
    for setting, what_to_do in model_class.settings_to_choose.items():
        if setting not in settings:
            raise ValueError(f"{name} {what_to_do}")
    photographs = len(shape) == 3 and shape[-1] == 3 and min(shape[:2]) >= _LEAST_OF_PHOTOGRAPHS
    if photographs and "network" in takes and not {"network", "filters"} & settings.keys():
        settings["network"] = "resnet"
    model: dict[str, Any] = {"input_shape": list(shape)}
    if "latent_dim" in takes:
        model["latent_dim"] = suited_latent_dim(shape)
    filters = settings.get("filters", suited_filters(shape)) if "filters" in takes else ()
    described = "network" in settings  # the network has suitable widths by default
    if "filters" in takes and not model_class.learns_pairs and not described:
        model["filters"] = list(filters)
    if "hidden_units" in takes and not described:
        others = bool(model_class.updates) or model_class.semi_supervised or model_class.conditional
        units = ([256, 128] if others else []) if filters else suited_hidden_units(shape)
        model["hidden_units"] = list(units)
    if "num_classes" in takes:
        model["num_classes"] = 10
    model |= model_class.suited_settings
    shipped, epochs = _shipped(model_class), 20
    return Recipe(
        name=name.lower(),
        description=f"A {name} on {TITLE}.",
        paper=shipped.paper if shipped else "not stated",
        data="",
        class_name=name,
        epochs=epochs,
        steps_per_epoch=_STEPS // epochs,
        model={**model, **settings},
        optimizer=dict(shipped.optimizer) if shipped else {"learning_rate": 1e-3},
        batch_size=128 if n >= _MANY else 32,
        keep=_keep(model_class, settings),
    )


def _keep(model_class, settings) -> str:
    """Return "best" if the lowest val_loss marks the best epoch, else "last".

    It does not mark the best epoch for adversarial losses, for the contrast of an RBM, for phases
    with separate losses, or if the weight of the KL divergence rises; nor for conditional models,
    whose images drawn by label still improve when the loss on new images rises again.
    """
    contrast = issubclass(model_class, CLASSES["RBM"])
    phases = model_class.updates or model_class.semi_supervised or model_class.conditional
    scheduled = isinstance(settings.get("beta"), dict)
    return "last" if phases or contrast or scheduled else "best"


def _shipped(model_class) -> Recipe | None:
    """Return the shipped recipe of a class or its nearest base; MNIST and short names first."""
    all_recipes = [recipes.get(name) for name in recipes.names()]
    for base in model_class.__mro__:
        if found := [recipe for recipe in all_recipes if recipe.class_name == base.__name__]:
            return min(found, key=lambda recipe: (recipe.data != "mnist", len(recipe.name)))
    return None


def suited(recipe: Recipe, x: Any, model_class: type) -> tuple[Recipe, list[str]]:
    """Return a recipe with settings that suit images, and descriptions of what was changed.

    Photographs have no binary pixels: `binarize` is left out, and pixels are Gaussian with a
    calibrated spread, unless the recipe has another likelihood.

    Args:
        x: images [n, ...] in [0, 1]; vectors change nothing.
        model_class: the class of the recipe.
    """
    vectors = len(x.shape) != 4 or len(recipe.model.get("input_shape", ())) == 1
    if vectors or model_class.learns_pairs:
        return recipe, []
    some, model, said = few_rows(x)[0], dict(recipe.model), []
    if _are_drawings(some):
        return recipe, []
    what = "photographs" if x.shape[-1] == 3 else "gray photographs"
    if model.pop("binarize", None):
        said.append(f"binarize is left out, because these are {what}")
    takes = arguments_of(model_class)
    if "likelihood" not in model and "likelihood" in takes and model_class.learns_variance:
        model["likelihood"] = "gaussian"
        said.append(f'likelihood is "gaussian", because these are {what}')
    return replace(recipe, model=model), said


def _are_drawings(some) -> bool:
    """Return whether most values of images are nearly 0 or 1."""
    return bool(np.mean((some < 0.1) | (some > 0.9)) > 0.6)


def adapted(
    recipe: Recipe,
    images: Any,
    labels: Any,
    name: str,
    model_class: type | None = None,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
) -> tuple[Recipe, OwnData, list[str]]:
    """Adapt a recipe to a user's images; return it, and these images.

    Args:
        recipe: a shipped recipe, or one from `recipe_of_class`.
        images: an array, the path of a folder or file, or an `OwnData`.
        labels: integers [n], the path of an .npy file, or None.
        name: the name of the new preset.
        model_class: the class of the recipe, if it is not a class of the zoo.
        epochs, batch_size: the user's choices; None chooses suitable ones.

    Returns:
        the recipe, the images as an `OwnData` in the order that the recipe's seed draws, and lines
        that describe the changes.

    Raises:
        ValueError: images and labels that do not fit each other or the recipe.
    """
    if "lower" in recipe.model:
        raise ValueError(
            f"The recipe {recipe.name} learns the codes of {recipe.model['lower']}, which belong "
            "to its data set; train a recipe without lower= on your images."
        )
    model_class = model_class or CLASSES[recipe.class_name]
    learns_labels = learns_labels_of_data(model_class)
    own = images
    if isinstance(images, str | os.PathLike):
        options = {"learns_labels": learns_labels, "drop": recipe.drop}
        if is_table(images):
            signs = {"delimiter": recipe.delimiter, "decimal": recipe.decimal}
            signs["missing"] = recipe.missing
            options, labels = {**options, **signs, "labels": labels}, None
        signals = recipe.model.get("network") == "conv1d" or model_class.takes_signals
        own = read(images, **_shape_asked(recipe, images), **options, signals=signals)
    elif is_frame(images):
        own, labels = read(images, labels=labels, drop=recipe.drop), None
    elif not isinstance(images, OwnData):
        own = OwnData(images)
    own = own if labels is None else with_labels(own, labels)
    _check(recipe, own, learns_labels, model_class.learns_pairs)
    x, y = in_drawn_order(own, recipe.seed)
    recipe, said = suited(recipe, x, model_class)
    model = {**recipe.model, "input_shape": list(x.shape[1:])}
    if y is not None and model_class.learns_pairs:
        model[model_class.shape_of_pairs] = list(np.shape(y)[1:])
    elif y is not None and np.ndim(y) > 1 and "label_shape" in arguments_of(model_class):
        model |= _label_arrays(model, y)
    elif y is not None:
        model["num_classes"] = max(_classes_of(y), len(own.class_names))
        if set(model.get("prior") or ()) == {"petals"}:
            model["prior"] = {"petals": {"num_classes": model["num_classes"]}}
    validation = max(1, min(recipe.validation, len(x) // 6))
    if own.columns:
        model["likelihood"] = _likelihood_of_columns(recipe, x[: len(x) - validation], own)
    kind = kind_of_items(x.shape[1:])
    recipe, length = fitted(
        recipe, len(x) - validation, f"training {kind}", epochs=epochs, batch_size=batch_size
    )
    said = [f"settings that suit the {kind}: {'; '.join(said)}"] if said else []
    about = f"{recipe.class_name} on {TABLE if own.columns else TITLE}"
    recipe = replace(
        recipe,
        name=name,
        description=f"{about}, by the recipe {recipe.name}." if recipe.data else f"{about}.",
        data="",  # a card is for everybody, so it has no path
        label_file="" if labels_in_a_file(own) else own.label_file,
        drop=list(own.drop),
        delimiter=own.delimiter,
        decimal=own.decimal,
        missing=own.missing,
        labels=0,
        validation=validation,
        model=model,
    )
    return recipe, replace(own, x=x, y=y), [*said, *([length] if length else [])]


def _classes_of(y) -> int:
    """Return the number of classes of labels, which count classes from 0."""
    there = np.unique(y)
    if there[-1] >= max(_MOST_CLASSES, 100 * len(there)):
        raise ValueError(
            f"The labels go up to {there[-1]}, but only {len(there)} different ones occur, and a "
            f"model has a class for each number from 0. Number the classes: y = np.unique(y, "
            "return_inverse=True)[1]; in a table, put a letter before each number."
        )
    return int(there[-1]) + 1


def _label_arrays(model: dict, y) -> dict:
    """Return the settings for labels that are arrays: images, or rows of word numbers."""
    words = np.asarray(y).dtype.kind in "iu"
    most = max(model.get("num_classes") or 0, int(np.max(y)) + 1) if words else None
    return {"label_shape": list(np.shape(y)[1:]), "num_classes": most}


def likelihood_of_counts(recipe: Recipe, x: np.ndarray, names: tuple[str, ...]) -> dict:
    """Return the settings of a recipe's likelihood of counts, adapted to training rows.

    Args:
        recipe: its likelihood is a name in `COUNTS`. x: counts [n, columns]. names: of the columns.
    """
    counts: Any = type(likelihood_names.get(recipe.model["likelihood"]))
    return serialize_keras_object(counts.adapted(x, names))


def _likelihood_of_columns(recipe, x, own) -> dict:
    """Return the settings of the likelihood of a table, adapted to its training rows."""
    asked = recipe.model.get("likelihood", "gaussian")
    if asked in COUNTS and not own.categories:
        return likelihood_of_counts(recipe, x, own.columns)
    known = {c.__name__ for c in (GaussianColumns, MixedColumns, ModalColumns)}
    name = asked.get("class_name") if isinstance(asked, dict) else asked
    if asked not in ("gaussian", MODAL) and name not in known:
        raise ValueError(
            f"likelihood={asked!r} is not for tables, whose columns are normal in the units of the "
            f"table: leave it out, or use {MODAL!r} for columns with several modes, or one of "
            f"{', '.join(COUNTS)} for counts. Or standardize the columns yourself, and give them "
            "as an .npy file."
        )
    modes = MOST_MODES if name in (MODAL, ModalColumns.__name__) else None
    found = columns_likelihood(x, own, missing=own.missing or "refuse", modes=modes)
    return serialize_keras_object(found)


def _shape_asked(recipe, path) -> dict:
    """Return size and channels for the images of a folder, as in the recipe."""
    shape = recipe.model.get("input_shape", ())
    if not Path(path).is_dir() or len(shape) != 3 or shape[2] not in (1, 3):
        return {}
    return {"size": tuple(shape[:2]), "channels": shape[2]}


def _check(recipe, own, learns_labels, pairs):
    if pairs and np.ndim(own.y) != 4:
        raise ValueError(
            f"The recipe {recipe.name} learns from pairs of images: give an .npz file with x and "
            "y, both [n, height, width, channels]."
        )
    if own.y is not None and not learns_labels:
        raise ValueError(f"The recipe {recipe.name} learns from images only: leave out labels.")
    if own.y is None and learns_labels:
        raise ValueError(
            f"The recipe {recipe.name} learns from labels: give the labels of the images, integers "
            f"from 0{', -1 where unknown' if recipe.labels else ''}; or a folder with a folder for "
            "each class."
        )
    if own.y is not None and len(own.y) != len(own.x):
        kind = kind_of_items(np.shape(own.x)[1:])
        raise ValueError(f"There are {len(own.y)} labels for {len(own.x)} {kind}.")
    if own.columns and len(own.x) < 3:
        raise ValueError(
            f"{len(own.x)} rows are not enough: one is kept for validation, and a mean and a "
            "deviation need two."
        )
    if len(own.x) < 2:
        kind = kind_of_items(np.shape(own.x)[1:])
        raise ValueError(f"{len(own.x)} {kind[:-1]} is not enough: one is kept for validation.")
