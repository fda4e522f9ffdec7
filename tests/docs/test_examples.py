"""The examples in docstrings run, and say what comes out."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest
from support import readability

import export
import zoo

KNOWN = {"zoo": zoo, "np": np, "keras": keras}
# A command, and modules that need a backend which does not run here.
OTHER_BACKENDS = {f"{p}.{b}" for p in ("zoo.backend", "export.backends") for b in ("jax", "torch")}
LEFT_OUT = {"zoo.__main__", *OTHER_BACKENDS}


def modules(package):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name not in LEFT_OUT:
            yield importlib.import_module(found.name)


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for package in (zoo, export):
        for module in modules(package):
            for test in finder.find(module, module.__name__, extraglobs=KNOWN):
                if test.examples:
                    marks = pytest.mark.slow if takes_seconds(test.name) else ()
                    yield pytest.param(test, id=test.name, marks=marks)


def takes_seconds(name):
    """Say whether an example draws or trains; those of two models run at every turn."""
    draws = name.startswith(
        ("zoo.plots", "zoo.pretraining", "zoo.sklearn", "zoo.training.callbacks")
    )
    return draws or (name.startswith("zoo.models") and not name.endswith((".VAE", ".AAE")))


@pytest.mark.parametrize("test", list(examples()))
def test_an_example_runs(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    failed, tried = runner.run(test, out=said.append)
    assert tried
    assert not failed, "".join(said)


def public():
    for name in zoo.__all__:
        value = getattr(zoo, name)
        if callable(value):
            yield f"zoo.{name}", value
    for module in (zoo.plots, zoo.metrics):
        for name in module.__all__:
            if callable(getattr(module, name)):
                yield f"{module.__name__}.{name}", getattr(module, name)


WITHOUT = {"zoo.strategy"}  # what it takes is not everywhere


def test_all_public_functions_have_an_example():
    without = {name for name, value in public() if ">>>" not in value.__doc__}
    assert without <= WITHOUT, sorted(without - WITHOUT)


def test_all_public_classes_have_an_example():
    assert [name for name, shown in readability.public_classes().items() if not shown] == []
