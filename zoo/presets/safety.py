"""Check untrusted presets: a configuration may not name anything that reads or writes files.

Keras creates any object that a configuration names, and calls exported functions with the arguments
in the file. So every name is first checked against a list of classes that only compute.
"""

from __future__ import annotations

import sys
import types
import warnings
from typing import Any

import keras
from keras import layers

from zoo.checks.own_classes import OwnClassError
from zoo.runtime.json_file import shortened
from zoo.training.registry import CLASSES

# Values that Keras writes as objects.
_VALUES = ("__tuple__", "__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__slice__")
_NUMBERS = {
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bfloat16", "float16", "float32", "float64"),
}
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
# Operations of keras.ops in functional models. None takes a function; only those in `core` do.
_OPERATIONS = {f"keras.src.ops.{name}" for name in ("numpy", "nn", "math", "linalg", "image")}
_CORE_OPERATIONS = {
    *("Scatter", "ScatterUpdate", "Slice", "SliceUpdate", "StopGradient", "Unstack"),
    *("Cast", "SaturateCast", "ConvertToTensor"),
}


def check_objects(saved: Any, custom_objects: dict) -> None:
    """Refuse a configuration with an object that is not allowed, before any object is created.

    Allowed are classes of the zoo; layers, activations, initializers, optimizers, schedules,
    constraints, regularizers and mathematical operations of Keras; and `custom_objects`.

    Args:
        saved: a configuration, from JSON.
        custom_objects: further objects that the caller allows, by name.

    Raises:
        ValueError: the configuration names an object that is not allowed.
    """
    if isinstance(saved, list):
        for item in saved:
            check_objects(item, custom_objects)
    if isinstance(saved, str) and _is_registered_elsewhere(saved, custom_objects):
        raise _refusal(saved, "a name that another library registered")
    if not isinstance(saved, dict):
        return
    if "class_name" in saved and not is_allowed(saved, custom_objects):
        raise _refusal(saved["class_name"], f"module {shortened(saved.get('module'))}")
    _check_names(saved, custom_objects)
    for item in saved.values():
        check_objects(item, custom_objects)


def warn_of_refused(saved: Any) -> None:
    """Warn of layers in a configuration that is about to be written, which loading will refuse.

    Example:
        >>> from zoo.presets.safety import warn_of_refused
        >>> warn_of_refused({"class_name": "Dense", "module": "keras.layers"})
    """
    found = sorted(_names_in(saved) & _REFUSED_LAYERS)
    if found:
        warnings.warn(
            f"A network has a layer of the class {' and '.join(found)}, which is refused when the "
            "file is loaded, because such a layer can run code or read files. Use a layer of your "
            "own in its place: a class with keras.saving.register_keras_serializable.",
            stacklevel=3,
        )


def _names_in(saved):
    """Return the names of all classes of Keras in a configuration."""
    if isinstance(saved, list):
        return set().union(*map(_names_in, saved))
    if not isinstance(saved, dict):
        return set()
    known = str(saved.get("module")).partition(".")[0] == "keras"
    own = {str(saved["class_name"])} if known and "class_name" in saved else set()
    return own.union(*map(_names_in, saved.values()))


def _check_names(saved, custom_objects):
    """Refuse a preset's name where a configuration must hold a whole model or network."""
    name, config = saved.get("class_name", saved.get("class")), saved.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        return
    made = custom_objects.get(saved.get("registered_name") or name) or custom_objects.get(name)
    for setting in getattr(made or CLASSES.get(name), "opened_by_name", ()):
        if isinstance(config.get(setting), str):
            raise ValueError(
                f"The preset's config has {setting}={shortened(config[setting])} for a {name}, but "
                "it must hold the whole model or network: what a file names is not opened. Nothing "
                f"was loaded. If you trust it, load it yourself and pass it as {setting}=."
            )


def _refusal(name, where) -> OwnClassError:
    return OwnClassError(
        f"The preset's config names {shortened(name)} ({where}), which is neither a class of the "
        "zoo nor a class of Keras that is safe to load; nothing was loaded.",
        str(name)[:100],
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
        return name in _VALUES and _is_number_type(saved.get("config"))
    if module.startswith("zoo."):
        return registered == f"zoo>{name}" and _is_of_the_zoo(registered)
    # Otherwise a class that is registered under the name of a Keras class would be created.
    if registered != name or keras.saving.get_registered_object(name) is not None:
        return False
    return _is_kerass(name, module)


def _is_number_type(config) -> bool:
    """Return whether values in a configuration are numbers; text types could state any length."""
    dtype = config.get("dtype", "float32") if isinstance(config, dict) else "float32"
    return isinstance(dtype, str) and dtype in _NUMBERS


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
    """Return whether Keras would turn a string into an object that another library registered."""
    if name in custom_objects or keras.saving.get_registered_object(name) is None:
        return False
    return not (name.startswith("zoo>") and _is_of_the_zoo(name))
