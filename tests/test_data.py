"""Data sets come as checked arrays, or with an error that says how to get them."""

import dataclasses
import hashlib

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from zoo import data


def test_digits_are_images_in_the_unit_range_with_integer_labels():
    (x, y), (x_test, y_test) = data.load("digits")
    assert (x.shape, x_test.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    assert (y.shape, y_test.shape) == ((1437,), (360,))
    assert x.dtype == x_test.dtype == "float32"
    assert y.dtype == y_test.dtype == "int32"
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert set(y) == set(y_test) == set(range(10))


def test_digits_are_those_of_scikit_learn_and_the_last_ones_are_for_testing():
    bunch = load_digits()
    (x, y), (x_test, y_test) = data.load("digits")
    np.testing.assert_allclose(16 * np.concatenate([x, x_test])[..., 0], bunch.images)
    np.testing.assert_array_equal(np.concatenate([y, y_test]), bunch.target)


@pytest.mark.parametrize("name", data.SOURCES)
def test_every_data_set_says_where_it_comes_from(name):
    source = data.SOURCES[name]
    assert source.title
    assert source.licence
    assert source.credit
    none = {"rectangles": 2, "mnist_binarized": 0, "frey_faces": 0}
    assert len(source.classes) == none.get(name, 10)
    arrays = data._ARRAYS if name in ("mnist", "fashion_mnist") else ()
    arrays = ("x_train", "x_valid", "x_test") if name == "mnist_binarized" else arrays
    arrays = ("x_train", "x_test") if name == "frey_faces" else arrays
    assert set(source.sha256) == set(arrays)


@pytest.fixture
def no_network(monkeypatch):
    def unreachable():
        raise RuntimeError("URL fetch failure: no route")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", unreachable)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (6, 28, 28), dtype="uint8"),
        "y_train": np.arange(6, dtype="uint8"),
        "x_test": rng.integers(0, 256, (3, 28, 28), dtype="uint8"),
        "y_test": np.arange(3, dtype="uint8"),
    }


@pytest.fixture
def accepted(monkeypatch, arrays):
    """Make these few arrays the content that MNIST must have."""
    hashes = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in arrays.items()}
    source = dataclasses.replace(data.SOURCES["mnist"], sha256=hashes)
    monkeypatch.setitem(data.SOURCES, "mnist", source)


@pytest.fixture
def folder(monkeypatch, tmp_path, no_network):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    return tmp_path


def test_a_file_in_zoo_data_is_read(arrays, accepted, folder):
    np.savez(folder / "mnist.npz", **arrays)
    (x, y), (x_test, y_test) = data.load("mnist")
    assert (x.shape, x.dtype) == ((6, 28, 28, 1), np.float32)
    np.testing.assert_allclose(255 * x[..., 0], arrays["x_train"], rtol=1e-6)
    np.testing.assert_allclose(255 * x_test[..., 0], arrays["x_test"], rtol=1e-6)
    np.testing.assert_array_equal(y, arrays["y_train"])
    assert y_test.dtype == "int32"


def test_a_download_is_used_where_zoo_data_has_no_file(arrays, accepted, folder, monkeypatch):
    train, test = (tuple(arrays[f"{k}_{part}"] for k in "xy") for part in ("train", "test"))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: (train, test))
    (x, _), _ = data.load("mnist")
    np.testing.assert_allclose(255 * x[..., 0], arrays["x_train"], rtol=1e-6)


@pytest.mark.parametrize("key", data._ARRAYS)
def test_changed_content_is_refused(key, arrays, accepted, folder):
    arrays[key] = arrays[key].copy()
    arrays[key].flat[0] ^= 1
    np.savez(folder / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=rf"{key} from .*mnist\.npz is not MNIST.*sha256"):
        data.load("mnist")


def test_a_changed_download_is_refused(arrays, folder, monkeypatch):
    train, test = (tuple(arrays[f"{k}_{part}"] for k in "xy") for part in ("train", "test"))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: (train, test))
    with pytest.raises(ValueError, match="download is not MNIST"):
        data.load("mnist")


def test_the_right_bytes_in_another_shape_are_refused(arrays, accepted, folder):
    arrays["x_train"] = arrays["x_train"].reshape(6, 784)
    np.savez(folder / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=r"x_train .* has shape \(6, 784\); \(6, 28, 28\)"):
        data.load("mnist")


def test_wider_integers_with_the_right_content_are_the_same(arrays, accepted, folder):
    np.savez(folder / "mnist.npz", **{k: a.astype("int64") for k, a in arrays.items()})
    (x, _), _ = data.load("mnist")
    assert x.max() <= 1.0


@pytest.mark.parametrize("kind", ["empty", "text", "cut off", "array missing"])
def test_a_broken_file_is_refused(kind, arrays, accepted, folder):
    path = folder / "mnist.npz"
    if kind == "array missing":
        del arrays["y_test"]
    np.savez(path, **arrays)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("nothing that NumPy wrote")
    elif kind == "cut off":
        path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"mnist\.npz is not an npz file with the arrays x_train"):
        data.load("mnist")


