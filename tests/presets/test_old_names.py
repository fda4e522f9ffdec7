"""Presets that version 0.1 wrote, whose settings had other names."""

import json

import numpy as np
import pytest

import zoo
from zoo.presets.card import CARD, CONFIG, describe_file
from zoo.training.old_names import OLD_NAMES

X = np.random.default_rng(0).random((3, 8, 8, 1), "float32")
SMALL = {"input_shape": (8, 8, 1), "latent_dim": 2}

# As 0.1 wrote them: what was left out here has the same name today.
CONFIGS = {
    "VAE": {**SMALL, "hidden": [16], "filters": [], "tied": False, "code_activation": None},
    "Autoencoder": {**SMALL, "hidden": [16], "tied": True, "l1": 0.0},
    "DenoisingAutoencoder": {**SMALL, "hidden": [16], "draws": 2, "corruption": {"masking": 0.1}},
    "AAE": {**SMALL, "hidden": [16], "generator_repeats": 2},
    "SupervisedAAE": {**SMALL, "hidden": [16], "num_classes": 3, "by_class": True},
    "ClusteringAAE": {
        **SMALL,
        **{"hidden": [16], "num_classes": 3, "decoder_hidden": [9], "discriminator_hidden": [7]},
        **{"label_noise": 0.1, "by_class": False, "tied": False, "posterior": "deterministic"},
    },
    "SemiSupervisedAAE": {**SMALL, "hidden": [16], "num_classes": 3, "labelled_batch": 5},
    "VAEGAN": {**SMALL, "hidden": [16], "fooling_weight": 2.0, "discriminator_hidden": [7]},
    "M1": {**SMALL, "hidden": [16], "num_classes": 3, "classifier_hidden": [6]},
    "M2": {**SMALL, "hidden": [16], "num_classes": 3, "labelled_batch": 5},
    "IWAE": {**SMALL, "hidden": [16], "beta": 1.0, "free_bits": 0.0, "samples": 2},
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_of_version_0_1_makes_its_model(name):
    config = CONFIGS[name]
    model = getattr(zoo, name).from_config(dict(config))
    today = model.get_config()
    assert not today.keys() & OLD_NAMES.keys()
    for old, value in config.items():
        if OLD_NAMES.get(old) in today:
            value = tuple(value) if isinstance(value, list) else value
            assert today[OLD_NAMES[old]] == value


def test_every_old_name_is_in_a_config():
    assert OLD_NAMES.keys() == OLD_NAMES.keys() & {key for c in CONFIGS.values() for key in c}


def test_a_preset_of_version_0_1_loads_with_the_same_weights(tmp_path):
    model = zoo.VAE(**SMALL, hidden_units=(16,))
    folder = tmp_path / "old"
    zoo.save(model, folder)
    config = json.loads((folder / CONFIG).read_text())
    names = {new: old for old, new in OLD_NAMES.items()}
    config["config"] = {names.get(name, name): v for name, v in config["config"].items()}
    assert "hidden" in config["config"]
    (folder / CONFIG).write_text(json.dumps(config))
    card = json.loads((folder / CARD).read_text())
    card["files"][CONFIG] = describe_file(folder / CONFIG)
    (folder / CARD).write_text(json.dumps(card))
    np.testing.assert_array_equal(zoo.load(folder).reconstruct(X), model.reconstruct(X))


@pytest.mark.parametrize(("old", "new"), [("hidden", "hidden_units"), ("fooling_weight", None)])
def test_the_error_for_an_old_name_has_the_new_one(old, new):
    says = f"{old}=, which is called {new}= now" if new else f"takes no {old}="
    with pytest.raises(TypeError, match=says):
        zoo.VAE(**SMALL, **{old: (16,)})
