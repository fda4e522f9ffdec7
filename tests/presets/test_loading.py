"""Loading: what was saved comes back the same."""

import json

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from support import each_class
from support.presets import loaded, loaded_often

import zoo
from zoo.presets import saving
from zoo.presets.card import describe_file

SHAPE, LATENT, CLASSES = (8, 8, 1), 3, 10


def make(name, **options):
    keras.utils.set_random_seed(5)
    extra = {"num_classes": CLASSES} if name == "CVAE" else {}
    return getattr(zoo, name)(SHAPE, LATENT, hidden_units=(16,), **extra, **options)


@pytest.fixture(scope="module")
def trained(few_digits):
    """One model a class, after an epoch, with an optimizer that is not the default."""
    models = {}
    for name in ("Autoencoder", "VAE", "CVAE", "AAE"):
        model = make(name)
        optimizer = keras.optimizers.RMSprop(3e-3, rho=0.8)
        model.compile(optimizer, steps_per_execution=1, jit_compile=False)
        model.fit(*pairs(model, few_digits), batch_size=32, verbose=0)
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


def pairs(model, few_digits):
    return few_digits if model.conditional else few_digits[:1]


# Coming back


@pytest.mark.parametrize("name", loaded_often())
def test_a_shipped_preset_loads_built_weighted_and_compiled(name):
    model, card = loaded(name), zoo.card(name)
    assert type(model).__name__ == card["class"]
    assert isinstance(model, keras.Model)
    assert model.compiled
    assert model.count_params() == card["parameters"]
    assert model.latent_dim == card["latent_dim"]
    assert list(model.image_shape) == card["input"]["shape"]
    x = np.random.default_rng(0).random((3, *model.image_shape), np.float32)
    x = each_class.data_like(model, x)
    labels = [0, 1, 2] if model.conditional else None
    if hasattr(model, "translate"):
        assert model.translate(x).shape == (3, *model.target_shape)
    elif hasattr(model, "encode"):
        assert model.reconstruct(x, labels).shape == x.shape
    else:
        assert model.generate(3, seed=0).shape == x.shape


@pytest.mark.parametrize("name", ["Autoencoder", "VAE", "CVAE", "AAE"])
def test_a_saved_model_is_loaded_with_the_same_outputs(name, trained, few_digits, tmp_path):
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
        loaded.reconstruct(*pairs(model, few_digits)),
        model.reconstruct(*pairs(model, few_digits)),
        atol=1e-6,
    )


@pytest.mark.parametrize("storage", saving.STORAGES)
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


def test_the_optimizers_class_and_settings_are_saved_without_its_state(vae, preset):
    loaded = zoo.load(preset)
    assert isinstance(loaded.optimizer, keras.optimizers.RMSprop)
    assert loaded.optimizer.rho == 0.8
    assert float(loaded.optimizer.learning_rate) == pytest.approx(3e-3)
    assert int(loaded.optimizer.iterations) == 0
    assert int(vae.optimizer.iterations) == 256 // 32


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


def test_another_dtype_policy_can_be_asked_for(preset, few_digits):
    loaded = zoo.load(preset, dtype="mixed_bfloat16")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    np.testing.assert_allclose(
        loaded.reconstruct(few_digits[0]), zoo.load(preset).reconstruct(few_digits[0]), atol=0.05
    )


def test_a_preset_can_be_trained_on(preset, few_digits):
    model = zoo.load(preset)
    before = model.evaluate(few_digits[0], verbose=0, return_dict=True)["loss"]
    model.fit(few_digits[0], batch_size=16, epochs=3, verbose=0)
    assert model.evaluate(few_digits[0], verbose=0, return_dict=True)["loss"] < before


def test_a_fine_tuned_preset_names_its_origin_and_no_licence(few_digits, tmp_path):
    model = zoo.load("vae_digits")
    zoo.save(model, tmp_path / "copy")
    model.fit(few_digits[0][:32], verbose=0)
    zoo.save(model, tmp_path / "tuned")
    again = zoo.load(tmp_path / "tuned")
    again.train_on_batch(few_digits[0][:32])
    again.licence = "Apache-2.0"  # the user's word, not the preset's
    again.fit(few_digits[0][:32], verbose=0)
    zoo.save(again, tmp_path / "again")
    cards = [zoo.card(tmp_path / name) for name in ("copy", "tuned", "again")]
    assert [card["based_on"] for card in cards] == ["vae_digits"] * 3
    assert [card["licence"] for card in cards] == ["Apache-2.0", None, "Apache-2.0"]
    readme = (tmp_path / "tuned" / "README.md").read_text()
    assert "| licence of the weights | not stated |" in readme
    assert "| based on | vae_digits |" in readme
    assert "based on     vae_digits" in str(cards[1])


