"""Nothing that a file names is opened or fetched: a configuration holds its parts whole."""

import json
import zipfile

import keras
import numpy as np
import pytest
from support.tampering import rewrite_config
from support.tiny import features_of_images

import zoo
from zoo.checks.constructors import arguments_of
from zoo.cli.main import main
from zoo.presets import safety

SHAPE = (28, 28, 1)


def stacked():
    return zoo.M1M2(zoo.VAE(SHAPE, 3, hidden_units=(5,)), 2, num_classes=3, hidden_units=(4,))


def compared():
    return zoo.DFCVAE(SHAPE, 3, hidden_units=(5,), features=features_of_images(SHAPE))


MODELS = {"lower": stacked, "features": compared}
NAMES = ("m1_mnist_100", "mnist", "{folder}/m1", "{folder}/m1.keras", "hf://me/m1", "https://h/m")


@pytest.fixture(scope="module", params=MODELS)
def saved(request, tmp_path_factory):
    """The setting, a preset and a `.keras` file of a model with it, and a model to be named."""
    folder = tmp_path_factory.mktemp("saved")
    model, lower = MODELS[request.param](), zoo.VAE(SHAPE, 3, hidden_units=(5,))
    zoo.save(model, folder / "model")
    model.save(folder / "model.keras")
    zoo.save(lower, folder / "m1")
    lower.save(folder / "m1.keras")
    return request.param, folder


@pytest.fixture
def opened(monkeypatch):
    """The names that are given to loading and to the weights of the reference classifiers."""
    from zoo.presets import reference_classifier

    names, load = [], zoo.load
    monkeypatch.setattr(zoo, "load", lambda name, **more: names.append(name) or load(name, **more))
    monkeypatch.setattr(reference_classifier, "_path", names.append)
    return names


def rename(folder, setting, name):
    """Put a name into a preset and into a `.keras` file, for the whole model."""
    config = json.loads((folder / "model" / "config.json").read_text())
    kept = config["config"][setting]
    rewrite_config(folder / "model", lambda config: config["config"].update({setting: name}))
    with zipfile.ZipFile(folder / "model.keras") as archive:
        held = {entry: archive.read(entry) for entry in archive.namelist()}
    config = json.loads(held["config.json"])
    config["config"][setting] = name
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        for entry, data in {**held, "config.json": json.dumps(config)}.items():
            archive.writestr(entry, data)
    return kept


@pytest.mark.parametrize(
    ("name", "walls"),
    [
        *((name, "both") for name in NAMES),
        *(("{folder}/m1", wall) for wall in ("the check", "the constructor")),
    ],
)
def test_a_named_model_is_not_opened(name, walls, saved, opened, monkeypatch):
    setting, folder = saved
    if walls == "the check":
        monkeypatch.setattr("zoo.models.m1m2.refuse_name", lambda *_: pytest.fail("it was made"))
        monkeypatch.setattr("zoo.models.dfc_vae.refuse_name", lambda *_: pytest.fail("it was made"))
    if walls == "the constructor":
        monkeypatch.setattr(safety, "_check_names", lambda *_: None)
    kept = rename(folder, setting, name.format(folder=folder))
    try:
        for place in ("model", "model.keras"):
            with pytest.raises(ValueError, match="what a file names is not opened"):
                zoo.load(str(folder / place))
    finally:
        rename(folder, setting, kept)
    assert opened == [str(folder / "model"), str(folder / "model.keras")]


def test_from_config_opens_nothing_even_deep_inside(saved, opened):
    setting, _ = saved
    cls = {"lower": zoo.M1M2, "features": zoo.DFCVAE}[setting]
    inner = {"latent_dim": 2, "num_classes": 3, setting: "mnist", "input_shape": SHAPE}
    inner = {k: v for k, v in inner.items() if k in arguments_of(cls)}
    with pytest.raises(ValueError, match="what a file names is not opened"):
        cls.from_config(inner)
    deep = keras.saving.serialize_keras_object(MODELS[setting]())
    deep["config"][setting] = "m1_mnist_100"
    with pytest.raises(ValueError, match="what a file names is not opened"):
        zoo.VAE.from_config({"encoder": deep, "decoder": deep})
    assert opened == []


def test_a_name_stays_possible_in_python_and_is_saved_as_the_whole(tmp_path):
    model = zoo.M1M2("m1_mnist_100", 2, num_classes=10, hidden_units=(4,))
    assert model.get_config()["lower"]["class_name"] == "M1"
    zoo.save(model, tmp_path / "m")
    for old, new in zip(model.get_weights(), zoo.load(tmp_path / "m").get_weights(), strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-3, atol=1e-3)


@keras.saving.register_keras_serializable(package="mine")
class Taught(zoo.Autoencoder):
    """A class of a user's own that loads what it is told."""

    def __init__(self, *args, teacher="vae_digits", **kwargs):
        super().__init__(*args, **kwargs)
        self.teacher = teacher
        self.latent_of_teacher = zoo.load(teacher).latent_dim


@pytest.mark.parametrize("name", ["hf://me/m1", "https://h/m.keras", "{folder}"])
def test_a_class_of_ones_own_loads_nothing_that_a_file_names(name, tmp_path):
    custom = {"Taught": Taught}
    zoo.save(Taught((4, 4, 1), 2, hidden_units=(3,)), tmp_path / "taught")
    assert zoo.load(tmp_path / "taught", custom_objects=custom).latent_of_teacher == 4
    name = name.format(folder=tmp_path / "taught")
    rewrite_config(tmp_path / "taught", lambda config: config["config"].update(teacher=name))
    with pytest.raises(ValueError, match="nothing was opened"):
        zoo.load(tmp_path / "taught", custom_objects=custom)


RECIPE = """
description = ""
paper = ""
data = "digits"
class = "M1M2"
epochs = 1

[model]
latent_dim = 2
num_classes = 10
"""


@pytest.mark.parametrize("name", ["hf://me/m1", "./m1", "https://h/m.keras"])
@pytest.mark.parametrize("table", ["model", "pretraining"])
def test_a_recipe_in_a_file_names_only_what_is_shipped(
    name, table, tmp_path, monkeypatch, capsys, opened
):
    monkeypatch.chdir(tmp_path)
    pretraining = "" if table == "model" else "[pretraining]\nepochs = 1\n"
    (tmp_path / "theirs.toml").write_text(f'{RECIPE}{pretraining}lower = "{name}"\n')
    assert main(["train", "theirs.toml", "--out", "out"]) == 1
    assert "can only name models that are shipped with the zoo" in capsys.readouterr().err
    assert opened == []
