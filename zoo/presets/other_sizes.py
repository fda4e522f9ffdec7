"""Change the number of classes, code length or image shape of a model; keep weights that fit."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from zoo.backend.optimizer_group import clone_optimizer
from zoo.checks.constructors import arguments_of
from zoo.training.settings import unknown

SIZES = ("num_classes", "latent_dim", "input_shape")  # changed in this order
_MOST_NAMED = 6  # weights in a message


@dataclass(frozen=True)
class Kept:
    """Which weights of a model were copied from another one.

    Attributes:
        masks: for each weight by name, such as "encoder/dense_0/kernel", a boolean array of its
            shape that is true where its values come from the other model.
    """

    masks: dict[str, np.ndarray]

    @property
    def whole(self) -> list[str]:
        """The names of the weights that are kept unchanged."""
        return [name for name, mask in self.masks.items() if mask.all()]

    @property
    def partly(self) -> list[str]:
        """The names of the weights that keep some of their values."""
        return [name for name, mask in self.masks.items() if mask.any() and not mask.all()]

    @property
    def new(self) -> list[str]:
        """The names of the weights that are new."""
        return [name for name, mask in self.masks.items() if not mask.any()]

    def __str__(self) -> str:
        """Return one line that says what is kept and what is new."""
        kept = sum(int(mask.sum()) for mask in self.masks.values())
        every = sum(mask.size for mask in self.masks.values())
        said = [f"{kept:,} of {every:,} weights are kept, {len(self.whole)} arrays whole"]
        said += [f"in part {_listed(self.partly)}"] if self.partly else []
        said += [f"new are {_listed(self.new)}"] if self.new else []
        return "; ".join(said)


def _listed(names) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def with_other_sizes(model: Any, *, prior: Any = None, **sizes) -> Any:
    """Return a loaded model with other sizes, compiled as before; a warning says what is new."""
    made, kept = resized(model, prior=prior, **sizes)
    if made is model:
        return model
    made.compile(clone_optimizer(model.optimizer))
    made.licence, made.licence_is_the_presets = model.licence, model.licence_is_the_presets
    made.based_on, made.has_new_weights = model.based_on, True
    warnings.warn(
        f"{type(model).__name__} with {_in_words(sizes)}: {kept}. Train it before you use it.",
        stacklevel=3,
    )
    return made


def resized(model: Any, *, prior: Any = None, **sizes) -> tuple[Any, Kept]:
    """Return a model with other sizes that keeps every weight of a given model that fits.

    An array of the same shape is kept whole. If a layer takes or returns codes or labels, the rows
    and columns for other features are kept, and those for codes as far as both models have them.
    With another number of classes all labels are new: a layer that takes labels gets random rows
    with the mean and deviation of the trained rows in each column. In a `VAE` whose decoder takes
    labels, codes then start without information, q(z | x) = N(0, 1), so that the decoder first
    learns the labels: otherwise it would continue to read from the code what the label now says.
    All other new weights are initialized as in a new model. The state of training, such as the
    number of steps, starts again.

    Args:
        model: a model whose networks come from settings, and are not a user's own.
        prior: a new prior, if the model's prior does not fit the new sizes.
        sizes: some of `num_classes`, `latent_dim` and `input_shape`.

    Returns:
        the new model, not compiled, with the other settings of the given one; and what was kept.

    Raises:
        TypeError: the class does not take the setting.
        ValueError: the networks are a user's own, or a size does not fit other settings.
    """
    cls = type(model)
    if wrong := [name for name in sizes if name not in arguments_of(cls)]:
        raise unknown(cls, wrong)
    if model.custom_networks:
        raise ValueError(
            f"This {cls.__name__} has networks of your own, whose sizes are fixed: build them for "
            f"{_in_words(sizes)}, and give them the weights that fit."
        )
    masks = {name: np.ones(tuple(values.shape), bool) for name, values in _weights(model).items()}
    for name in SIZES:
        if name in sizes and _plain(model.setting(name)) != _plain(sizes[name]):
            made = _made_with(model, name, sizes[name], prior)
            masks = _copy_what_fits(model, made, name, masks)
            model = made
    return model, Kept(masks)


def settings_of(other: Any, model_class: type) -> dict:
    """Return a model's settings as in a recipe for a class, to start training from its weights.

    Settings that the data determine are left out, and a prior object, as its size is fixed.
    """
    left_out = {"input_shape", "num_classes", "name", "seed", "dtype", "lower"}
    config = {k: v for k, v in other.get_config().items() if k not in left_out and v is not None}
    if isinstance(config.get("prior"), dict):
        del config["prior"]
    takes = arguments_of(model_class)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in config.items() if k in takes}


def start_from(model: Any, other: Any) -> Kept:
    """Copy the weights of another model that fit, by name and shape, into a new model.

    Args:
        model: a new model; its class and its settings may differ from the other's.
        other: a trained model.

    Raises:
        ValueError: no weight fits.
    """
    sizes = {
        name: model.setting(name)
        for name in ("num_classes", "latent_dim")
        if all(name in arguments_of(type(one)) for one in (model, other))
        and model.setting(name) is not None
    }
    changed = {n: size for n, size in sizes.items() if _plain(other.setting(n)) != _plain(size)}
    components = getattr(model.prior, "num_classes", None)  # one component for each class
    other, kept = resized(other, prior=model.prior if components else None, **changed)
    found, masks = _weights(other), {}
    for name, variable in _weights(model).items():
        fits = name in found and tuple(found[name].shape) == tuple(variable.shape)
        masks[name] = kept.masks[name] if fits else np.zeros(tuple(variable.shape), bool)
        if fits:
            variable.assign(found[name])
    if not any(mask.any() for mask in masks.values()):
        raise ValueError(
            f"No weight of this {type(other).__name__} fits a {type(model).__name__} with these "
            "settings: train with the class and the widths of networks of the model that you "
            "start from."
        )
    return Kept(masks)


def _in_words(sizes) -> str:
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


def _plain(size) -> Any:
    return tuple(size) if isinstance(size, list | tuple) else size


def _weights(model) -> dict:
    """Return the weights of a model by name, without the state of its training."""
    owners = {
        id(weight): name
        for name in reversed(model.network_names)
        for weight in getattr(model, name).weights
    }
    found: dict[str, Any] = {}
    for weight in model.weights:
        if id(weight) not in model.state_of_training:
            owner = owners.get(id(weight))
            name = f"{owner}/{weight.path}" if owner else weight.path
            found[name if name not in found else f"{name} ({len(found)})"] = weight
    return found


def _made_with(model, name, value, prior):
    """Return a new model with one size changed, and its priors changed accordingly."""
    cls, config = type(model), model.get_config()
    config[name] = value
    for key in ("prior", "prior_of_noise"):
        inside = config[key].get("config", {}) if isinstance(config.get(key), dict) else {}
        if name in inside:
            equal = {"probabilities": None} if "probabilities" in inside else {}
            changed = {**inside, name: value, **equal}
            config[key] = {**config[key], "config": changed}
    if prior is not None:
        config["prior"] = prior
    try:
        return cls.from_config(config)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"A {cls.__name__} with the other settings of this one cannot have {name}={value!r}: "
            f"{error}"
        ) from error


def _copy_what_fits(old, new, changed, masks) -> dict:
    """Copy weights between two models that differ in one size; return the new masks of kept values.

    Args: `changed` is the name of the size; `masks` mark the values that the old model kept.
    """
    pairs = zip(_weights(old).items(), _weights(new).items(), strict=True)
    # Codes of a decoder that takes labels must first forget what the new labels will say.
    unsaid = changed == "num_classes" and "z" in old.label_inputs
    kept, generator = {}, np.random.default_rng(new.seed or 0)
    for (name, source), (new_name, target) in pairs:
        values, mask = np.array(ops.convert_to_numpy(target)), np.zeros(tuple(target.shape), bool)
        if unsaid and name.split("/")[:2] in (["encoder", "z_mean"], ["encoder", "z_log_var"]):
            target.assign(0 * values)
            kept[new_name] = mask
            continue
        source = np.array(ops.convert_to_numpy(source))
        if changed == "num_classes" and source.ndim > 1 and len(source) != len(values):
            start = _before_labels(old, name, len(source) - old.num_classes)
            rows = source[start : start + old.num_classes]
            noise = generator.normal(size=(new.num_classes, *rows.shape[1:]))
            values[start : start + new.num_classes] = rows.mean(0) + rows.std(0) * noise
        runs = [
            [(0, 0, a)] if a == b else _runs(changed, name, old, new, a, b)
            for a, b in zip(source.shape, values.shape, strict=True)
        ]
        for places in itertools.product(*runs):
            here = tuple(slice(start, start + length) for start, _, length in places)
            there = tuple(slice(start, start + length) for _, start, length in places)
            values[there], mask[there] = source[here], masks[name][here]
        target.assign(values)
        kept[new_name] = mask
    return kept


def _runs(changed, name, old, new, a, b) -> list[tuple[int, int, int]]:
    """Return which positions of an axis correspond, as (start of old, start of new, length).

    The axis of a concatenated input holds a code, then a one-hot label; or features, then a label
    or noise; see `label_before_code` for the exception. The axis of an output holds one of them.

    Args: `a` and `b` are the lengths of the axis in both models, which differ.
    """
    if changed == "input_shape":
        return []
    codes = changed == "latent_dim"
    sizes = (old.latent_dim, new.latent_dim) if codes else (old.num_classes, new.num_classes)
    rest = a - sizes[0]
    if rest < 0 or rest != b - sizes[1]:
        return []
    if codes:
        before = rest if _label_first(old, name) or name.startswith("encoder/") else 0
    else:
        before = _before_labels(old, name, rest)
    runs = [(0, 0, before), (before + sizes[0], before + sizes[1], rest - before)]
    if codes:
        runs.append((before, before, min(sizes)))
    return [run for run in runs if run[2]]


def _label_first(model, name) -> bool:
    """Return whether a one-hot label comes before a code in the input of a layer."""
    return model.label_before_code and not name.startswith("discriminator/")


def _before_labels(model, name, rest) -> int:
    """Return how many of the `rest` of a layer's inputs come before a one-hot label."""
    if _label_first(model, name):
        return 0
    shown = getattr(model, "discriminator_classes", 0) if name.startswith("discriminator/") else 0
    return rest - max(0, shown - model.num_classes)  # the last label means "unlabeled"