def test_pickled_objects_are_not_read(accepted, folder, arrays):
    arrays["x_train"] = np.array([{"code": 1}], dtype=object)
    np.savez(folder / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match="not an npz file"):
        data.load("mnist")


def test_the_error_without_internet_has_both_ways_to_get_the_data(no_network, monkeypatch):
    monkeypatch.delenv("ZOO_DATA", raising=False)
    with pytest.raises(OSError, match="ZOO_DATA is not set") as caught:
        data.load("mnist")
    for text in ("no route", "put mnist.npz into a folder", "keras.datasets.mnist.load_data()"):
        assert text in str(caught.value)


def test_the_error_without_internet_has_the_searched_folder(folder):
    with pytest.raises(OSError, match="not in ZOO_DATA=") as caught:
        data.load("mnist")
    assert str(folder) in str(caught.value)


def test_binarized_digits_are_unpacked_checked_and_have_no_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    with pytest.raises(OSError, match="is not downloaded. Put binarized_mnist.npz"):
        data.load("mnist_binarized")
    bits = np.random.default_rng(0).integers(0, 2, (9, 784), dtype="uint8")
    parts = {"x_train": bits[:4], "x_valid": bits[4:6], "x_test": bits[6:]}
    packed = {key: np.packbits(part, axis=1) for key, part in parts.items()}
    np.savez(tmp_path / "binarized_mnist.npz", **packed)
    with pytest.raises(ValueError, match="x_train from .* is not MNIST, binarised"):
        data.load("mnist_binarized")
    hashes = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in packed.items()}
    source = dataclasses.replace(data.SOURCES["mnist_binarized"], sha256=hashes)
    monkeypatch.setitem(data.SOURCES, "mnist_binarized", source)
    (x, y), (x_test, y_test) = data.load("mnist_binarized")
    assert y is y_test is None
    np.testing.assert_array_equal(x[..., 0], bits[:6].reshape(6, 28, 28))
    np.testing.assert_array_equal(x_test[..., 0], bits[6:].reshape(3, 28, 28))
    assert x.dtype == "float32"


def test_frey_faces_are_read_from_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    with pytest.raises(OSError, match="not downloaded. Put freyfaces.npz, with x_train, x_test"):
        data.load("frey_faces")
    frames = np.random.default_rng(0).integers(0, 256, (9, 28, 20), dtype="uint8")
    parts = {"x_train": frames[:6], "x_test": frames[6:]}
    np.savez(tmp_path / "freyfaces.npz", **parts)
    hashes = {key: hashlib.sha256(part.tobytes()).hexdigest() for key, part in parts.items()}
    source = dataclasses.replace(data.SOURCES["frey_faces"], sha256=hashes)
    monkeypatch.setitem(data.SOURCES, "frey_faces", source)
    (x, y), (x_test, _) = data.load("frey_faces")
    assert y is None
    np.testing.assert_allclose(x[..., 0], frames[:6] / 255, atol=1e-6)
    assert x_test.shape == (3, 28, 20, 1)


def test_kept_labels_are_balanced_right_and_chosen_by_the_seed():
    y = np.random.default_rng(0).integers(0, 4, 500)
    kept = data.keep_labels(y, 40, seed=1)
    assert (kept >= 0).sum() == 40
    np.testing.assert_array_equal(kept[kept >= 0], y[kept >= 0])
    np.testing.assert_array_equal(np.bincount(kept[kept >= 0]), [10] * 4)
    np.testing.assert_array_equal(kept, data.keep_labels(y, 40, seed=1))
    assert (kept != data.keep_labels(y, 40, seed=2)).any()
    for wrong in (0, 41, 4000):
        with pytest.raises(ValueError, match=f"n is {wrong}; keep a multiple of 4"):
            data.keep_labels(y, wrong)


def test_unlabeled_images_are_neither_a_class_nor_chosen():
    y = np.array([0, 1, -1, 0, 1, -1])
    kept = data.keep_labels(y, 2)
    assert sorted(kept) == [-1, -1, -1, -1, 0, 1]
    np.testing.assert_array_equal(kept[[2, 5]], -1)


@pytest.mark.parametrize(
    ("y", "n", "error", "says"),
    [
        ([], 3, ValueError, r"y has shape \(0,\); give one label for each image"),
        ([[0, 1]], 2, ValueError, r"y has shape \(1, 2\)"),
        ([0.0, 1.0], 2, TypeError, "y has dtype float64; labels are integers"),
        ([-1, -1], 2, ValueError, "y goes from -1 to -1"),
        ([-2, 0], 2, ValueError, "y goes from -2 to 0"),
        ([0, 1], 2.5, ValueError, "n is 2.5; give a whole number"),
    ],
)
def test_labels_of_which_none_can_be_kept_are_refused(y, n, error, says):
    with pytest.raises(error, match=says):
        data.keep_labels(y, n)