def test_a_new_model_is_not_based_on_a_preset(preset):
    assert "based_on" not in zoo.card(preset)


# The class's own names


def test_from_preset_and_save_to_preset_do_the_same(vae, few_digits, tmp_path):
    vae.save_to_preset(tmp_path / "preset", storage="float16")
    loaded = zoo.VAE.from_preset(tmp_path / "preset")
    np.testing.assert_array_equal(
        loaded.encode(few_digits[0]), zoo.load(tmp_path / "preset").encode(few_digits[0])
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


def test_own_networks_are_saved_and_loaded(few_digits, tmp_path):
    model = zoo.VAE(**own_networks(layers.Dropout(0.1)))
    model.compile()
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert loaded.encoder.name == "own_encoder"
    assert [type(a) for a in loaded.encoder.layers] == [type(a) for a in model.encoder.layers]
    np.testing.assert_allclose(
        loaded.reconstruct(few_digits[0]), model.reconstruct(few_digits[0]), atol=1e-6
    )


def test_a_custom_layer_is_loaded_if_it_is_given(few_digits, tmp_path):
    model = zoo.VAE(**own_networks(Gain()))
    model.encoder.get_layer("gain").gain.assign(2.5)
    zoo.save(model, tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset", custom_objects={"Gain": Gain})
    assert float(loaded.encoder.get_layer("gain").gain) == 2.5
    np.testing.assert_allclose(loaded.encode(few_digits[0]), model.encode(few_digits[0]), atol=1e-6)


def test_a_renamed_class_is_loaded_if_it_is_given_by_its_old_name(tmp_path):
    old = type("OldVAE", (zoo.VAE,), {})
    new = type("NewVAE", (zoo.VAE,), {})
    model = old((4, 4, 1), 2, hidden_units=(3,))
    zoo.save(model, tmp_path / "preset")
    model.save(tmp_path / "m.keras")
    for path in (tmp_path / "preset", tmp_path / "m.keras"):
        with pytest.raises(ValueError, match=r"custom_objects=\{'OldVAE': \.\.\.\}"):
            zoo.load(path, custom_objects={"NewVAE": new})
        assert type(zoo.load(path, custom_objects={"OldVAE": new})) is new
    zoo.save(zoo.load(tmp_path / "preset", custom_objects={"OldVAE": new}), tmp_path / "again")
    assert zoo.card(tmp_path / "again")["class"] == "NewVAE"


def test_a_class_of_ones_own_that_makes_another_model_now_is_named(tmp_path):
    old = type("OldVAE", (zoo.VAE,), {})
    zoo.save(old((4, 4, 1), 2, hidden_units=(3,)), tmp_path / "preset")

    class Larger(zoo.VAE):
        def count_params(self):
            return 1 + super().count_params()

    with pytest.raises(ValueError, match="or Larger makes another model now than when this"):
        zoo.load(tmp_path / "preset", custom_objects={"OldVAE": Larger})


def test_a_custom_layer_is_refused_if_it_is_not_given(tmp_path):
    zoo.save(zoo.VAE(**own_networks(Gain())), tmp_path / "preset")
    with pytest.raises(ValueError, match=r"names 'Gain'.*custom_objects=\{'Gain': \.\.\.\}"):
        zoo.load(tmp_path / "preset")


def test_an_own_class_is_loaded_if_it_is_given(tmp_path):
    class HalfVAE(zoo.VAE):
        pass

    zoo.save(HalfVAE(SHAPE, LATENT, hidden_units=(4,)), tmp_path / "preset")
    assert type(zoo.load(tmp_path / "preset", custom_objects={"HalfVAE": HalfVAE})) is HalfVAE
    with pytest.raises(ValueError, match="names the class 'HalfVAE'; the zoo has .*Autoencoder"):
        zoo.load(tmp_path / "preset")


@pytest.mark.backend
def test_a_preset_saved_on_pytorch_loads_where_there_is_none(tmp_path):
    """Keras names the module of PyTorch's own optimizers there."""
    model = zoo.VAE(SHAPE, LATENT, hidden_units=(4,))
    model.compile(keras.optimizers.Adam(0.25))
    zoo.save(model, tmp_path / "preset")
    config, card = (tmp_path / "preset" / name for name in ("config.json", "card.json"))
    content = json.loads(config.read_text())
    assert content["optimizer"]["module"] == "keras.optimizers"
    module = "keras.src.backend.torch.optimizers.torch_adam"
    content["optimizer"] |= {"module": module, "registered_name": "Adam"}
    config.write_text(json.dumps(content))
    described = json.loads(card.read_text())
    described["files"]["config.json"] = describe_file(config)
    card.write_text(json.dumps(described))
    optimizer = zoo.load(tmp_path / "preset").optimizer
    assert type(optimizer) is type(keras.optimizers.Adam())
    assert float(optimizer.learning_rate) == 0.25
