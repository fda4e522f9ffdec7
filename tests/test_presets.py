"""Preset folders: they come back the same, and nothing that was tampered with is loaded."""

import errno
import hashlib
import json
import os
import shutil

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo import catalog, data, presets

SHAPE, LATENT, CLASSES = (8, 8, 1), 3, 10


@pytest.fixture(scope="module")
def digits():
    (x, y), _ = data.load("digits")
    return x[:64], y[:64]


def make(name, **options):
    keras.utils.set_random_seed(5)
    extra = {"num_classes": CLASSES} if name == "CVAE" else {}
    return getattr(zoo, name)(SHAPE, LATENT, hidden=(16,), **extra, **options)


@pytest.fixture(scope="module")
def trained(digits):
    """One model a class, after an epoch, with an optimizer that is not the default."""
    models = {}
    for name in ("Autoencoder", "VAE", "CVAE", "AAE"):
        model = make(name)
        optimizer = keras.optimizers.RMSprop(3e-3, rho=0.8)
        model.compile(optimizer, steps_per_execution=1, jit_compile=False)
        model.fit(*pairs(model, digits), batch_size=32, verbose=0)
        models[name] = model
    return models


@pytest.fixture
def vae(trained):
    return trained["VAE"]


@pytest.fixture
def preset(vae, tmp_path):
    """A preset folder that a test may spoil."""
    zoo.save(vae, tmp_path / "preset")
    return tmp_path / "preset"


def pairs(model, digits):
    return digits if model.conditional else digits[:1]


def rewrite(folder, file, content):
    """Replace a preset's file and make its card agree, as an attacker would."""
    (folder / file).write_bytes(content)
    card = json.loads((folder / "card.json").read_text())
    card["files"][file] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "card.json").write_text(json.dumps(card))


def rewrite_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    rewrite(folder, "config.json", json.dumps(config).encode())


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# Coming back


@pytest.mark.parametrize("name", zoo.list_models())
def test_a_shipped_preset_loads_built_weighted_and_compiled(name):
    model, card = zoo.load(name), zoo.card(name)
    assert type(model).__name__ == card["class"]
    assert isinstance(model, keras.Model)
    assert model.compiled
    assert model.latent_dim == card["latent_dim"]
    assert list(model.image_shape) == card["input"]["shape"]
    x = np.random.default_rng(0).random((3, *model.image_shape), np.float32)
    labels = [0, 1, 2] if model.conditional else None
    assert model.reconstruct(x, labels).shape == x.shape


@pytest.mark.parametrize("name", ["Autoencoder", "VAE", "CVAE", "AAE"])
def test_a_saved_model_comes_back_with_the_same_outputs(name, trained, digits, tmp_path):
    model = trained[name]
    card = zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    assert card["class"] == name
    assert card["parameters"] == sum(int(np.prod(w.shape)) for w in loaded.weights)
    for old, new in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (old, new)))
    np.testing.assert_allclose(
        loaded.reconstruct(*pairs(model, digits)),
        model.reconstruct(*pairs(model, digits)),
        atol=1e-6,
    )


@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("name", ["VAE", "AAE"])
def test_weights_hold_no_state_of_an_optimizer(name, storage, trained, tmp_path):
    zoo.save(trained[name], tmp_path / "preset", storage=storage)
    sizes = {}

    def note(path, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            sizes[path] = item.size

    with h5py.File(tmp_path / "preset" / "model.weights.h5") as file:
        file.visititems(note)
    assert {path.split("/")[0] for path in sizes} <= {"encoder", "decoder", "discriminator"}
    assert sum(sizes.values()) == zoo.card(tmp_path / "preset")["parameters"]


def test_the_optimizers_kind_and_settings_come_back_without_its_state(vae, preset):
    loaded = zoo.load(preset)
    assert isinstance(loaded.optimizer, keras.optimizers.RMSprop)
    assert loaded.optimizer.rho == 0.8
    assert float(loaded.optimizer.learning_rate) == pytest.approx(3e-3)
    assert int(loaded.optimizer.iterations) == 0
    assert int(vae.optimizer.iterations) == 2


def test_every_optimizer_of_several_comes_back(tmp_path):
    model = make("AAE")
    rates = {"reconstruction": 1e-3, "discriminator": 2e-4, "generator": 5e-4}
    model.compile({name: keras.optimizers.Adam(rate) for name, rate in rates.items()})
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    for name, rate in rates.items():
        assert float(loaded.optimizer[name].learning_rate) == pytest.approx(rate)


def test_a_falling_rate_comes_back(tmp_path):
    model = make("VAE")
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 50)))
    zoo.save(model, tmp_path / "preset")
    schedule = zoo.load(tmp_path / "preset").optimizer._learning_rate
    assert schedule.get_config() == model.optimizer._learning_rate.get_config()


