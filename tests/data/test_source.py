"""Data sets come as checked arrays, or with an error that says how to get them."""

import dataclasses
import hashlib
import io

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from zoo import data
from zoo.data import downloaded


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
    others = {"rectangles": 2, "rectangles_img": 2, "mnist_binarized": 0, "frey_faces": 0}
    others |= {
        "fashion_silhouettes": 0,
        "mnist_halves": 0,
        "newsgroups": 20,
        "photographs": 0,
        "sheep_strokes": 0,
        "bsds500": 0,
        "olivetti_unaligned": 0,
        "scenes": 0,
        "olivetti": 40,
        "omniglot": 242,
        "ecg5000": 2,
        "tones": 3,
    }
    assert len(source.classes) == others.get(name, 10)
    assert all(len(digest) == 64 for digest in source.sha256.values())
    drawn = ("digits", "rectangles", "tones", "scenes", "fashion_silhouettes", "olivetti_unaligned")
    drawn += (
        "photographs",
        "bsds500",
        "rectangles_img",
    )  # from JPEG files, which decoders restore differently
    generated = name in drawn or name.startswith("mnist_")
    assert bool(source.sha256) != (generated and name != "mnist_binarized")


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


@pytest.mark.parametrize("key", downloaded.ARRAYS)
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
    with pytest.raises(OSError, match="does not download it. Put binarized_mnist.npz"):
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
    with pytest.raises(
        OSError, match="does not download it. Put freyfaces.npz, with x_train, x_test"
    ):
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


@pytest.fixture
def in_a_file(monkeypatch, tmp_path):
    """Return a function that writes the file of a data set, whose content is then the right one."""
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))

    def write(name, file, **arrays):
        np.savez(tmp_path / file, **arrays)
        hashes = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in arrays.items()}
        source = dataclasses.replace(data.SOURCES[name], sha256=hashes)
        monkeypatch.setitem(data.SOURCES, name, source)

    return write


def test_signals_keep_their_values_and_have_a_channel(in_a_file):
    x = np.array([[0.0, 0.5, 1.0], [-2.0, 1.5, 0.25]], "float32")
    in_a_file("ecg5000", "ecg5000.npz", x_train=x[:1], x_test=x, y_test=np.uint8([0, 1]))
    (x_train, y), (x_test, y_test) = data.load("ecg5000")
    np.testing.assert_array_equal(x_train, x[:1, :, None])
    np.testing.assert_array_equal(x_test, x[..., None])
    assert (y.tolist(), y_test.tolist()) == ([0], [0, 1])


def test_pixels_in_thousandths_are_between_0_and_1(in_a_file):
    x = np.int16([[-1000, -500], [0, 1000]])[None]
    in_a_file("usps", "usps.npz", x_train_milli=x, y_train=np.uint8([3]), x_test_milli=x[:, ::-1],
              y_test=np.uint8([3]))  # fmt: skip
    (x_train, y), (x_test, _) = data.load("usps")
    np.testing.assert_allclose(x_train[0, ..., 0], [[0, 0.25], [0.5, 1]])
    np.testing.assert_array_equal(x_test, x_train[:, ::-1])
    assert y.tolist() == [3]


def test_images_in_color_keep_their_channels(in_a_file, arrays):
    color = np.repeat(arrays["x_train"][:, :, :, None], 3, axis=3)
    in_a_file("cifar10_subset", "cifar10_subset.npz", **{**arrays, "x_train": color})
    (x, _), (x_test, _) = data.load("cifar10_subset")
    assert (x.shape, x_test.shape) == ((6, 28, 28, 3), (3, 28, 28, 1))
    np.testing.assert_allclose(255 * x, color, rtol=1e-6)


def test_jpeg_files_in_a_row_are_decoded_in_mixed_order(in_a_file):
    colors = np.array([(200, 30, 30), (20, 180, 40), (10, 20, 90), (90, 90, 90)], "uint8")
    files = []
    for color in colors:
        stream = io.BytesIO()
        Image.fromarray(np.tile(color, (12, 16, 1))).save(stream, "JPEG")
        files.append(np.frombuffer(stream.getvalue(), "uint8"))
    offsets = np.cumsum([0, *map(len, files)])
    rows = {"jpeg": np.concatenate(files), "offsets": offsets, "y": np.uint8([0, 1, 2, 3])}
    both = {f"{key}_{part}": a for part in ("train", "test") for key, a in rows.items()}
    in_a_file("cifar10_jpeg", "cifar10_jpeg.npz", **both)
    (x, y), (x_test, _) = data.load("cifar10_jpeg")
    assert (x.shape, sorted(y)) == ((4, 12, 16, 3), [0, 1, 2, 3])
    assert y.tolist() != [0, 1, 2, 3]
    np.testing.assert_allclose(255 * x[:, 4, 8], colors[y], atol=3)
    np.testing.assert_array_equal(x, x_test)


@pytest.mark.parametrize("name", ["usps", "olivetti", "omniglot", "ecg5000", "cifar10_jpeg"])
def test_a_file_that_is_missing_is_named(name, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    with pytest.raises(OSError, match=rf"{name} was not found.* Put {name}\w*\.npz, with "):
        data.load(name)


def test_without_copies_of_cifar10_the_originals_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    with pytest.raises(OSError, match=r'which Keras downloads: zoo\.data\.load\("cifar10"\)'):
        data.load("cifar10_subset")


@pytest.mark.parametrize("name", ["olivetti", "olivetti_unaligned"])
def test_missing_faces_are_said_to_be_those_of_scikit_learn(name, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    with pytest.raises(OSError, match=r"Put olivetti64.npz, .*fetch_olivetti_faces\(\).images"):
        data.load(name)


def test_original_cifar10_is_known_by_its_first_images(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    x, x_test = np.zeros((50_000, 32, 32, 3), "uint8"), np.zeros((10_000, 32, 32, 3), "uint8")
    labels = np.zeros((50_000, 1), "uint8"), np.zeros((10_000, 1), "uint8")
    download = lambda: ((x, labels[0]), (x_test, labels[1]))  # noqa: E731
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", download)
    with pytest.raises(ValueError, match="x_train from Keras's download is not CIFAR-10"):
        data.load("cifar10")
    digest = hashlib.sha256(x[:3000].tobytes()).hexdigest()
    source = dataclasses.replace(data.SOURCES["cifar10"], sha256={"x_train": digest})
    monkeypatch.setitem(data.SOURCES, "cifar10", source)
    arrays = downloaded.cifar10()
    assert [array.shape for array in arrays[1::2]] == [(50_000,), (10_000,)]
    x = x[:9]
    with pytest.raises(ValueError, match="expected"):
        downloaded.cifar10()


def test_a_data_set_is_registered_by_one_entry_of_the_table(monkeypatch):
    x, y = np.full((2, 4, 4), 255, "uint8"), np.array([1, 0])
    source = data.Source("Two white squares", "MIT", "me", (), read=lambda name: (x, y, x, None))
    monkeypatch.setitem(data.SOURCES, "squares", source)
    (images, labels), (_, nothing) = data.load("squares")
    assert (images.shape, images.max(), labels.dtype) == ((2, 4, 4, 1), 1.0, "int32")
    assert nothing is None
    with pytest.raises(ValueError, match="squares"):
        data.load("square")
