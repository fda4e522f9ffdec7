"""Saving: whole preset folders or none, weights in fewer bits, and what a card records."""

import errno
import os

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from zoo.presets import saving
from zoo.presets.card import describe_file

SHAPE, LATENT = (8, 8, 1), 3


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# Folders


def test_saving_refuses_an_existing_folder_and_overwrite_replaces_it(vae, vae_preset):
    (vae_preset / "extra.txt").write_text("left over")
    before = snapshot(vae_preset)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        zoo.save(vae, vae_preset)
    with pytest.raises(FileExistsError, match=r"not written by the zoo: extra\.txt"):
        zoo.save(vae, vae_preset, overwrite=True)
    assert snapshot(vae_preset) == before
    (vae_preset / "extra.txt").unlink()
    zoo.save(vae, vae_preset, overwrite=True, about={"description": "second"})
    assert zoo.card(vae_preset)["description"] == "second"
    assert os.listdir(vae_preset.parent) == ["preset"]


@pytest.mark.parametrize(
    "error", [RuntimeError("wrong"), KeyboardInterrupt(), OSError(errno.ENOSPC, "no space left")]
)
@pytest.mark.parametrize("step", ["describe_file", "_copy_weights", "render_card"])
def test_an_error_while_saving_leaves_the_old_preset(step, error, vae, vae_preset, monkeypatch):
    before = snapshot(vae_preset.parent)

    def fail(*args):
        raise error

    monkeypatch.setattr(saving, step, fail)
    with pytest.raises(type(error)):
        zoo.save(vae, vae_preset, overwrite=True)
    with pytest.raises(type(error)):
        zoo.save(vae, vae_preset.parent / "other")
    assert snapshot(vae_preset.parent) == before
    assert os.listdir(vae_preset.parent) == ["preset"]


def test_a_class_instead_of_a_model_is_refused(tmp_path):
    with pytest.raises(TypeError, match="this is the class VAE"):
        zoo.save(zoo.VAE, tmp_path / "preset")


def test_a_model_of_another_kind_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"Only models of the zoo.*is a Sequential"):
        zoo.save(keras.Sequential([keras.Input((2,)), layers.Dense(1)]), tmp_path / "preset")


# Storage


@pytest.mark.parametrize("storage", ["float64", "int8", None])
def test_an_unknown_storage_is_refused(storage, vae, tmp_path):
    with pytest.raises(ValueError, match="choose one of float32, float16, compact"):
        zoo.save(vae, tmp_path / "preset", storage=storage)


def test_fewer_bits_make_smaller_files_and_keep_the_outputs_close(few_digits, tmp_path):
    keras.utils.set_random_seed(5)
    model = zoo.VAE(SHAPE, LATENT, hidden_units=(512,))
    original, sizes = model.reconstruct(few_digits[0]), {}
    for storage, tolerance in (("float32", 0), ("float16", 1e-3), ("compact", 2e-2)):
        card = zoo.save(model, tmp_path / storage, storage=storage)
        assert card["storage"] == storage
        sizes[storage] = (tmp_path / storage / "model.weights.h5").stat().st_size
        loaded = zoo.load(tmp_path / storage)
        assert {w.dtype for w in loaded.weights} == {"float32"}
        error = np.abs(loaded.reconstruct(few_digits[0]) - original).max()
        assert error <= tolerance
        assert (error > 0) == (storage != "float32")
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert sizes["compact"] < 0.65 * sizes["float16"]


def test_compact_kernels_are_the_nearest_of_five_bits(tmp_path):
    model = zoo.VAE(SHAPE, LATENT, hidden_units=(16,))
    kernel = np.linspace(-1, 1, 64 * 16, dtype="float16").reshape(64, 16)
    model.encoder.get_layer("dense_0").set_weights([kernel, np.full(16, 0.3, "float32")])
    zoo.save(model, tmp_path / "preset", storage="compact")
    found, bias = zoo.load(tmp_path / "preset").encoder.get_layer("dense_0").get_weights()
    _, exponent = np.frexp(kernel)
    steps = np.ldexp(found, 5 - exponent)  # below the power of two above it, in 32 steps
    np.testing.assert_array_equal(steps, np.round(steps))
    assert (np.abs(found - kernel) <= np.ldexp(1 / 64, exponent)).all()
    np.testing.assert_allclose(bias, 0.3, rtol=1e-3)


def test_weights_beyond_float16_are_refused(tmp_path):
    model = zoo.VAE(SHAPE, LATENT, hidden_units=(16,))
    model.encoder.weights[0].assign(keras.ops.full(model.encoder.weights[0].shape, 1e5))
    with pytest.raises(ValueError, match="too large for float16; use storage='float32'"):
        zoo.save(model, tmp_path / "preset", storage="float16")
    assert os.listdir(tmp_path) == []


# Cards


@pytest.mark.parametrize(
    ("cls", "family"),
    [(zoo.VAE, "vae"), (zoo.M1, "semisupervised"), (type("Own", (zoo.VAE,), {}), "vae")],
)
def test_the_card_names_the_family(cls, family, tmp_path):
    labeled = {"num_classes": 3} if cls is zoo.M1 else {}
    card = zoo.save(cls(SHAPE, 2, hidden_units=(4,), **labeled), tmp_path / "preset")
    assert card["family"] == family


def test_pictures_and_entries_of_the_card_are_kept(vae, tmp_path):
    figure = zoo.plots.samples(vae, rows=1, columns=2)
    zoo.save(vae, tmp_path / "p", about={"licence": "MIT"}, pictures={"preview.png": figure})
    card = zoo.card(tmp_path / "p")
    assert card["licence"] == "MIT"
    assert (tmp_path / "p" / "preview.png").read_bytes()[1:4] == b"PNG"
    assert card["files"]["preview.png"] == describe_file(tmp_path / "p" / "preview.png")
    assert "![Preview" in (tmp_path / "p" / "README.md").read_text()


def test_metrics_are_written_to_the_card_and_the_readme(vae_preset):
    figure = {
        "name": "height",
        "value": 1.5,
        "unit": "m",
        "protocol": "with a ruler",
        "command": "measure it",
    }
    saving.update_card(vae_preset, [figure])
    assert zoo.card(vae_preset)["figures"] == [figure]
    assert "| height | 1.5 m | with a ruler |" in (vae_preset / "README.md").read_text()
    zoo.load(vae_preset)


def test_a_layer_that_loading_refuses_is_warned_of(tmp_path):
    codes, images = keras.Input((4,)), keras.Input((2,))
    twice = keras.layers.Lambda(lambda x: 2 * x)
    encoder = keras.Model(codes, keras.layers.Dense(2)(twice(codes)))
    decoder = keras.Model(images, keras.layers.Dense(4)(images))
    model = zoo.Autoencoder(encoder=encoder, decoder=decoder, likelihood="gaussian")
    with pytest.warns(UserWarning, match="of the class Lambda, which is refused"):
        zoo.save(model, tmp_path / "preset")
    with pytest.raises(ValueError, match="'Lambda'"):
        zoo.load(tmp_path / "preset")
