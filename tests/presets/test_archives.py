"""`.keras` files: zoo.load takes them with a preset's checks, and Keras's own ways work."""

import io
import json
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest
from support import each_class

import zoo
from zoo.presets import archives

pytestmark = pytest.mark.lowest

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def trained(few_digits):
    model = zoo.VAE(SHAPE, 3, hidden_units=(16,))
    model.compile(keras.optimizers.RMSprop(3e-3, rho=0.8))
    model.fit(few_digits[0][:32], batch_size=16, verbose=0)
    return model


@pytest.fixture
def file(trained, tmp_path):
    trained.save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


def rewrite(file, **members):
    """Replace members of an archive, named without their endings; None leaves one out."""
    with zipfile.ZipFile(file) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(file, "w") as new:
        for name, data in content.items():
            data = members.pop(name.partition(".")[0], data)
            if data is not None:
                new.writestr(name, data)
        for name, data in members.items():
            new.writestr(name, data)


def config_of(file):
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("config.json"))


def test_a_saved_model_is_loaded_with_the_state_of_its_optimizer(trained, file, few_digits):
    loaded = zoo.load(file)
    assert type(loaded) is zoo.VAE
    assert loaded.get_config() == trained.get_config()
    assert loaded.compiled
    assert loaded.optimizer.rho == 0.8
    assert int(loaded.optimizer.iterations) == 2
    for old, new in zip(trained.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (old, new)))
    np.testing.assert_allclose(
        loaded.encode(few_digits[0]), trained.encode(few_digits[0]), atol=1e-6
    )


@pytest.mark.parametrize("make", [lambda: zoo.AAE(SHAPE, 2, hidden_units=(8,)), zoo.CVAE])
def test_several_optimizers_labels_and_no_optimizer_are_saved_and_loaded(make, tmp_path):
    compiled = make is not zoo.CVAE
    model = make() if compiled else zoo.CVAE(SHAPE, 2, num_classes=3, hidden_units=(8,))
    if compiled:
        model.compile({name: keras.optimizers.Adam(0.1) for name in model.updates})
    model.save(tmp_path / "m.keras")
    loaded = zoo.load(str(tmp_path / "m.keras"), dtype="mixed_bfloat16")
    assert type(loaded) is type(model)
    assert loaded.compiled
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class Half(zoo.VAE):
    """A class of a user's own."""


def test_an_own_class_is_loaded_if_it_is_given(tmp_path):
    Half(SHAPE, 2, hidden_units=(4,)).save(tmp_path / "m.keras")
    assert type(zoo.load(tmp_path / "m.keras", custom_objects={"Half": Half})) is Half
    with pytest.raises(ValueError, match="'Half'"):
        zoo.load(tmp_path / "m.keras")


def test_a_missing_file_has_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        zoo.load(tmp_path / "nowhere.keras")


# From strangers


def test_a_model_of_keras_is_not_one_of_the_zoo(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        ValueError, match="names the class 'Sequential'; the zoo has AAE, Autoencoder"
    ):
        zoo.load(tmp_path / "m.keras")


