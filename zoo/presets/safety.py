"""Checks of untrusted presets: a configuration may not name anything that reads or writes files.

Keras makes any object that a configuration names, and calls exported functions with the arguments
in the file. So every name is checked first against a list of classes that only compute.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any

import h5py
import keras
from keras import layers

from zoo.json_file import shortened
from zoo.models import CLASSES

_SPARE = 2**20  # a model may have twice the number of stored weights, and this many more
_DENSEST = 1032  # the largest compression ratio of gzip
_FEW = 1024  # larger arrays must have the shape of a weight; smaller ones may be states of seeds
# Values that Keras writes as objects.
_VALUES = ("__tuple__", "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__")
# The public classes of these modules are allowed if they are subclasses of the given class.
_KINDS = {
    "keras.layers": layers.Layer,
    "keras.initializers": keras.Initializer,
    "keras.optimizers": keras.Optimizer,
    "keras.optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
    "keras.constraints": keras.constraints.Constraint,
    "keras.regularizers": keras.Regularizer,
}
# They run code or graphs from files, or read a vocabulary from a path.
_REFUSED_LAYERS = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    *("TextVectorization", "StringLookup", "IntegerLookup", "IndexLookup"),
}
_ACTIVATIONS = {
    name
    for name, found in vars(keras.activations).items()
    if isinstance(found, types.FunctionType) and name not in ("get", "serialize", "deserialize")
}
# The module of optimizers that were saved on PyTorch.
_OPTIMIZERS_OF_PYTORCH = "keras.src.backend.torch.optimizers."
_MODELS = {"Functional", "Sequential", "Model"}
_OTHERS = {"keras": {"DTypePolicy", "DTypePolicyMap"}, "keras.random": {"SeedGenerator"}}
# Operations of keras.ops in functional models. None takes a function; only `core` has such.
_OPERATIONS = {f"keras.src.ops.{name}" for name in ("numpy", "nn", "math", "linalg", "image")}
_CORE_OPERATIONS = {
    *("Scatter", "ScatterUpdate", "Slice", "SliceUpdate", "StopGradient", "Unstack"),
    *("Cast", "SaturateCast", "ConvertToTensor"),
}


def check_objects(saved: Any, custom_objects: dict) -> None:
    """Refuse a configuration with an object that is not allowed, before any object is made.

    Allowed are classes of the zoo; layers, activations, initializers, optimizers, schedules,
    constraints, regularizers and mathematical operations of Keras; and `custom_objects`.

    Args:
        saved: a configuration, from JSON.
        custom_objects: what the caller allows in addition, by name.

    Raises:
        ValueError: it names an object that is not allowed.
    """
    if isinstance(saved, list):
        for item in saved:
            check_objects(item, custom_objects)
    if isinstance(saved, str) and _is_registered_elsewhere(saved, custom_objects):
        raise ValueError(_refusal(saved, "a name that another library registered"))
    if not isinstance(saved, dict):
        return
    if "class_name" in saved and not is_allowed(saved, custom_objects):
        raise ValueError(_refusal(saved["class_name"], f"module {shortened(saved.get('module'))}"))
    _check_names(saved, custom_objects)
    for item in saved.values():
        check_objects(item, custom_objects)


def _check_names(saved, custom_objects):
    """Refuse the name of a preset where a configuration must hold the whole model or network."""
    name, config = saved.get("class_name", saved.get("class")), saved.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        return
    made = custom_objects.get(saved.get("registered_name") or name) or custom_objects.get(name)
    for setting in getattr(made or CLASSES.get(name), "opened_by_name", ()):
        if isinstance(config.get(setting), str):
            raise ValueError(
                f"The preset's config says {setting}={shortened(config[setting])} of a {name}, "
                "where the whole model or network must stand: what a file names is not opened. "
                f"Nothing was loaded. If you trust it, load it yourself and give it as {setting}=."
            )


def _refusal(name, where) -> str:
    named = shortened(name)
    return (
        f"The preset's config names {named} ({where}), which is neither a class of the zoo nor a "
        "class of Keras that is safe to load; nothing was loaded. If it is your own class, pass "
        f"custom_objects={{{named}: ...}}."
    )


def is_allowed(saved: dict, custom_objects: dict) -> bool:
    """Return whether an object of a configuration is allowed."""
    name, module = saved["class_name"], str(saved.get("module"))
    registered = saved.get("registered_name") or name
    if not isinstance(name, str) or not isinstance(registered, str):
        return False
    if registered in custom_objects:
        return True
    # Keras looks up the registered name first, so it must not be another object.
    if name in custom_objects:
        return keras.saving.get_registered_object(registered) in (None, custom_objects[name])
    if name == "function":
        return _is_activation(saved, module, registered, custom_objects)
    if module in ("builtins", "None"):
        return name in _VALUES
    if module.startswith("zoo."):
        return registered == f"zoo>{name}" and _is_of_the_zoo(registered)
    # A class that is registered under a name of Keras would be made instead.
    if registered != name or keras.saving.get_registered_object(name) is not None:
        return False
    return _is_kerass(name, module)


def _is_activation(saved, module, registered, custom_objects) -> bool:
    called = saved.get("config")
    if not isinstance(called, str):
        return False
    kerass = module == "builtins" and called in _ACTIVATIONS and registered in ("function", called)
    return called in custom_objects or (
        kerass and keras.saving.get_registered_object(called) is None
    )


def _is_of_the_zoo(registered: str) -> bool:
    found = keras.saving.get_registered_object(registered)
    return isinstance(found, type) and found.__module__.startswith("zoo.")


def _is_kerass(name: str, module: str) -> bool:
    if module.startswith(_OPTIMIZERS_OF_PYTORCH):
        module = "keras.optimizers"
    if module in _KINDS:
        found = getattr(sys.modules[module], name, None)
        made = isinstance(found, type) and issubclass(found, _KINDS[module])
        return made and name not in _REFUSED_LAYERS
    if name in _MODELS:
        return module in ("keras", "keras.models") or module.startswith("keras.src.models.")
    if module == "keras.src.ops.core":
        return name in _CORE_OPERATIONS
    if module in _OPERATIONS:
        found = getattr(sys.modules.get(module), name, None)
        return isinstance(found, type) and issubclass(found, keras.Operation)
    return name in _OTHERS.get(module, ())


def _is_registered_elsewhere(name: str, custom_objects: dict) -> bool:
    """Return whether Keras would replace a string by an object that another library registered."""
    if name in custom_objects or keras.saving.get_registered_object(name) is None:
        return False
    return not (name.startswith("zoo>") and _is_of_the_zoo(name))


# One thread at a time replaces a method of Keras or Python's warning filters, and restores it.
_alone = threading.RLock()


@contextlib.contextmanager
def no_larger_than(held: int) -> Iterator[None]:
    """Refuse layers with far more weights than a file holds, before they take memory.

    Args:
        held: the number of values in the file, see `stored_values`.

    Raises:
        ValueError: inside the context, when this thread builds a layer that is too large.
    """
    with _alone:
        left, thread, add_weight = 2 * held + _SPARE, threading.get_ident(), layers.Layer.add_weight

        def counted(layer, *args, **options):
            nonlocal left
            shape = options.get("shape", args[0] if args else ())
            if threading.get_ident() == thread and isinstance(shape, tuple | list):
                left -= math.prod(size for size in shape if isinstance(size, int))
                if left < 0:
                    raise ValueError(f"its networks have far more weights than the {held:,} stored")
            return add_weight(layer, *args, **options)

        layers.Layer.add_weight = counted
        try:
            yield
        finally:
            layers.Layer.add_weight = add_weight


def stored_values(path: str | os.PathLike) -> int:
    """Return the largest number of values that a file of weights can hold, by its bytes."""
    found = 0

    def look(name, item):
        nonlocal found
        if isinstance(item, h5py.Dataset) and item.size:
            found += min(item.size, _DENSEST * item.id.get_storage_size() // item.dtype.itemsize)

    with h5py.File(path, "r") as file:
        file.visititems(look)
    return found


def check_weights(path: str | os.PathLike, model: keras.Model) -> None:
    """Check the shapes and the storage of a file of weights, before any value is read.

    A file of some kilobytes can declare gigabytes, or refer to other files.

    Args:
        path: an HDF5 file of Keras.
        model: the model for these weights; the file may have the state of its optimizer.

    Raises:
        ValueError: a link, values in other files, or an array with a shape that no weight of the
            model has.
    """
    shapes = {tuple(variable.shape) for variable in held_by(model)}

    def look(name, item):
        if isinstance(item, h5py.Group):
            _check_links(name, item)
            return
        if item.external or item.is_virtual:
            raise ValueError(f"the values of {name!r} lie in another file, and are not read")
        if item.dtype.kind in "OSUc" or item.dtype.names:
            raise ValueError(f"{name!r} holds {item.dtype}, and weights are numbers")
        if any(piece > size for piece, size in zip(item.chunks or (), item.shape, strict=False)):
            raise ValueError(f"{name!r} is stored in pieces of {item.chunks}, larger than itself")
        if item.size > _FEW and item.shape not in shapes:
            raise ValueError(f"{name!r} has the shape {item.shape}, as no weight of the model has")

    with h5py.File(path, "r") as file:
        _check_links("/", file)
        file.visititems(look)


def load_all_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Load a file of weights that `check_weights` has checked.

    Raises:
        ValueError: weights of the model are missing in the file. UserWarning: the same, in cases
            for which Keras would only warn and keep the initial weights.
    """
    with _alone, warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*freshly-initialized weights")
        model.load_weights(path)


def held_by(model: keras.Model) -> list:
    """Return the variables of a model, and of its optimizer if it has one."""
    return [*model.variables, *(model.optimizer.variables if model.compiled else ())]


def _check_links(name, group):
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{key!r} in {name!r} is a link, and links are not followed")
