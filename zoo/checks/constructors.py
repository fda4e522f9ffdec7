"""The arguments of a constructor, including those that it passes to its base classes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from types import MappingProxyType

_PASSED_ON = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@functools.cache
def arguments_of(cls: type) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of a class's constructor by name, in order.

    If a constructor takes `*args` or `**kwargs`, the arguments of the next base class are appended.
    """
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        own = [*inspect.signature(vars(base)["__init__"]).parameters.values()][1:]
        for parameter in own:
            if parameter.kind not in _PASSED_ON:
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind in _PASSED_ON for parameter in own):
            break
    return MappingProxyType(found)
