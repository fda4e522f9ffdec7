"""Files of weights that were tampered with are refused before they are read."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import h5py
import keras
import numpy as np
import pytest
from support.tampering import entry, rewrite, rewrite_config

import zoo
from zoo.presets import weight_files


def test_weights_of_another_model_are_refused(vae_preset, tmp_path):
    zoo.save(zoo.VAE((8, 8, 1), 3, hidden_units=(5,)), tmp_path / "other")
    rewrite(vae_preset, "model.weights.h5", (tmp_path / "other" / "model.weights.h5").read_bytes())
    with pytest.raises(ValueError, match="does not hold the weights of this VAE"):
        zoo.load(vae_preset)


def larger(file, place, secret):
    del file[place]
    file.create_dataset(place, (2**28,), "float32", chunks=(2**20,), compression="gzip")


def linked(file, place, secret):
    del file[place]
    file[place] = h5py.ExternalLink(str(secret), "secret")


def linked_within(file, place, secret):
    file["elsewhere"] = h5py.SoftLink(place)


def elsewhere(file, place, secret):
    shape = file[place].shape
    del file[place]
    file.create_dataset(place, shape, "float32", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file, place, secret):
    shape = file[place].shape
    del file[place]
    layout = h5py.VirtualLayout(shape, "float32")
    layout[...] = h5py.VirtualSource(str(secret), "secret", shape)
    file.create_virtual_dataset(place, layout)


def in_large_pieces(file, place, secret):
    shape = file[place].shape
    del file[place]
    pieces = {"maxshape": (None, None), "chunks": (2**14, 2**13), "compression": "gzip"}
    file.create_dataset(place, shape, "float32", **pieces)


def imaginary(file, place, secret):
    values = file[place][()]
    del file[place]
    file[place] = values.astype("complex64")


def texts(file, place, secret):
    del file[place]
    file.create_dataset(place, data=["a", "b"], dtype=h5py.string_dtype())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (larger, r"has the shape \(268435456,\), which no weight of the model has"),
        (linked, "is a link, but links are not followed"),
        (linked_within, "is a link"),
        (elsewhere, "are in another file, which is not read"),
        (virtual, "are in another file"),
        (texts, "weights are numbers"),
        (imaginary, "holds complex64, but weights are numbers"),
        (in_large_pieces, r"is stored in pieces of \(16384, 8192\), larger than itself"),
    ],
)
def test_weights_that_are_too_large_or_in_other_files_are_refused_unread(
    change, says, vae_preset, tmp_path, monkeypatch
):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones((64, 16), "float32")
    spoiled, places = tmp_path / "spoiled.h5", []
    shutil.copy(vae_preset / "model.weights.h5", spoiled)
    with h5py.File(spoiled, "r+") as file:
        file.visititems(
            lambda name, item: (
                places.append(name) if getattr(item, "shape", 0) == (64, 16) else None
            )
        )
        change(file, places[0], secret)
    rewrite(vae_preset, "model.weights.h5", spoiled.read_bytes())
    assert (vae_preset / "model.weights.h5").stat().st_size < 2**20
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ValueError, match=f"does not hold the weights of (a|this) VAE: .*{says}"):
        zoo.load(vae_preset)


@pytest.mark.parametrize("content", [b"", b"no HDF5 at all"])
def test_a_file_that_is_no_weights_is_refused(content, vae_preset):
    rewrite(vae_preset, "model.weights.h5", content)
    with pytest.raises(ValueError, match="does not hold the weights"):
        zoo.load(vae_preset)


def widened(config):
    config["config"]["hidden_units"] = [2**15, 2**15]


def widened_inside(config):
    z = {"batch_shape": [None, 3], "dtype": "float32", "name": "z"}
    config["config"]["decoder"] = entry(
        "Sequential",
        "keras",
        layers=[
            entry("InputLayer", "keras.layers", **z),
            entry("Dense", "keras.layers", units=2**30, name="wide"),
        ],
        name="decoder",
    )
    config["config"]["encoder"] = config["config"]["decoder"]


@pytest.mark.parametrize("change", [widened, widened_inside])
def test_networks_far_larger_than_their_weights_are_refused_before_they_are_made(
    change, vae_preset, monkeypatch
):
    """Four gigabytes and more, which a file of some kilobytes asks for."""
    rewrite_config(vae_preset, change)
    made, make = [], keras.initializers.GlorotUniform.__call__

    def noted(self, shape, *args, **options):
        made.append(np.prod(shape))
        return make(self, shape, *args, **options)

    monkeypatch.setattr(keras.initializers.GlorotUniform, "__call__", noted)
    original = keras.layers.Layer.add_weight
    with pytest.raises(ValueError, match="its networks have far more weights than the .* stored"):
        zoo.load(vae_preset)
    assert max(made, default=0) < 2**23
    assert keras.layers.Layer.add_weight is original


def test_threads_that_load_leave_keras_as_it_was(vae_preset):
    original = keras.layers.Layer.add_weight
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(zoo.load, [vae_preset] * 8))
    assert keras.layers.Layer.add_weight is original
    for model in models:
        np.testing.assert_array_equal(model.get_weights()[0], models[0].get_weights()[0])


def test_stored_values_are_counted_by_their_bytes(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["plain"] = np.zeros((30, 40), "float32")
        file.create_dataset("packed", data=np.zeros(5000, "float32"), compression="gzip")
        file.create_dataset("declared", (2**28,), "float32", chunks=(2**20,), compression="gzip")
        file.create_dataset("never written", (2**28,), "float32")
        file["nothing"] = h5py.Empty("float32")
        size = file["packed"].id.get_storage_size()
    expected = (30 * 40 + weight_files.DENSEST * size // 4, 5)
    assert weight_files.stored(tmp_path / "a.h5") == expected
    assert expected[0] < 2000


class Nest(keras.layers.Layer):
    """A layer that holds another one in a list of lists."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = [[keras.layers.Dense(3)]]

    def build(self, shape):
        self.inner[0][0].build(shape)

    def call(self, x):
        return self.inner[0][0](x)


def test_missing_weights_are_refused(tmp_path):
    """Keras only warns of layers in lists of lists whose group the file lacks."""
    x, z = keras.Input((4,)), keras.Input((3,))
    networks = keras.Model(x, Nest()(x)), keras.Model(z, keras.layers.Dense(4)(z))
    model = zoo.Autoencoder(encoder=networks[0], decoder=networks[1])
    zoo.save(model, tmp_path / "nested")
    zoo.load(tmp_path / "nested", custom_objects={"Nest": Nest})
    path, found = tmp_path / "spoiled.h5", []
    shutil.copy(tmp_path / "nested" / "model.weights.h5", path)
    with h5py.File(path, "r+") as file:
        file.visit(lambda name: found.append(name) if name.endswith("/container") else None)
        for name in found:
            del file[name]
    assert found
    rewrite(tmp_path / "nested", "model.weights.h5", path.read_bytes())
    with pytest.raises(ValueError, match="does not hold the weights .*freshly-initialized"):
        zoo.load(tmp_path / "nested", custom_objects={"Nest": Nest})
