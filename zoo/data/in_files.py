"""Data sets that are read from files in ZOO_DATA: more digits, faces, color images, signals.

Each is an .npz file with verified content. None of them is downloaded.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from zoo.data.downloaded import AIRPLANE_TO_TRUCK, DIGITS
from zoo.data.source import SOURCES, Source, checked, in_folder, read_arrays

_ORIGINALS = (
    ' Or take the originals, which Keras downloads: zoo.data.load("cifar10"), and for zoo evaluate '
    "and zoo generate --data cifar10."
)
_SAME_FACES = (
    " scikit-learn downloads the same faces, in [0, 1], as an array to train on: "
    "sklearn.datasets.fetch_olivetti_faces().images[..., None]."
)


def in_file(
    file: str,
    content: str,
    made: Callable[[list[np.ndarray]], Sequence] = list,
    *,
    dtypes: dict[str, str] | None = None,
    elsewhere: str = "",
) -> Callable[[str], Sequence]:
    """Return a function that reads a data set from a file in the folder of `ZOO_DATA`.

    Args:
        file: the name of the file.
        content: the content of its arrays, for the error if the file is missing.
        made: turns the arrays into x_train, y_train, x_test, y_test, if the file has other arrays.
        dtypes: dtypes of the arrays that are not uint8, by name.
        elsewhere: where else to get the data; the end of the error message.
    """

    def read(name):
        keys, path = tuple(SOURCES[name].sha256), in_folder(file)
        if path is None:
            raise OSError(
                f"The data set {name} was not found; the zoo does not download it. Put {file}, "
                f"with {', '.join(keys)} as {content}, into a folder and set ZOO_DATA to that "
                f"folder.{elsewhere}"
            )
        return made(checked(SOURCES[name], keys, read_arrays(path, keys), path, dtypes))

    return read


def _binarized(arrays):
    x_train, x_valid, x_test = (
        np.unpackbits(bits, axis=1)[:, : 28 * 28].reshape(-1, 28, 28, 1).astype("float32")
        for bits in arrays
    )
    return np.concatenate([x_train, x_valid]), None, x_test, None


def _unlabeled(arrays):
    x_train, x_test = arrays
    return x_train, None, x_test, None


def _thousandths(arrays):
    """Return images in [0, 1] of pixels in thousandths of [-1, 1].

    The images in bytes in the same file are damaged: a product of 16-bit numbers overflowed when
    they were made.
    """
    x_train, y_train, x_test, y_test = arrays
    x_train, x_test = (
        ((images.astype("float32") + 1000) / 2000)[..., None] for images in (x_train, x_test)
    )
    return x_train, y_train, x_test, y_test


def _heartbeats(arrays):
    x, x_test, y_test = arrays
    return x[..., None], np.zeros(len(x), "uint8"), x_test[..., None], y_test


def _of_jpeg_files(arrays):
    files, offsets, y, files_test, offsets_test, y_test = arrays
    train = _shuffled(_decoded(files, offsets), y)
    return [*train, *_shuffled(_decoded(files_test, offsets_test), y_test)]


def _shuffled(x, y):
    """Return images and labels, which the file sorts by class, in the order drawn by seed 0."""
    order = np.random.default_rng(0).permutation(len(x))
    return x[order], y[order]


def _decoded(files, offsets):
    """Return the images of concatenated JPEG files, uint8 [n, height, width, 3]."""
    from PIL import Image

    content = files.tobytes()
    pairs = itertools.pairwise(offsets)  # where a file and its successor start
    files = (io.BytesIO(content[a:b]) for a, b in pairs)
    return np.stack([np.asarray(Image.open(file, formats=("JPEG",))) for file in files])


SOURCES["mnist_binarized"] = Source(
    "MNIST, binarised once and for all by H. Larochelle and I. Murray (2011)",
    f"{SOURCES['mnist'].licence}; none stated for the binarisation",
    SOURCES["mnist"].credit,
    (),
    {
        "x_train": "727146c35424b019f3e350e1e69faa05644a0abaf787e3f4e1a9632220a13906",
        "x_valid": "a256ac44ae26be720fad8616a05ed6ecfd1619930d9a208379bb2a4405df5b6d",
        "x_test": "9fcd8da6f0fdf09b2ba30fe63a0bb784042a0de82563172530229b983e294ff2",
    },
    60_000,
    read=in_file("binarized_mnist.npz", "packed bits (uint8 [n, 98])", _binarized),
)
SOURCES["frey_faces"] = Source(
    "Frey faces: 1,965 frames of one face, 28x20, gray, in order of time",
    "none stated",
    "B. J. Frey and S. T. Roweis",
    (),
    {
        "x_train": "47d84ff77ee0d073132ab408907bcceb7a8a9fa444c6d741f4331f57302b28c8",
        "x_test": "4b70eb7767a20e9e900bebeef16d00dd6d961aa8f13a02e58cb4b37011c3cf37",
    },
    1765,
    read=in_file("freyfaces.npz", "images (uint8 [n, 28, 20])", _unlabeled),
)
SOURCES["usps"] = Source(
    "USPS digits of envelopes, 16x16, in the split of The Elements of Statistical Learning",
    "none stated",
    "Y. LeCun et al., AT&T; J. Friedman, T. Hastie and R. Tibshirani",
    DIGITS,
    {
        "x_train_milli": "19278ce4e0242e481c6dd79ee608eac38d318df582628cd12bb841fdf0568f44",
        "y_train": "ee5027fd47b76715ac18ca27e72fa1332bde98e0b8ce593b503bb2bdb6c03da0",
        "x_test_milli": "9c748d6be2e9da7d29b975c23c281f30a623fe85d17554cdeb3081ad123882f6",
        "y_test": "0b8b792b8ca1c5c704fd9d5bbd1b261623a359e6c8c65b23db428257beea7800",
    },
    7291,
    read=in_file(
        "usps.npz",
        "1,000 times the pixels in [-1, 1] (int16 [n, 16, 16]) and labels",
        _thousandths,
        dtypes={"x_train_milli": "int16", "x_test_milli": "int16"},
    ),
)
SOURCES["olivetti"] = Source(
    "Olivetti faces: ten images of each of 40 people, 64x64, gray; two of each for testing",
    "none stated",
    "AT&T Laboratories Cambridge",
    tuple(f"person {i}" for i in range(40)),
    {
        "x_train": "fc6008491789a8418515c7a554203c78dc48862a83d00f412891d48ab4be4847",
        "y_train": "0e4349e774efb72cc61a353a67673d12a7efd2bb557968af723645da73dea245",
        "x_test": "4a2339c1cab32385b2745e97f853ad33d6664b3c07f4113195d9a527a3b85b4a",
        "y_test": "6f8a34d8bd055b2946cf280d6b3be6597cc7293a7ada0cae1bd779fbbb1f3d93",
    },
    320,
    read=in_file("olivetti64.npz", "images (uint8 [n, 64, 64]) and labels", elsewhere=_SAME_FACES),
)
SOURCES["omniglot"] = Source(
    "Omniglot: 242 characters of its two small background sets, 28x28, 20 drawers each",
    "MIT",
    "B. Lake, R. Salakhutdinov and J. Tenenbaum",
    tuple(f"character {i}" for i in range(242)),
    {
        "x_train": "e915ad3c9ad9418a507e00bf253841283053d2153313c57202d849ed9cd7d26b",
        "y_train": "cd5c386cb96c2e0c1bdfa0284721dcd3ade97b531b2cf51e9e8e11c8bf23d1f0",
        "x_test": "27dffb91457bfb24c2d2296323f8cf3addf14d897bc5bdef7eef1c2c61e0cfc2",
        "y_test": "e924c6a4fe670ba0d5a72f84d3b7a516c108d16623f82136a09d69bb5b523abf",
    },
    3872,
    read=in_file("omniglot_small28.npz", "images (uint8 [n, 28, 28]) and labels"),
)
SOURCES["cifar10_jpeg"] = Source(
    "CIFAR-10 as JPEG copies of quality 75, 32x32 in color",
    "none stated",
    "A. Krizhevsky, V. Nair and G. Hinton",
    AIRPLANE_TO_TRUCK,
    {
        "jpeg_train": "90b39bd6a13957538c67ede87ee5105e3bba37c8cd0216143c02e5eace83a47b",
        "offsets_train": "9bead009e4d66d643f9c0ee1f5e8a425413370b7a10465859faf35ddf4f21356",
        "y_train": "a29f2a5ffc141bb1c9e1af453e9a5ef8c316b2f675f8cea1d849d220d33a14fb",
        "jpeg_test": "51bb81e661ebd8b37721af1e1bb132db3e2fa8b95ccf385867df9894267f111e",
        "offsets_test": "6ee08d0c2e43aa03af09e3d87f537cf25eecd414a9a0e47176063a2257297c37",
        "y_test": "a054c239a40ee7f2a5745e7e4bc11a51e9cb40c98134b602c1068e6a207487c6",
    },
    50_000,
    read=in_file(
        "cifar10_jpeg.npz",
        "the bytes of JPEG files, where each starts, and labels",
        _of_jpeg_files,
        dtypes={"offsets_train": "int64", "offsets_test": "int64"},
        elsewhere=_ORIGINALS,
    ),
)
SOURCES["cifar10_subset"] = Source(
    "CIFAR-10's first 3,000 training images and 1,000 of its test images, 32x32 in color",
    "none stated",
    "A. Krizhevsky, V. Nair and G. Hinton",
    AIRPLANE_TO_TRUCK,
    {
        "x_train": "08299526b3de957c7e10345538f08d2e8bf4f99da4e14febe480cd074d82e160",
        "y_train": "ceb03bc91b77beb4c0995c09ac630dc9c043ce5c3ab3f66286cd63ecac7c61f1",
        "x_test": "da362006b99671213d1a5d856cab2bedf64d40bad4501630ee60f4ceb2d3ec7f",
        "y_test": "636a087e604331a0b9dafc94b6e9ade0c9cec72c4400d12473ccdb3e264474c1",
    },
    3000,
    read=in_file(
        "cifar10_subset.npz", "images (uint8 [n, 32, 32, 3]) and labels", elsewhere=_ORIGINALS
    ),
)
SOURCES["ecg5000"] = Source(
    "ECG5000: heartbeats of 140 steps; normal ones for training",
    "none stated",
    "A. Goldberger et al., PhysioNet; Y. Chen and E. Keogh, UCR archive",
    ("normal", "not normal"),
    {
        "x_train": "288b794b065f5529a2074c086e85e6d995586f42ef0a7bb8c0c7bcd46638de6f",
        "x_test": "ce3a55230df43a281bc91d0e696259cfc512e7eedf9e6be38a37d7e036e04cca",
        "y_test": "a2c251d050dd1a3061256eff4048ffc792c54a6f2d6466c2a779b7b6e3862d82",
    },
    2335,
    read=in_file(
        "ecg5000.npz",
        "signals (float32 [n, 140]) and labels",
        _heartbeats,
        dtypes={"x_train": "float32", "x_test": "float32"},
    ),
)
