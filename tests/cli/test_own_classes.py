"""Classes of a user's own on the command line: `--import MODULE`."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo.cli import own_classes
from zoo.cli.main import main

MODULE = """
import keras
from keras import ops

import zoo


@keras.saving.register_keras_serializable(package="mine")
class Scale(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x


@keras.saving.register_keras_serializable(package="mine")
class DimVAE(zoo.VAE):
    metric_names = (*zoo.VAE.metric_names, "dim")

    def losses(self, batch, training):
        dim = ops.mean(batch.x, axis=(1, 2, 3))
        return super().losses(batch, training).plus(dim, dim=dim)
"""
RECIPE = """
description = "Tiny digits."
paper = "none"
data = "digits"
class = "DimVAE"
epochs = 1
validation = 1300

[model]
input_shape = [8, 8, 1]
latent_dim = 2
hidden_units = [8]
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A folder to work in, with `my_module.py` and the recipe `dim.toml`; the module's name."""
    (tmp_path / "my_module.py").write_text(MODULE)
    (tmp_path / "dim.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    yield "my_module"
    forget("my_module")


def forget(name):
    """Let a module be as if it had never been imported."""
    import keras

    sys.modules.pop(name, None)
    registered = keras.saving.get_custom_objects()
    for key in [key for key, found in registered.items() if found.__module__ == name]:
        del registered[key]


def test_registered_classes_of_a_module_are_found_by_name(module):
    before = list(sys.path)
    found = own_classes.imported([module])
    assert set(found) == {"mine>Scale", "mine>DimVAE", "DimVAE"}
    assert found["DimVAE"].__module__ == "my_module"
    assert sys.path == before
    assert own_classes.imported([]) == {}


@pytest.mark.slow
def test_an_own_class_is_trained_used_measured_and_exported(module, capsys):
    own = ["--import", module]
    assert main(["train", "dim.toml", "--out", "dim", *own]) == 0
    assert "dim --update --import my_module" in capsys.readouterr().out
    assert json.loads(Path("dim/card.json").read_text())["class"] == "DimVAE"
    forget(module)
    commands = {
        "generate": ["dim", "--n", "2"],
        "evaluate": ["dim"],
        "export": ["dim", "out", "--format", "onnx"],
    }
    for command, arguments in commands.items():
        assert main([command, *arguments]) == 1
        said = capsys.readouterr().err
        assert "names the class 'DimVAE'" in said
        assert "add --import MODULE with the module that registers it" in said
        assert "custom_objects" not in said
        assert module not in sys.modules  # no file chooses what is imported
    for command, arguments in commands.items():
        assert main([command, *arguments, *own]) == 0
    import export

    assert export.load("out/decoder")(z=np.zeros((1, 2), "float32"))["x"].shape == (1, 8, 8, 1)


def test_own_layers_in_networks_are_found(module, capsys):
    import keras
    from keras import layers

    import zoo

    scale = own_classes.imported([module])["mine>Scale"]()
    flat = [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2), scale]
    up = [keras.Input((2,)), layers.Dense(64), layers.Reshape((8, 8, 1))]
    model = zoo.Autoencoder(encoder=keras.Sequential(flat), decoder=keras.Sequential(up))
    zoo.save(model, "scaled", about={"recipe": {"data": "digits"}})
    forget(module)
    assert main(["generate", "scaled"]) == 1
    said = capsys.readouterr().err
    assert "names 'Scale'" in said
    assert "add --import MODULE" in said
    assert "custom_objects" not in said
    assert main(["generate", "scaled", "--import", module]) == 0


def test_a_renamed_class_is_found_under_the_name_that_it_is_registered_by(module, capsys, tmp_path):
    import zoo

    cls = own_classes.imported([module])["DimVAE"]
    zoo.save(cls((8, 8, 1), 2, hidden_units=(3,)), "dim")
    forget(module)
    (tmp_path / "my_module.py").write_text(MODULE.replace("DimVAE", "DarkVAE"))
    own = ["--import", module, "--n", "2"]
    assert main(["generate", "dim", *own]) == 1
    assert "register_keras_serializable(package=..., name='DimVAE')" in capsys.readouterr().err
    forget(module)
    text = MODULE.replace("DimVAE", "DarkVAE")
    decorated = '@keras.saving.register_keras_serializable(package="mine")\nclass DarkVAE'
    assert decorated in text
    named = decorated.replace('"mine"', '"mine", name="DimVAE"')
    (tmp_path / "my_module.py").write_text(text.replace(decorated, named))
    assert main(["generate", "dim", *own]) == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("not_there", "--import not_there failed: No module named 'not_there'. Give the name"),
        ("my_module.py", "Leave out .py: --import my_module."),
        ("empty", "--import empty: the module registers nothing. Decorate its classes"),
    ],
)
def test_modules_that_register_nothing_are_refused(name, says, module, tmp_path):
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        own_classes.imported([name])
    forget("empty")
