"""What the configuration of a preset, a file from anybody, may name: nothing that reads or writes.

Keras makes whatever object a configuration names, and calls exported functions with the arguments
that stand beside them. So every name is looked up here first, among classes that compute alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import types
import warnings

import h5py
import keras
from keras import layers

from zoo.json_file import shortened

_SPARE = 2**20  # weights that a model may have beside twice as many as are stored
_DENSEST = 1032  # bytes that gzip makes of one at most
_FEW = 1024  # values that may be stored beside the weights, such as the states of seeds
# Values that Keras writes in the form of objects.
_VALUES = ("__tuple__", "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__")
# The public classes of these modules are allowed, where they are of the kind that stands beside.
_KINDS = {
    "keras.layers": layers.Layer,
    "keras.initializers": keras.Initializer,
    "keras.optimizers": keras.Optimizer,
    "keras.optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
    "keras.constraints": keras.constraints.Constraint,
    "keras.regularizers": keras.Regularizer,
}
# They run code, or the graphs of files; or they read a vocabulary from a path that they are given.
_REFUSED_LAYERS = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    *("TextVectorization", "StringLookup", "IntegerLookup", "IndexLookup"),
}
_ACTIVATIONS = {
    name
    for name, found in vars(keras.activations).items()
    if isinstance(found, types.FunctionType) and name not in ("get", "serialize", "deserialize")
}
# What optimizers call themselves where they were saved on PyTorch.
_OPTIMIZERS_OF_PYTORCH = "keras.src.backend.torch.optimizers."
_MODELS = {"Functional", "Sequential", "Model"}
_OTHERS = {"keras": {"DTypePolicy", "DTypePolicyMap"}, "keras.random": {"SeedGenerator"}}
# What functional models hold of keras.ops. None of it takes a function; `core` has those that do.
_OPERATIONS = {f"keras.src.ops.{name}" for name in ("numpy", "nn", "math", "linalg", "image")}
_CORE_OPERATIONS = {
    *("Scatter", "ScatterUpdate", "Slice", "SliceUpdate", "StopGradient", "Unstack"),
    *("Cast", "SaturateCast", "ConvertToTensor"),
}


def check_objects(saved, custom_objects: dict):
    """Refuse a configuration in which an object is not on the list, before any is made.

    Args:
        saved: a configuration as read from JSON.
        custom_objects: what the caller allows besides, by name.

    Raises:
        ValueError: it names something else than a class of the zoo; a layer, activation,
            initializer, optimizer, schedule, constraint or regularizer of Keras; one of its
            mathematical operations; or what is in `custom_objects`.
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
    for item in saved.values():
        check_objects(item, custom_objects)


def _refusal(name, where) -> str:
    named = shortened(name)
    return (
        f"The preset's config names {named} ({where}), which is no class of the zoo and none of "
        "Keras's that is safe to load; nothing was loaded. If it is of your own, pass "
        f"custom_objects={{{named}: ...}}."
    )


def is_allowed(saved: dict, custom_objects: dict) -> bool:
    """Say whether an object of a configuration may be made."""
    name, module = saved["class_name"], str(saved.get("module"))
    registered = saved.get("registered_name") or name
    if not isinstance(name, str) or not isinstance(registered, str):
        return False
    if registered in custom_objects:
        return True
    # Keras looks for the registered name first, so that it must not lead elsewhere.
    if name in custom_objects:
        return keras.saving.get_registered_object(registered) in (None, custom_objects[name])
    if name == "function":
        return _is_activation(saved, module, registered, custom_objects)
    if module in ("builtins", "None"):
        return name in _VALUES
    if module.startswith("zoo."):
        return registered == f"zoo>{name}" and _is_of_the_zoo(registered)
    # What somebody has registered under a name of Keras's would be made in its place.
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
    """Say whether Keras would put what another library registered in the place of a string."""
    if name in custom_objects or keras.saving.get_registered_object(name) is None:
        return False
    return not (name.startswith("zoo>") and _is_of_the_zoo(name))


# What is put in the place of Keras's own, and of Python's filters, is put back in order.
_alone = threading.RLock()


@contextlib.contextmanager
def no_larger_than(held: int):
    """Refuse layers with far more weights than a file of weights holds, before they take memory.

    Args:
        held: how many, see `stored_values`.

    Raises:
        ValueError: from within, where a layer that this thread builds is one too many.
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
    """Return how many values a file of weights can hold at most, by the bytes that they take."""
    found = 0

    def look(name, item):
        nonlocal found
        if isinstance(item, h5py.Dataset) and item.size:
            found += min(item.size, _DENSEST * item.id.get_storage_size() // item.dtype.itemsize)

    with h5py.File(path, "r") as file:
        file.visititems(look)
    return found


def check_weights(path: str | os.PathLike, model):
    """Look at the shapes in a file of weights, and where its values lie, before any is read.

    A file of some kilobytes can declare gigabytes, or point to other files.

    Args:
        path: an HDF5 file as Keras writes it.
        model: the model that its weights are for, and whose optimizer has a state in it, perhaps.

    Raises:
        ValueError: a link, values that lie in other files, or an array of a shape that no weight of
            the model has.
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


def load_all_weights(model, path: str | os.PathLike):
    """Load a file of weights that `check_weights` has looked at.

    Raises:
        ValueError: weights of the model are missing in the file. UserWarning: as well, where Keras
            would only warn, and leave them as they were drawn.
    """
    with _alone, warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*freshly-initialized weights")
        model.load_weights(path)


def held_by(model) -> list:
    """Return the variables of a model, and of its optimizer where it has one."""
    return [*model.variables, *(model.optimizer.variables if model.compiled else ())]


def _check_links(name, group):
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{key!r} in {name!r} is a link, and links are not followed")
