"""Models that version 0.2 saved are loaded: with other names, and settings without effect."""

import json
import shutil

import pytest
from support.places import ROOT
from support.tampering import rewrite

import zoo
from zoo.models import CLASSES
from zoo.training.configs_of_0_2 import renewed

OLD = json.loads((ROOT / "tests" / "presets" / "configs_of_0_2.json").read_text("utf-8"))


TRAINED_ANEW = (
    "semi_supervised_aae_mnist_100"  # since version 0.2, with a conditional discriminator
)
OTHER_SETTINGS = {"iwae_mnist_binarized": "estimator"}  # of presets trained again since version 0.2


@pytest.mark.parametrize("name", sorted(OLD.keys() - {TRAINED_ANEW}))
def test_a_preset_of_version_0_2_is_the_same_model(name, tmp_path):
    folder = shutil.copytree(ROOT / "pretrained" / name, tmp_path / name)
    assert OLD[name] != json.loads((folder / "config.json").read_text("utf-8"))
    rewrite(folder, "config.json", json.dumps(OLD[name]).encode())
    before, now = zoo.load(str(folder)).get_config(), zoo.load(name).get_config()
    if name in OTHER_SETTINGS:
        assert before.pop(OTHER_SETTINGS[name]) != now.pop(OTHER_SETTINGS[name])
    assert before == now


def test_a_color_map_of_pictures_is_left_out():
    config = {"input_shape": [4, 4, 1], "latent_dim": 2, "cmap": "gray"}
    assert renewed(zoo.Autoencoder, config).keys() == {"input_shape", "latent_dim"}


@pytest.mark.parametrize(
    ("cls", "setting"),
    [("GAN", {"tie_weights": 1}), ("IWAE", {"beta": 2.0}), ("VAE", {"unknown": None})],
)
def test_a_setting_with_an_effect_is_refused_as_ever(cls, setting):
    config = {"input_shape": (4, 4, 1), "latent_dim": 2, **setting}
    assert renewed(CLASSES[cls], config) == config
    with pytest.raises(TypeError, match="takes no"):
        CLASSES[cls].from_config(config)


def test_an_old_model_without_a_conditional_discriminator_still_has_none():
    config = OLD[TRAINED_ANEW]["config"]
    before = zoo.SemiSupervisedAAE.from_config(config).get_config()
    assert not before.pop("conditional_discriminator")
    del config["conditional_discriminator"]
    assert not zoo.SemiSupervisedAAE.from_config(config).conditional_discriminator
    made = zoo.SemiSupervisedAAE.from_config(zoo.load(TRAINED_ANEW).get_config()).get_config()
    assert made.pop("conditional_discriminator")
    assert made == before


def test_objects_of_ones_own_keep_their_arguments():
    layer = {
        "class_name": "Weighing",
        "registered_name": "mine>Weighing",
        "config": {"masses": [1]},
    }
    config = {"input_shape": [4, 4, 1], "latent_dim": 2, "encoder": {"config": {"layers": [layer]}}}
    assert renewed(zoo.VAE, config) == config
