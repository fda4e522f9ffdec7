"""Files that state larger sizes than they have are refused before memory is taken."""

import json
import shutil
import struct
import zipfile
import zlib

import h5py
import keras
import numpy as np
import pytest
from support.memory import peak
from support.tampering import resign, rewrite_config

import zoo

MARK = 7919  # a prime, to be found among the sizes in a file
MOST = 200 * 2**20  # bytes that a refusal may take; each of these files asked for far more


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return zoo.VAE((8, 8, 1), 3, hidden_units=(16,))


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    """A preset with weights in HDF5's oldest format, which has no checksums, and a .keras file."""
    folder = tmp_path_factory.mktemp("files")
    zoo.save(model, folder / "preset")
    model.save_weights(folder / "preset" / "model.weights.h5")
    resign(folder / "preset", "model.weights.h5", "card.json")
    model.save(folder / "m.keras")
    return folder


def refuse(path, says):
    """Load a file that is refused with these words, and without memory."""
    before = peak(afresh=True)
    with pytest.raises(ValueError, match=says):
        zoo.load(path)
    assert peak() - before < MOST


def widen(config):
    """Ask for networks of two gigabytes."""
    config["config"]["hidden_units"] = [2**15, 2**14]


def place_of(file, shape=(64, 16)):
    found = []
    file.visititems(lambda name, item: found.append(name) if _shape(item) == shape else None)
    return found[0]


def _shape(item):
    return getattr(item, "shape", None)


def larger_than_the_file(file):
    file.create_dataset("more", data=np.ones(MARK, "float32"))
    return {struct.pack("<QQ", MARK, MARK): 2 * struct.pack("<Q", 2**29),
            struct.pack("<Q", 4 * MARK): struct.pack("<Q", 2**31)}  # fmt: skip


def pieces_larger_than_the_file(file):
    file.create_dataset("more", data=np.ones(16 * MARK, "float32"), chunks=(MARK,))
    return {struct.pack("<II", 4 * MARK, 0): struct.pack("<II", 2**30, 0)}


def the_same_bytes_many_times(file):
    file.create_dataset("more/a", data=np.ones(MARK, "float32"))
    for i in range(9):
        file.create_dataset(f"more/{i}", data=np.full(MARK, i, "float32"))
    start = struct.pack("<Q", file["more/a"].id.get_offset())
    return {struct.pack("<Q", file[f"more/{i}"].id.get_offset()): start for i in range(9)}


def never_written(file):
    del file[place := place_of(file)]
    file.create_dataset(place, (64, 16), "float32")


def pieces_never_written(file):
    del file[place := place_of(file)]
    file.create_dataset(place, (64, 16), "float32", chunks=(8, 16))


def zeros(file):
    data = np.zeros(2**24, "float32")
    file.create_dataset("more", data=data, compression="gzip", compression_opts=9)


def a_bomb(file):
    del file[place := place_of(file)]
    made = file.create_dataset(place, (64, 16), "float32", chunks=(64, 16), compression="gzip")
    packing = zlib.compressobj(9)
    packed = [packing.compress(bytes(2**26)) for _ in range(4)]
    made.id.write_direct_chunk((0, 0), b"".join([*packed, packing.flush()]))


def packed_twice(file):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((2**20,))
    for _ in range(2):
        settings.set_deflate(9)
    space = h5py.h5s.create_simple((2**20,))
    h5py.h5d.create(file.id, b"more", h5py.h5t.IEEE_F32LE, space, settings)


def packed_otherwise(file):
    file.create_dataset("more", data=np.ones(100), chunks=(10,), compression="lzf")


def wide_values(file):
    del file[place := place_of(file, (16,))]
    file.create_dataset(place, (16,), "V67108864")


def values_that_are_arrays(file):
    kind = h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (2**28,))
    h5py.h5d.create(file.id, b"more", kind, h5py.h5s.create(h5py.h5s.SCALAR))


def a_long_attribute(file):
    file[place_of(file)].attrs["dtype"] = "b" * MARK
    return {struct.pack("<I", MARK): struct.pack("<I", 2**30)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (larger_than_the_file, "lie beyond the end of the file|not an HDF5 file"),
        (pieces_larger_than_the_file, "lie beyond the end of the file|not an HDF5 file"),
        (the_same_bytes_many_times, "its arrays take more than the .* bytes that it has|far more"),
        (never_written, "1,024 values, but the file holds none"),
        (pieces_never_written, "has 0 of 8 pieces"),
        (zeros, "far more weights than the .* stored"),
        (a_bomb, "does not unpack to the 4,096 bytes that it should have"),
        (packed_twice, "compressed in a way that Keras does not use"),
        (packed_otherwise, "compressed in a way that Keras does not use"),
        (wide_values, r"holds \|V67108864, but weights are numbers"),
        (values_that_are_arrays, "but weights are numbers"),
        (a_long_attribute, "has the attribute 'dtype', which Keras does not write"),
    ],
)
def test_weights_that_lie_about_sizes_are_refused_without_memory(change, says, files, tmp_path):
    shutil.copytree(files / "preset", tmp_path / "preset")
    path = tmp_path / "preset" / "model.weights.h5"
    with h5py.File(path, "r+") as file:
        lies = change(file) or {}
    data = path.read_bytes()
    for old, new in lies.items():
        assert old in data
        data = data.replace(old, new)
    path.write_bytes(data)
    resign(tmp_path / "preset", "model.weights.h5", "card.json")
    if lies or change is zeros:
        rewrite_config(tmp_path / "preset", widen)
    refuse(tmp_path / "preset", says)
    if change is not a_bomb:
        wide = lies or change is zeros
        repack(files / "m.keras", tmp_path / "m.keras", **{"model.weights.h5": data}, wide=wide)
        refuse(tmp_path / "m.keras", says)


