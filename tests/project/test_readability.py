"""How much a reader has to read: it may become less, and not more."""

import keras
import pytest
from support import places, readability

import zoo
from zoo.models import CLASSES

CHAINS = {"VAE": 3, "AAE": 3, "CVAE": 4, "M2": 4, "SemiSupervisedAAE": 5}
# Functions and files of ours that one `fit` of one batch runs.
# Of these, `__setattr__` and `variables` refuse changes without effect and let weights of the loss
# change; `further_losses` and `Losses.__add__` add terms; `posterior` and `draw` give codes, of one
# kind of posterior or another; `as_array` takes all data, `check_units` refuses units that networks
# do not learn from, `whole` batches of no rows, and `check_process` notices forked processes.
# `data_of_batches` says which rows are trained on; M2 splits them in 5 functions.
ONE_BATCH = {"VAE": (59, 12), "AAE": (64, 15), "M2": (74, 14)}


@pytest.mark.parametrize("name", CLASSES)
def test_inheritance_is_short(name):
    assert len(readability.own_classes(getattr(zoo, name))) <= CHAINS.get(name, 5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counted on TensorFlow")
@pytest.mark.parametrize("name", ONE_BATCH)
def test_few_functions_in_few_files_train_on_a_batch(name):
    model, arrays = readability.tiny(name)
    files, functions = readability.run_by_one_batch(model, *arrays)
    most_functions, most_files = ONE_BATCH[name]
    assert len(functions) <= most_functions, sorted(functions)
    assert len(files) <= most_files, sorted(files)


def test_imports_point_one_way():
    graph = readability.imports()
    assert readability.upward(graph) == []
    assert readability.circles(graph) == []


def test_every_module_lies_in_a_room():
    packages = {package for layer in readability.LAYERS for package in layer}
    inside = {path.name for path in (readability.ROOT / "zoo").iterdir()} - {"__pycache__"}
    others = {"__init__.py", "__main__.py", "py.typed"}
    assert inside - {*packages, *others} == set()
    contributing = (readability.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for layer in readability.LAYERS:
        for package in layer:
            assert f"`{package}`" in contributing or package == "__main__", package


def test_the_runtime_imports_nothing_of_the_rest():
    graph = readability.imports()
    for name in graph:
        if name.startswith("zoo.runtime"):
            assert all(other.startswith("zoo.runtime") for other in graph[name]), name


def test_all_public_functions_have_type_hints():
    assert readability.without_hints() == []


def test_no_module_of_the_package_is_very_long():
    """400 lines are a sign that a module has two meanings, and 600 are certainly too many."""
    paths = [p for folder in ("zoo", "export") for p in (readability.ROOT / folder).rglob("*.py")]
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in paths}
    assert {name: n for name, n in lengths.items() if n > 600} == {}


def test_every_test_lies_in_a_folder_that_mirrors_a_package():
    for file in places.files_of_tests():
        inside = file.relative_to(places.TESTS)
        assert inside.parts[0] in places.WITHOUT_PACKAGE or places.package_of(file), inside


def test_most_tests_carry_the_name_of_the_module_that_they_test():
    """The others test behavior across modules, such as survival or fuzzing."""
    files = places.files_of_tests()
    assert sum(bool(places.module_of(file)) for file in files) >= 0.8 * len(files)
