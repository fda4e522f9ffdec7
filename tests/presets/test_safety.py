"""Nothing that was tampered with is loaded."""

import json
import shutil

import keras
import pytest
from support.tampering import entry, rewrite, rewrite_config

import zoo
from zoo.cli.main import main
from zoo.presets import loading, safety


def test_a_cut_off_weights_file_is_refused(vae_preset):
    path = vae_preset / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="changed or is incomplete"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("file", ["model.weights.h5", "config.json"])
def test_one_changed_bit_is_refused(file, vae_preset):
    path = vae_preset / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} does not have the sha256 that its card states"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("lie", [{"bytes": 3}, {"bytes": None}, {"sha256": "0" * 64}, {}])
def test_a_card_that_lies_about_a_file_is_refused(lie, vae_preset):
    card = json.loads((vae_preset / "card.json").read_text())
    entry = card["files"]["model.weights.h5"]
    card["files"]["model.weights.h5"] = {**entry, **lie} if lie else {}
    (vae_preset / "card.json").write_text(json.dumps(card))
    said = "changed|'bytes' is None" if lie else "lacks 'sha256', 'bytes' in files"
    with pytest.raises(ValueError, match=said):
        zoo.load(vae_preset)


@pytest.mark.parametrize(
    "lie",
    [
        {"class": "AAE"},
        {"latent_dim": 999},
        {"parameters": 1},
        {"input": {"shape": [3, 3, 3], "range": "any"}},
    ],
)
def test_a_card_that_describes_another_model_is_refused(lie, vae_preset):
    card = json.loads((vae_preset / "card.json").read_text())
    (vae_preset / "card.json").write_text(json.dumps({**card, **lie}))
    with pytest.raises(ValueError, match=f"{next(iter(lie))}.*but the model in it has"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("file", ["model.weights.h5", "config.json"])
def test_a_missing_file_is_named(file, vae_preset):
    (vae_preset / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"{file} is missing; the preset is incomplete"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_card_that_names_a_file_elsewhere_is_refused(name, vae_preset):
    card = json.loads((vae_preset / "card.json").read_text())
    card["files"][name] = card["files"]["config.json"]
    (vae_preset / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="not a plain file name"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("file", ["model.weights.h5", "config.json"])
def test_a_link_that_leaves_the_folder_is_refused(file, vae_preset, tmp_path):
    outside = tmp_path / "outside"
    shutil.move(vae_preset / file, outside)
    (vae_preset / file).symlink_to(outside)
    with pytest.raises(ValueError, match="not inside"):
        zoo.load(vae_preset)


def test_a_card_cannot_send_control_characters_to_a_terminal(vae_preset, capsys):
    card = json.loads((vae_preset / "card.json").read_text())
    card["description"] = "\x1b]0;owned\x07\x1b[2J \u202e\x9b31m Schr\u00f6dinger"
    (vae_preset / "card.json").write_text(json.dumps(card))
    assert main(["card", str(vae_preset)]) == 0
    shown = capsys.readouterr().out
    assert r"\x1b]0;owned\x07\x1b[2J \u202e\x9b31m Schrödinger" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"class": "VAE", "config": 3}', b"\xff"])
def test_an_invalid_config_is_refused(content, vae_preset):
    rewrite(vae_preset, "config.json", content)
    with pytest.raises(ValueError, match=r"config\.json (is not readable|holds no class)"):
        zoo.load(vae_preset)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("optimizer"),
        lambda config: config["config"].update(latent_dim="three"),
        lambda config: config["config"].update(unheard_of=1),
        lambda config: config["config"].update({"not a name": 1}),
        lambda config: config["config"].update(hidden_units=3),
        lambda config: config["config"].update(hidden_units=[10**400]),
        lambda config: config["config"].update(hidden_units=[1e400]),
        lambda config: config["config"].update(seed=float("nan")),
        lambda config: config["config"].update(prior={"swiss_roll": 3}),
        lambda config: config.update(optimizer=None),
        lambda config: config.update(optimizer="adam"),
        lambda config: config.update(optimizer=config["config"]["likelihood"]),
        lambda config: config.update(optimizer=[config["optimizer"]]),
        lambda config: config["config"].update(encoder="a", decoder="b"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(change, vae_preset):
    rewrite_config(vae_preset, change)
    with pytest.raises(ValueError, match=r"config\.json does not hold a VAE and its optimizer"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("name", ["Popen", "keras.Model", None, ["VAE"]])
def test_a_class_outside_the_zoo_is_refused(name, vae_preset):
    rewrite_config(vae_preset, lambda config: config.update({"class": name}))
    with pytest.raises(ValueError, match="the zoo has AAE, Autoencoder, "):
        zoo.load(vae_preset)


@pytest.mark.parametrize("deep", ["wrappers", "networks"])
def test_networks_nested_too_deep_are_refused(deep, vae_preset):
    layer = entry("Dense", "keras.layers", units=1)
    for _ in range(30):
        layer = (
            entry("Sequential", "keras", layers=[layer])
            if deep == "networks"
            else entry("TimeDistributed", "keras.layers", layer=layer)
        )

    def change(config):
        config["config"] |= {"encoder": layer, "decoder": layer}

    rewrite_config(vae_preset, change)
    with pytest.raises(ValueError, match=r"config\.json does not hold a VAE"):
        zoo.load(vae_preset)
    for _ in range(30):
        layer = entry("Sequential", "keras", layers=[layer])
    rewrite_config(vae_preset, change)
    with pytest.raises(ValueError, match=r"config\.json is not readable .* more than 100 levels"):
        zoo.load(vae_preset)


HOSTILE = {
    "a shell": entry("system", "os", command="touch {mark}"),
    "a process": entry("Popen", "subprocess", args=["touch", "{mark}"]),
    "a built-in": entry("eval", "builtins", source="open('{mark}', 'w')"),
    "a function": {**entry("function", "os", "system"), "config": "system"},
    "a built-in function": {**entry("function", "builtins", "exec"), "config": "exec"},
    "a Lambda layer": entry("Lambda", "keras.layers", function="x"),
    "a lambda": entry("__lambda__", "builtins", value="x"),
    "a renamed Lambda layer": entry("Lambda", "keras.layers", "Dense", function="x"),
    "the renamed class": entry("Dense", "keras.layers", "os>system", units=1),
    "a type": {**entry("__typespec__", "os", "x"), "spec_name": "system"},
    "a module of the zoo": entry("run", "zoo.cli.demo", "run", name="{mark}", out="{mark}"),
    "a name like the zoo's": entry("VAE", "zoology"),
    "a name like Keras's": entry("Dense", "kerasevil"),
    "a saved graph": entry("TFSMLayer", "keras.layers", filepath="{mark}"),
    "a pickled module": entry("TorchModuleWrapper", "keras.layers", module="x"),
    "an exported function": entry("plot_image_gallery", "keras.visualization", path="{mark}"),
    "a setting": entry("set_max_epochs", "keras.config", max_epochs=0),
    "a choice among functions": entry("Switch", "keras.src.ops.core", "Switch"),
    "a loop of a function": entry("WhileLoop", "keras.src.ops.core", "WhileLoop", cond="x"),
    "a function of Keras's operations": entry("switch", "keras.ops", index=0),
    "a function on every row": entry("Map", "keras.src.ops.core"),
    "a vocabulary in a file": entry("TextVectorization", "keras.layers", vocabulary="{mark}"),
    "words in a file": entry("StringLookup", "keras.layers", vocabulary="{mark}"),
    "a stranger's class": entry("Recorder", "stranger", "stranger>Recorder", path="{mark}"),
    "a stranger's class as the zoo's": entry("VAE", "zoo.models.vae", "stranger>Recorder"),
    "a stranger's class as Keras's": entry("Recorder", "keras.layers", "stranger>Recorder"),
    "a stranger's class by name alone": "stranger>Recorder",
    "the zoo's under a name alone": entry("VAE", "zoo.models.vae"),
    "what the zoo has not": entry("Popen", "zoo.models.vae", "zoo>Popen"),
    "a loader of images": entry("image_dataset_from_directory", "keras.utils", directory="/"),
    "a helper of Keras's": entry("get_file", "keras.utils", fname="{mark}"),
    "an inner module": entry("Popen", "keras.src.utils.file_utils"),
    "no module": {"class_name": "Dense", "config": {"units": 1}},
    "no name": entry(None, "keras.layers"),
    "a list for a name": entry(["os", "system"], "keras.layers"),
    "an object for a name": entry({"class_name": "Dense"}, "keras.layers"),
    "a number for a name": entry(3, "keras.layers"),
    "an object for a module": entry("Dense", {}),
    "a list for the registered name": entry("Dense", "keras.layers", ["Dense"]),
    "a function without any": {"class_name": "function"},
    "a function that is an object": {**entry("function", "builtins", "function"), "config": {}},
    "a name alone": {"class_name": "Normal"},
}


@keras.saving.register_keras_serializable(package="stranger")
class Recorder:
    """A class that another library registered; its constructor writes a file."""

    def __init__(self, path="recorded"):
        open(path, "w").close()

    def get_config(self):
        return {}


@pytest.mark.parametrize("place", ["likelihood", "encoder", "optimizer", "deep inside"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_code_in_a_config_is_refused_and_nothing_runs(
    kind, place, vae_preset, tmp_path, monkeypatch
):
    mark = tmp_path / "mark"
    hostile = json.loads(json.dumps(HOSTILE[kind]).replace("{mark}", str(mark)))
    monkeypatch.chdir(tmp_path)

    def plant(config):
        if place == "optimizer":
            config["optimizer"] = hostile
        elif place == "deep inside":
            layer = entry("Wrapper", "keras.layers", layer={"deeper": [hostile]})
            config["config"]["encoder"] = entry("Sequential", "keras", layers=[layer])
        else:
            config["config"][place] = hostile

    rewrite_config(vae_preset, plant)
    made = []
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", made.append)
    monkeypatch.setattr(loading.CLASSES["VAE"], "from_config", made.append)
    with pytest.raises(ValueError, match="nothing was loaded"):
        zoo.load(vae_preset)
    assert made == []
    assert not mark.exists()


def test_a_given_class_does_not_allow_an_unknown_one():
    """Keras would make the class of the registered name, whatever stands beside it."""
    given = {"Own": type("Own", (keras.layers.Layer,), {})}
    assert safety.is_allowed(entry("Own", None, "Own"), given)
    assert safety.is_allowed(entry("Own", None, "mine>Own"), given)
    assert safety.is_allowed(entry("Recorder", None, "stranger>Recorder"), {"Recorder": Recorder})
    assert not safety.is_allowed(entry("Own", None, "stranger>Recorder"), given)


def test_objects_in_networks_are_allowed(tmp_path):
    """Layers, activations, initializers, constraints, schedules and operations of Keras."""
    x = keras.Input((8, 8, 1))
    h = keras.layers.Conv2D(
        3, 3, activation="gelu", kernel_initializer=keras.initializers.HeNormal(seed=1)
    )(x)
    h = keras.layers.BatchNormalization(gamma_constraint=keras.constraints.NonNeg())(h)
    h = keras.layers.MultiHeadAttention(2, 3)(h, h)
    h = keras.ops.stop_gradient(h) * 0.5 + keras.ops.softmax(h)
    h = keras.ops.concatenate([h, keras.ops.transpose(h, (0, 2, 1, 3))], axis=-1)
    h = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.1))(keras.ops.mean(h, 1))
    h = keras.layers.Bidirectional(keras.layers.GRU(3))(h)
    heads = {name: keras.layers.Dense(3, name=name)(h) for name in ("z_mean", "z_log_var")}
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(64)])
    z = keras.Input((3,))
    decoded = keras.layers.Reshape((8, 8, 1))(decoder(z))
    model = zoo.VAE(encoder=keras.Model(x, heads), decoder=keras.Model(z, decoded))
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 50)
    model.compile(keras.optimizers.AdamW(schedule))
    zoo.save(model, tmp_path / "mine")
    loaded = zoo.load(tmp_path / "mine")
    assert [type(layer) for layer in loaded.encoder.layers] == [
        type(layer) for layer in model.encoder.layers
    ]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("relu", True), ("gelu", True), ("exec", False), ("get", False), ("deserialize", False)],
)
def test_an_activation_may_be_written_as_a_function(name, allowed):
    saved = {**entry("function", "builtins", "function"), "config": name}
    assert safety.is_allowed(saved, {}) == allowed
    assert not safety.is_allowed({**saved, "module": "keras.config"}, {})