def test_a_model_that_was_never_compiled_can_be_saved(tmp_path):
    zoo.save(make("VAE"), tmp_path / "preset")
    assert zoo.load(tmp_path / "preset").compiled


def test_float16_halves_the_file_and_keeps_the_outputs_close(digits, tmp_path):
    keras.utils.set_random_seed(5)
    model = zoo.VAE(SHAPE, LATENT, hidden=(512,))
    for storage in ("float32", "float16"):
        card = zoo.save(model, tmp_path / storage, storage=storage)
        assert card["storage"] == storage
    sizes = [
        (tmp_path / storage / "model.weights.h5").stat().st_size
        for storage in ("float16", "float32")
    ]
    assert sizes[0] < 0.6 * sizes[1]
    loaded = zoo.load(tmp_path / "float16")
    assert {w.dtype for w in loaded.weights} == {"float32"}
    outputs = loaded.reconstruct(digits[0])
    assert 0 < np.abs(outputs - model.reconstruct(digits[0])).max() < 1e-3


def test_weights_beyond_float16_are_refused(tmp_path):
    model = make("VAE")
    model.encoder.weights[0].assign(keras.ops.full(model.encoder.weights[0].shape, 1e5))
    with pytest.raises(ValueError, match="too large for float16; use storage='float32'"):
        zoo.save(model, tmp_path / "preset", storage="float16")
    assert os.listdir(tmp_path) == []


def test_another_dtype_policy_can_be_asked_for(preset, digits):
    loaded = zoo.load(preset, dtype="mixed_bfloat16")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    np.testing.assert_allclose(
        loaded.reconstruct(digits[0]), zoo.load(preset).reconstruct(digits[0]), atol=0.05
    )


def test_a_preset_can_be_trained_on(preset, digits):
    model = zoo.load(preset)
    before = model.evaluate(digits[0], verbose=0, return_dict=True)["loss"]
    model.fit(digits[0], batch_size=16, epochs=3, verbose=0)
    assert model.evaluate(digits[0], verbose=0, return_dict=True)["loss"] < before


# The class's own names


def test_from_preset_and_save_to_preset_do_the_same(vae, digits, tmp_path):
    vae.save_to_preset(tmp_path / "preset", storage="float16")
    loaded = zoo.VAE.from_preset(tmp_path / "preset")
    np.testing.assert_array_equal(
        loaded.encode(digits[0]), zoo.load(tmp_path / "preset").encode(digits[0])
    )


def test_from_preset_of_another_class_is_refused(preset):
    with pytest.raises(TypeError, match="is a VAE, not a AAE"):
        zoo.AAE.from_preset(preset)


# Networks of one's own


class Gain(layers.Layer):
    """A custom layer that nothing registers."""

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain


def own_networks(*extra):
    x = keras.Input(SHAPE, name="x")
    h = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    h = layers.Flatten()(layers.BatchNormalization()(h))
    for layer in extra:
        h = layer(h)
    heads = {name: layers.Dense(LATENT, name=name)(h) for name in ("z_mean", "z_log_var")}
    z = keras.Input((LATENT,), name="z")
    h = keras.ops.tanh(layers.Dense(64)(z))
    return {
        "encoder": keras.Model(x, heads, name="own_encoder"),
        "decoder": keras.Model(z, layers.Reshape(SHAPE)(layers.Dense(64)(h)), name="own_decoder"),
    }


def test_networks_of_ones_own_come_back(digits, tmp_path):
    model = zoo.VAE(**own_networks(layers.Dropout(0.1)))
    model.compile()
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert loaded.encoder.name == "own_encoder"
    assert [type(a) for a in loaded.encoder.layers] == [type(a) for a in model.encoder.layers]
    np.testing.assert_allclose(
        loaded.reconstruct(digits[0]), model.reconstruct(digits[0]), atol=1e-6
    )


def test_a_custom_layer_comes_back_where_it_is_given(digits, tmp_path):
    model = zoo.VAE(**own_networks(Gain()))
    model.encoder.get_layer("gain").gain.assign(2.5)
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset", custom_objects={"Gain": Gain})
    assert float(loaded.encoder.get_layer("gain").gain) == 2.5
    np.testing.assert_allclose(loaded.encode(digits[0]), model.encode(digits[0]), atol=1e-6)