def repack(source, target, kind=zipfile.ZIP_STORED, wide=False, **changed):
    with zipfile.ZipFile(source) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held |= changed
    if wide:
        config = json.loads(held["config.json"])
        widen(config)
        held["config.json"] = json.dumps(config)
    with zipfile.ZipFile(target, "w", kind) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return len(held["model.weights.h5"])


def stated(target, size, packed, unpacked):
    """Let the list at the end of an archive state other sizes of the weights."""
    data = target.read_bytes()
    place = data.rindex(struct.pack("<II", size, size))
    target.write_bytes(data[:place] + struct.pack("<II", packed, unpacked) + data[place + 8 :])


@pytest.mark.parametrize("both", [False, True])
def test_an_archive_that_states_other_sizes_is_refused_without_memory(both, files, tmp_path):
    size = repack(files / "m.keras", tmp_path / "m.keras", wide=True)
    stated(tmp_path / "m.keras", size, 2**32 - 2 if both else size, 2**32 - 2)
    refuse(tmp_path / "m.keras", "states a size of 4,294,967,294 bytes, which its")


def test_an_archive_that_unpacks_to_far_more_is_refused_without_memory(files, tmp_path):
    for name in ("model.weights.h5", "config.json"):
        large = {name: bytes(2**24 - 1)}
        repack(files / "m.keras", tmp_path / "m.keras", zipfile.ZIP_DEFLATED, **large)
        refuse(tmp_path / "m.keras", f"{name} in .* states a size of 16,777,215 bytes, which its")


def test_an_archive_that_was_packed_again_is_loaded(model, files, tmp_path):
    repack(files / "m.keras", tmp_path / "m.keras", zipfile.ZIP_DEFLATED)
    for old, new in zip(
        model.get_weights(), zoo.load(tmp_path / "m.keras").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_many_small_layers_are_refused(files, tmp_path):
    shutil.copytree(files / "preset", tmp_path / "preset")
    change = {"hidden_units": [1] * 5000}
    rewrite_config(tmp_path / "preset", lambda config: config["config"].update(change))
    refuse(tmp_path / "preset", "its networks have far more layers than the 11 arrays stored")


@pytest.mark.parametrize(
    ("prior", "says"),
    [
        ({"petals": {"num_classes": 2**26}}, "num_classes is 67108864; give .* at most 65,536"),
        ({"swiss_roll": {"num_classes": 2**26}}, "num_classes is 67108864"),
    ],
)
def test_a_prior_with_millions_of_parts_is_refused(prior, says, tmp_path):
    zoo.save(zoo.AAE((4, 4, 1), 2, hidden_units=(3,)), tmp_path / "m")
    rewrite_config(tmp_path / "m", lambda config: config["config"].update(prior=prior))
    refuse(tmp_path / "m", says)


def test_a_mixture_of_many_dimensions_is_refused_before_its_matrices_are_made():
    with pytest.raises(ValueError, match="the factors would have 25,000,000 numbers"):
        zoo.GaussianMixture(np.zeros((1, 5000)))


def test_text_of_any_length_is_no_value_of_a_network(files, tmp_path):
    shutil.copytree(files / "preset", tmp_path / "preset")
    long = {"class_name": "__numpy__", "module": "builtins", "registered_name": None}
    long["config"] = {"value": ["a"], "dtype": "S2000000000"}
    rewrite_config(tmp_path / "preset", lambda config: config["config"].update(beta=long))
    refuse(tmp_path / "preset", "nothing was loaded")


def test_weights_in_bfloat16_and_arrays_of_zeros_are_loaded(tmp_path):
    x, z = keras.Input((64,)), keras.Input((3,))
    encoder = keras.Model(x, keras.layers.Dense(3, dtype="bfloat16")(x))
    decoder = keras.Model(z, keras.layers.Dense(64, kernel_initializer="zeros")(z))
    model = zoo.Autoencoder(encoder=encoder, decoder=decoder)
    model.save(tmp_path / "m.keras")
    for storage in ("float32", "compact"):
        zoo.save(model, tmp_path / storage, storage=storage)
    for place in ("float32", "m.keras"):
        for old, new in zip(
            model.get_weights(), zoo.load(tmp_path / place).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(old, new)


def test_a_large_array_of_zeros_is_saved_so_that_it_can_be_loaded(tmp_path):
    z, x = keras.Input((1100,)), keras.Input((1100,))
    zeros = keras.layers.Dense(1100, kernel_initializer="zeros")
    model = zoo.Autoencoder(
        encoder=keras.Model(x, keras.layers.Dense(1100, kernel_initializer="zeros")(x)),
        decoder=keras.Model(z, zeros(z)),
    )
    zoo.save(model, tmp_path / "m", storage="compact")
    assert not np.any(zoo.load(tmp_path / "m").get_weights()[0])