@pytest.mark.parametrize(
    "place", [("config", "likelihood"), ("config", "encoder"), ("compile_config", "optimizer")]
)
@pytest.mark.parametrize(
    "evil",
    [
        {
            "module": "builtins",
            "class_name": "function",
            "config": "plot_image_gallery",
            "registered_name": "function",
        },
        {"module": "os", "class_name": "system", "config": {"command": "touch broken-in"}},
        {
            "module": "keras.src.ops.core",
            "class_name": "Switch",
            "config": {},
            "registered_name": "Switch",
        },
    ],
)
def test_keras_files_may_not_name_what_presets_may_not(place, evil, file, monkeypatch):
    monkeypatch.chdir(file.parent)
    config = config_of(file)
    config[place[0]][place[1]] = evil
    rewrite(file, config=json.dumps(config))
    with pytest.raises(ValueError, match="nothing was loaded"):
        zoo.load(file)
    assert os.listdir(file.parent) == ["m.keras"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"assets/vocabulary.txt": "a"}, "'assets/vocabulary.txt'"),
        ({"metadata": None}, "a model saved by Keras 3 holds"),
        ({"config": b"\xff"}, "not readable as JSON"),
        ({"config": "[" * 100_000}, "not readable as JSON"),
        ({"config": "[1]"}, "an object was expected"),
        ({"config": "{}"}, "does not describe a model"),
        ({"config": " " * (archives.LARGEST_CONFIG + 1)}, "the limit here is 16,777,216"),
        ({"model": b"\0" * (archives.LARGEST_CONFIG * 2)}, "it is not an HDF5 file"),
        ({"model": b"no weights"}, "does not hold the weights of a VAE"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(changes, says, file):
    rewrite(file, **changes)
    with pytest.raises(ValueError, match=says):
        zoo.load(file)


def test_weights_in_other_files_are_refused(file):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as weights:
        weights["encoder"] = h5py.ExternalLink("/etc/passwd", "/")
    rewrite(file, model=buffer.getvalue())
    with pytest.raises(ValueError, match="is a link, but links are not followed"):
        zoo.load(file)


def test_a_position_before_the_start_of_the_file_is_refused(file):
    """Python looks for the first entry a thousand bytes before the start, as the end says."""
    data = bytearray(file.read_bytes())
    data[-6:-2] = (int.from_bytes(data[-6:-2], "little") + 1000).to_bytes(4, "little")
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r"is not a \.keras file, or is corrupted"):
        zoo.load(file)


def test_networks_far_larger_than_their_weights_are_refused(file):
    config = config_of(file)
    config["config"]["hidden_units"] = [2**15, 2**15]
    rewrite(file, config=json.dumps(config))
    with pytest.raises(ValueError, match="its networks have far more weights than the .* stored"):
        zoo.load(file)


@pytest.mark.parametrize("cut", [3, 200, -30])
def test_an_incomplete_file_is_refused(cut, file):
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"is not a \.keras file, or is corrupted"):
        zoo.load(file)


def test_a_byte_that_was_changed_is_noticed(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1  # within the weights
    file.write_bytes(data)
    with pytest.raises(ValueError, match="corrupted"):
        zoo.load(file)


# Keras's own export


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
@pytest.mark.parametrize("name", ["VAE", "CVAE"])
def test_kerass_own_export_works_after_fit(name, few_digits, tmp_path):
    import onnxruntime
    import tensorflow as tf

    x, y = few_digits[0][:32], few_digits[1][:32].astype("int32")
    labels = {"num_classes": 10} if name == "CVAE" else {}
    model = getattr(zoo, name)(SHAPE, 2, hidden_units=(8,), **labels)
    model.compile()
    model.fit(x, y if labels else None, verbose=0)
    expected = model.reconstruct(x, y if labels else None)
    given = {"x": x, "label": y} if labels else x
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.serve(given), expected, atol=1e-5)
    model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    taken = [node.name for node in session.get_inputs()]  # in words of Keras's
    fed = {name: given[name.removeprefix("args_0_")] if labels else given for name in taken}
    np.testing.assert_allclose(session.run(None, fed)[0], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
@pytest.mark.parametrize("name", ["GAN", "Pix2Pix", "TDAE", "PaletteNet", "CAAE", "M2"])
def test_kerass_own_export_takes_what_a_model_takes(name, tmp_path):
    import tensorflow as tf

    model = each_class.make(name)
    specs = model.input_specs()
    several = specs if isinstance(specs, dict) else {"x": specs}
    rng = np.random.default_rng(0)
    given = {
        key: rng.integers(0, 3, 5).astype("int32")
        if spec.dtype == "int32"
        else rng.random((5, *spec.shape[1:])).astype("float32")
        for key, spec in several.items()
    }
    given = given if isinstance(specs, dict) else given["x"]
    model.export(tmp_path / "saved", verbose=False)
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(saved.serve(given), model.predict(given, verbose=0), atol=1e-4)