def test_a_custom_layer_is_refused_where_it_is_not_given(tmp_path):
    zoo.save(zoo.VAE(**own_networks(Gain())), tmp_path / "preset")
    with pytest.raises(ValueError, match=r"names 'Gain'.*custom_objects=\{'Gain': \.\.\.\}"):
        zoo.load(tmp_path / "preset")


def test_a_class_of_ones_own_comes_back_where_it_is_given(tmp_path):
    class HalfVAE(zoo.VAE):
        pass

    zoo.save(HalfVAE(SHAPE, LATENT, hidden=(4,)), tmp_path / "preset")
    assert type(zoo.load(tmp_path / "preset", custom_objects={"HalfVAE": HalfVAE})) is HalfVAE
    with pytest.raises(ValueError, match="names the class 'HalfVAE'; the zoo has Autoencoder"):
        zoo.load(tmp_path / "preset")


# Tampering


def test_a_cut_off_weights_file_is_refused(preset):
    path = preset / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="altered or cut off"):
        zoo.load(preset)


@pytest.mark.parametrize("file", ["model.weights.h5", "config.json"])
def test_one_altered_bit_is_refused(file, preset):
    path = preset / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} does not have the sha256 of its card"):
        zoo.load(preset)


@pytest.mark.parametrize("lie", [{"bytes": 3}, {"bytes": None}, {"sha256": "0" * 64}, {}])
def test_a_card_that_lies_about_a_file_is_refused(lie, preset):
    card = json.loads((preset / "card.json").read_text())
    entry = card["files"]["model.weights.h5"]
    card["files"]["model.weights.h5"] = {**entry, **lie} if lie else {}
    (preset / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="altered" if lie else "lacks sha256, bytes in 'files'"):
        zoo.load(preset)


@pytest.mark.parametrize(
    "lie",
    [
        {"class": "AAE"},
        {"latent_dim": 999},
        {"parameters": 1},
        {"input": {"shape": [3, 3, 3], "range": "any"}},
    ],
)
def test_a_card_that_describes_another_model_is_refused(lie, preset):
    card = json.loads((preset / "card.json").read_text())
    (preset / "card.json").write_text(json.dumps({**card, **lie}))
    with pytest.raises(ValueError, match=f"{next(iter(lie))}.*is another"):
        zoo.load(preset)


@pytest.mark.parametrize("file", ["model.weights.h5", "config.json"])
def test_a_missing_file_is_named(file, preset):
    (preset / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"{file} is missing; the preset is incomplete"):
        zoo.load(preset)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_card_that_names_a_file_elsewhere_is_refused(name, preset):
    card = json.loads((preset / "card.json").read_text())
    card["files"][name] = card["files"]["config.json"]
    (preset / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="no plain file name"):
        zoo.load(preset)


@pytest.mark.parametrize("file", ["model.weights.h5", "config.json"])
def test_a_link_that_leaves_the_folder_is_refused(file, preset, tmp_path):
    outside = tmp_path / "outside"
    shutil.move(preset / file, outside)
    (preset / file).symlink_to(outside)
    with pytest.raises(ValueError, match="not inside"):
        zoo.load(preset)


def test_weights_of_another_model_are_refused(preset, tmp_path):
    zoo.save(zoo.VAE(SHAPE, LATENT, hidden=(5,)), tmp_path / "other")
    rewrite(preset, "model.weights.h5", (tmp_path / "other" / "model.weights.h5").read_bytes())
    with pytest.raises(ValueError, match="does not hold the weights of this VAE"):
        zoo.load(preset)


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all"])
def test_a_file_that_is_no_weights_is_refused(content, preset):
    rewrite(preset, "model.weights.h5", content)
    with pytest.raises(ValueError, match="does not hold the weights"):
        zoo.load(preset)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"class": "VAE", "config": 3}', b"\xff"])
def test_a_config_that_is_none_is_refused(content, preset):
    rewrite(preset, "config.json", content)
    with pytest.raises(ValueError, match=r"config\.json (is not readable|holds no class)"):
        zoo.load(preset)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("optimizer"),
        lambda config: config["config"].update(latent_dim="three"),
        lambda config: config["config"].update(unheard_of=1),
        lambda config: config["config"].update(encoder="a", decoder="b"),
    ],
)
def test_a_config_that_makes_no_model_is_refused(change, preset):
    rewrite_config(preset, change)
    with pytest.raises(ValueError, match=r"config\.json does not hold a VAE and its optimizer"):
        zoo.load(preset)


@pytest.mark.parametrize("name", ["Popen", "keras.Model", None, ["VAE"]])
def test_a_class_outside_the_zoo_is_refused(name, preset):
    rewrite_config(preset, lambda config: config.update({"class": name}))
    with pytest.raises(ValueError, match="the zoo has Autoencoder, "):
        zoo.load(preset)


