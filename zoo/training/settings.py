"""The settings of models: signatures that `help` and editors show, and checks of the arguments.

The constructor of a class names only its own settings and passes the others on as keywords. This
module collects all of its settings from the constructors of its base classes.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import random
import re
from collections.abc import Iterator
from inspect import Parameter
from typing import Any

import keras

from zoo.backend import backend
from zoo.checks.arguments import whole
from zoo.checks.names import suggestion
from zoo.nn.configured import Configured
from zoo.training.handed_in import check_trained
from zoo.training.loss_weight import LossWeight
from zoo.training.old_names import OLD_NAMES

KERAS_OWN = ("name", "dtype")  # what Keras does with these is its own matter
SHAPES = ("image_shape", "code_shape")  # the attributes that the shapes in a configuration are from


def prepare(cls: type, last: Any) -> None:
    """Give a class its signature, and a constructor that checks settings and seeds weights.

    Sets `cls.fixed_settings`, the attributes of which a finished model changes only weights of the
    loss; `cls.__signature__`, which `inspect`, `help` and editors read; `cls.__doc__`, with the
    settings of its base classes added; and `cls.refused`: the settings of its base classes that it
    does not take, see `BaseAutoencoder.takes_no`.

    Args:
        cls: a class of models.
        last: the base class whose constructor passes no keywords on.
    """
    cls.__signature__, cls.refused = _collected(cls, last)
    cls.fixed_settings = {*cls.__signature__.parameters, *SHAPES} - {*KERAS_OWN}
    if "Args:\n" in (vars(cls).get("__doc__") or ""):
        cls.__doc__ = _with_all_settings(cls)
    if not hasattr(cls.__init__, "unchecked"):
        cls.__init__ = _checking(cls, cls.__init__)
    if "__init__" in vars(cls):
        me = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
        parameters = [me, *cls.__signature__.parameters.values()]
        cls.__init__.__signature__ = inspect.Signature(parameters)


def _collected(cls, last):
    """Return the settings of a class and its base classes as a signature, and the refused ones."""
    found, refused, positional = {}, {}, True
    for base in cls.__mro__:
        init = getattr(vars(base).get("__init__"), "unchecked", vars(base).get("__init__"))
        inherited = base is not last and init is last.__init__  # only wrapped, by `prepare`
        if init and not inherited:
            own = inspect.signature(init).parameters.values()
            kinds = {parameter.kind for parameter in own}
            for parameter in list(own)[1:]:
                needless = base is last and parameter.name == "num_classes" and not cls.conditional
                passed = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
                if needless or passed or parameter.name in {**refused, **found}:
                    continue
                kind = parameter.kind if positional else Parameter.KEYWORD_ONLY
                found[parameter.name] = parameter.replace(kind=kind)
            if base is last or Parameter.VAR_KEYWORD not in kinds:
                break
            positional = positional and Parameter.VAR_POSITIONAL in kinds
        refused = {**vars(base).get("takes_no", {}), **refused}
    in_order = sorted(found.values(), key=lambda parameter: parameter.kind)
    refused = {name: refusal for name, refusal in refused.items() if name not in found}
    return inspect.Signature(in_order), refused


def _with_all_settings(cls) -> str:
    """Return a docstring of all settings; base classes describe those that they define."""
    text = inspect.cleandoc(vars(cls)["__doc__"])
    before, _, rest = text.partition("Args:\n")
    own, _, after = rest.partition("\n\n")
    described = _described(own)
    told = {name for names in described for name in names}
    for base in cls.__mro__[1:]:
        block = inspect.cleandoc(vars(base).get("__doc__") or "").partition("Args:\n")[2]
        for names, words in _described(block.partition("\n\n")[0]).items():
            names = tuple(n for n in names if n in cls.__signature__.parameters and n not in told)
            if names:
                described[names] = words
                told |= {*names}
    others = re.sub(r"^ see `[\w.]+`[.;:]?", "", described.pop(("Others",), ""))
    if others.strip():
        described[("Others",)] = others
    lines = (f"    {', '.join(names)}:{words}" for names, words in described.items())
    return f"{before}Args:\n" + "\n".join(lines) + (f"\n\n{after}" if after else "")


def _described(block: str) -> dict:
    """Return the descriptions in a block of arguments, by the names of the arguments."""
    parts = re.split(r"^ {4}(\w+(?:, \w+)*):", block, flags=re.MULTILINE)[1:]
    texts = (words.rstrip("\n") for words in parts[1::2])
    return {tuple(names.split(", ")): words for names, words in zip(parts[::2], texts, strict=True)}


def _checking(cls, init):
    @functools.wraps(init)
    def checked(self, *args, **kwargs):
        called_first = type(self).__init__ is checked  # not called by a subclass
        kwargs = accepted(type(self) if called_first else cls, kwargs)
        seed = None if "_is_seeded" in vars(self) else kwargs.get("seed")
        if seed is not None:
            vars(self)["_is_seeded"] = True
        with initial_weights(seed):
            init(self, *args, **kwargs)
        if called_first:
            check_trained(self)
            vars(self)["_is_made"] = True

    checked.unchecked = init
    return checked


def accepted(cls: type, settings: dict) -> dict:
    """Return settings without those that a class does not take, if their values change nothing.

    Raises:
        ValueError: the value of such a setting would change something.
    """
    for name, value in settings.items():
        neutral, why = cls.refused.get(name, (value, ""))
        plain = value is None or isinstance(value, bool | int | float | str | tuple | list | dict)
        if value is not neutral and not (plain and (value == neutral or not (value or neutral))):
            raise ValueError(f"{name}= is not taken by {cls.__name__}: {why}.")
    return {name: value for name, value in settings.items() if name not in cls.refused}


def changed(model: Any, name: str, value: Any) -> Any:
    """Return the value that a setting of a finished model gets, if it can be changed.

    Raises:
        AttributeError: a setting that cannot be changed.
        TypeError, ValueError: a number that is not in its range, for the weight of a loss.
    """
    now = getattr(model, name, None)
    if isinstance(now, LossWeight):
        backend.before_assignment(model)
        return now.changed_to(value)
    if isinstance(now, tuple) and any(isinstance(weight, LossWeight) for weight in now):
        if not isinstance(value, list | tuple) or len(value) != len(now):
            raise ValueError(f"{name} is {value!r}; give {len(now)} numbers, as before.")
        backend.before_assignment(model)
        return tuple(weight.changed_to(new) for weight, new in zip(now, value, strict=True))
    if value is now:
        return value
    numbers = [key for key, weight in vars(model).items() if isinstance(weight, LossWeight)]
    more = f" Only weights of the loss can be changed: {', '.join(numbers)}." if numbers else ""
    raise AttributeError(
        f"{name} of a {type(model).__name__} cannot be changed, as it was used to make the model. "
        f"Make a new model, zoo.{type(model).__name__}(..., {name}=...).{more}"
    )


OLD_HOOKS = {
    "loss_terms": "losses(batch, training), which returns zoo.training.trainer.Losses",
    "terms": "metric_names",
    "heads": "encoder_outputs",
    "advance": "after_step(batch, metrics)",
    "own_callbacks": "monitors, a tuple of callback classes",
    "before_fit": "before_training(data)",
    "labels_seen": "discriminator_classes",
    "code_of": "code_from_noise",
}


def refuse_old_hooks(cls: type) -> None:
    """Refuse a class that overrides a method or attribute which is no longer used.

    Raises:
        TypeError: with the new name.
    """
    for name, now in OLD_HOOKS.items():
        if name in vars(cls):
            raise TypeError(f"{cls.__name__} defines {name}, which is no longer used: use {now}.")
    if "further_losses" in vars(cls) and not cls.takes_further_losses:
        raise TypeError(
            f"{cls.__name__} defines further_losses, but the loss of {cls.__base__.__name__} does "
            "not have these terms: override losses, or the method of an update."
        )
    if callable(vars(cls).get("updates")):
        raise TypeError(
            f"{cls.__name__}.updates is a method. It must be a dict of the attributes that hold "
            'the networks of each update, such as {"generator": ("encoder",)}.'
        )


def unknown(cls: type, names: Any) -> TypeError:
    """Return the error for unknown settings of a class, with the nearest known names."""
    known = list(cls.__signature__.parameters)
    now = {old: new for old, new in OLD_NAMES.items() if new in known}
    wrong = " and ".join(
        f"{name}=, which is called {now[name]}= now"
        if name in now
        else f"{name}={suggestion(name, known)}"
        for name in names
    )
    stop = "" if wrong.endswith("?") else "."
    return TypeError(f"{cls.__name__} takes no {wrong}{stop} It takes {', '.join(known)}.")


@contextlib.contextmanager
def initial_weights(seed: int | None) -> Iterator[None]:
    """Use a seed for the weights of all layers that are made inside; None changes nothing.

    Initializers without a seed take one from Python's random generator, which
    `keras.utils.set_random_seed` sets as well. Its state is restored at the end.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(whole("seed", seed))
    try:
        yield
    finally:
        random.setstate(state)


def plain(value: Any) -> Any:
    """Return a setting in a form for JSON: objects and functions are serialized by Keras."""
    if isinstance(value, LossWeight):
        return float(value)
    if isinstance(value, tuple):
        return tuple(plain(part) if isinstance(part, LossWeight) else part for part in value)
    if isinstance(value, keras.Layer | Configured) or hasattr(value, "get_config"):
        return keras.saving.serialize_keras_object(value)
    return keras.saving.serialize_keras_object(value) if callable(value) else value


def deserialize(config: dict, custom_objects: dict | None = None) -> dict:
    """Return a configuration with its serialized objects turned back into objects."""
    return {
        key: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
        if isinstance(value, dict) and "class_name" in value
        else value
        for key, value in config.items()
    }