def entry(name, module, registered=None, /, **config):
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered,
    }


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
    "a module of the zoo": entry("run", "zoo.demo", "run", name="{mark}", out="{mark}"),
    "a name like the zoo's": entry("VAE", "zoology"),
    "a name like Keras's": entry("Dense", "kerasevil"),
    "a saved graph": entry("TFSMLayer", "keras.layers", filepath="{mark}"),
    "a pickled module": entry("TorchModuleWrapper", "keras.layers", module="x"),
    "no module": {"class_name": "Dense", "config": {"units": 1}},
    "no name": entry(None, "keras.layers"),
    "a list for a name": entry(["os", "system"], "keras.layers"),
}


@pytest.mark.parametrize("place", ["likelihood", "encoder", "optimizer", "deep inside"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_code_in_a_config_is_refused_and_nothing_runs(kind, place, preset, tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    hostile = json.loads(json.dumps(HOSTILE[kind]).replace("{mark}", str(mark)))

    def plant(config):
        if place == "optimizer":
            config["optimizer"] = hostile
        elif place == "deep inside":
            layer = entry("Wrapper", "keras.layers", layer={"deeper": [hostile]})
            config["config"]["encoder"] = entry("Sequential", "keras", layers=[layer])
        else:
            config["config"][place] = hostile

    rewrite_config(preset, plant)
    made = []
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", made.append)
    monkeypatch.setattr(presets.CLASSES["VAE"], "from_config", made.append)
    with pytest.raises(ValueError, match="nothing was loaded"):
        zoo.load(preset)
    assert made == []
    assert not mark.exists()


# Writing


def test_saving_refuses_an_existing_folder_and_overwrite_replaces_it(vae, preset):
    (preset / "extra.txt").write_text("left over")
    before = snapshot(preset)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        zoo.save(vae, preset)
    assert snapshot(preset) == before
    zoo.save(vae, preset, overwrite=True, about={"description": "second"})
    assert zoo.card(preset)["description"] == "second"
    assert not (preset / "extra.txt").exists()
    assert os.listdir(preset.parent) == ["preset"]


@pytest.mark.parametrize(
    "error", [RuntimeError("wrong"), KeyboardInterrupt(), OSError(errno.ENOSPC, "no space left")]
)
@pytest.mark.parametrize("step", ["describe_file", "_copy_weights", "render_card"])
def test_an_error_while_saving_leaves_the_old_preset(step, error, vae, preset, monkeypatch):
    before = snapshot(preset.parent)

    def fail(*args):
        raise error

    monkeypatch.setattr(presets, step, fail)
    with pytest.raises(type(error)):
        zoo.save(vae, preset, overwrite=True)
    with pytest.raises(type(error)):
        zoo.save(vae, preset.parent / "other")
    assert snapshot(preset.parent) == before
    assert os.listdir(preset.parent) == ["preset"]


@pytest.mark.parametrize("storage", ["float64", "int8", None])
def test_an_unknown_storage_is_refused(storage, vae, tmp_path):
    with pytest.raises(ValueError, match="choose 'float32' or 'float16'"):
        zoo.save(vae, tmp_path / "preset", storage=storage)


def test_a_model_of_another_kind_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"Only models of the zoo.*a Sequential"):
        zoo.save(keras.Sequential([keras.Input((2,)), layers.Dense(1)]), tmp_path / "preset")


def test_pictures_and_entries_of_the_card_are_kept(vae, tmp_path):
    figure = zoo.plots.samples(vae, rows=1, columns=2)
    zoo.save(vae, tmp_path / "p", about={"licence": "MIT"}, pictures={"preview.png": figure})
    card = zoo.card(tmp_path / "p")
    assert card["licence"] == "MIT"
    assert (tmp_path / "p" / "preview.png").read_bytes()[1:4] == b"PNG"
    assert card["files"]["preview.png"] == catalog.describe_file(tmp_path / "p" / "preview.png")
    assert "![Preview" in (tmp_path / "p" / "README.md").read_text()


def test_measured_figures_go_into_the_card_and_the_readme(preset):
    figure = {
        "name": "height",
        "value": 1.5,
        "unit": "m",
        "protocol": "with a ruler",
        "command": "measure it",
    }
    presets.update_card(preset, [figure])
    assert zoo.card(preset)["figures"] == [figure]
    assert "| height | 1.5 m | with a ruler |" in (preset / "README.md").read_text()
    zoo.load(preset)
