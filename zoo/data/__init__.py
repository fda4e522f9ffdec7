"""Data sets as arrays: images in [0, 1], integer labels, verified content."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from zoo.checks.arguments import whole
from zoo.checks.names import UnknownNameError
from zoo.data import attributes, captions, in_files, tones, variants
from zoo.data.captions import Vocabulary as Vocabulary
from zoo.data.folders import ImageFolder as ImageFolder
from zoo.data.folders import from_folder as from_folder
from zoo.data.palettes import palettes as palettes
from zoo.data.silhouettes import gray_levels as gray_levels
from zoo.data.silhouettes import silhouettes as silhouettes
from zoo.data.source import Source as Source
from zoo.data.source import checked, in_folder, read
from zoo.data.stored import StoredImages as StoredImages
from zoo.data.tables import Table as Table
from zoo.data.tables import from_table as from_table
from zoo.data.unaligned import pairs_of_faces
from zoo.data.unaligned import unaligned as unaligned

_DIGITS = tuple("0123456789")
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_DOWNLOADED_SHAPE = (28, 28)

SOURCES = {
    "digits": Source(
        "Optical recognition of handwritten digits, 8x8, as bundled with scikit-learn",
        "CC BY 4.0",
        "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository",
        _DIGITS,
        images=1437,
    ),
    "mnist": Source(
        "MNIST handwritten digits, 28x28",
        "CC BY-SA 3.0",
        "Y. LeCun, C. Cortes and C. J. C. Burges",
        _DIGITS,
        {
            "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        },
        60_000,
    ),
    "fashion_mnist": Source(
        "Fashion-MNIST clothes, 28x28",
        "MIT",
        "H. Xiao, K. Rasul and R. Vollgraf, Zalando SE",
        (
            "T-shirt",
            "trousers",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "boot",
        ),
        {
            "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        },
        60_000,
    ),
}

_MNIST = SOURCES["mnist"]
SOURCES["mnist_binarized"] = Source(
    "MNIST, binarised once and for all by H. Larochelle and I. Murray (2011)",
    f"{_MNIST.licence}; none stated for the binarisation",
    _MNIST.credit,
    (),
    {
        "x_train": "727146c35424b019f3e350e1e69faa05644a0abaf787e3f4e1a9632220a13906",
        "x_valid": "a256ac44ae26be720fad8616a05ed6ecfd1619930d9a208379bb2a4405df5b6d",
        "x_test": "9fcd8da6f0fdf09b2ba30fe63a0bb784042a0de82563172530229b983e294ff2",
    },
    60_000,
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
)
_LOCAL = {
    "mnist_binarized": ("binarized_mnist.npz", "packed bits (uint8 [n, 98])"),
    "frey_faces": ("freyfaces.npz", "images (uint8 [n, 28, 20])"),
}
"""Data sets that are not downloaded: the file, and the content of its arrays."""

_DRAWN = "after Larochelle et al. 2007"
for _name, _what in (
    ("mnist_basic", "12,000 and 50,000 digits"),
    ("mnist_rot", "turned digits"),
    ("mnist_bg_rand", "digits on noise"),
):
    SOURCES[_name] = Source(
        f"MNIST, {_what}, {_DRAWN}",
        _MNIST.licence,
        _MNIST.credit,
        _MNIST.classes,
        images=variants.TRAINING[_name],
    )
SOURCES["rectangles"] = Source(
    f"Tall and wide rectangles, {_DRAWN}",
    "Apache-2.0",
    "autoencoder-zoo",
    ("tall", "wide"),
    images=variants.TRAINING["rectangles"],
)
SOURCES["tones"] = Source(
    "Signals of one to three tones, drawn, 128 steps",
    "Apache-2.0",
    "autoencoder-zoo",
    ("one tone", "two tones", "three tones"),
    images=tones.TRAINING,
)
for _name, _title, _levels in (
    ("mnist_thickness", "the thickness of strokes", tuple(map(str, range(attributes.LEVELS)))),
    ("mnist_angles", "angles of rotation", tuple(f"{angle}°" for angle in attributes.ANGLES)),
):
    SOURCES[_name] = Source(
        f"MNIST, labeled by {_title} in {attributes.LEVELS} levels",
        _MNIST.licence,
        _MNIST.credit,
        _levels,
        images=_MNIST.images,
    )
SOURCES["scenes"] = Source(
    "Drawn scenes with captions, such as 'two large dark circles above a cross', 32x32",
    "Apache-2.0",
    "autoencoder-zoo",
    (),
    images=captions.TRAINING,
)
SOURCES["fashion_silhouettes"] = Source(
    "Silhouettes of the clothes of Fashion-MNIST, and the clothes, as pairs of images, 28x28",
    SOURCES["fashion_mnist"].licence,
    SOURCES["fashion_mnist"].credit,
    (),
    images=SOURCES["fashion_mnist"].images,
)
SOURCES |= in_files.SOURCES
SOURCES["olivetti_unaligned"] = Source(
    "Pairs of images: small, unaligned, noisy copies of the Olivetti faces, and the faces",
    SOURCES["olivetti"].licence,
    SOURCES["olivetti"].credit,
    (),
    images=5120,
)


def load(name: str) -> tuple[tuple, tuple]:
    """Load a data set.

    A data set is read from `<name>.npz`, with the arrays x_train, y_train, x_test, y_test, in the
    folder of the environment variable `ZOO_DATA`; if it is not there, Keras downloads it. Its
    content is always verified. `digits` is bundled with scikit-learn; its last 360 images are the
    test set. The variants of MNIST are generated from it by `zoo.data.variants` with seed 0: 12,000
    images for training (1,200 rectangles), the last sixth of them for validation, and 50,000 test
    images. `mnist_thickness` and `mnist_angles` have the digits of MNIST, in its order, with the
    levels of an attribute as labels; see `zoo.data.attributes.draw`. `tones` are drawn signals. Two
    data sets have no labels and are not downloaded: `mnist_binarized` is read from
    `binarized_mnist.npz`, with x_train, x_valid and x_test of packed bits, uint8 [n, 98]; its last
    10,000 training images are for validation. `frey_faces` is read from `freyfaces.npz`, with
    x_train and x_test, uint8 [n, 28, 20]; the last 200 frames are the test set. `usps`, `olivetti`,
    `omniglot`, `cifar10_subset`, `cifar10_jpeg` and `ecg5000` are read from files too; `cifar10`,
    in the order of its files, is downloaded by Keras without one. What they are is in
    `zoo.data.SOURCES`, and an error names the file that is missing. `ecg5000` has signals: normal
    heartbeats for training, normal and other ones for testing, some with values out of [0, 1].
    `scenes` are drawn, with captions as word numbers; those for testing combine groups that no
    training scene combines, see `zoo.data.captions`. `fashion_silhouettes` has pairs of images:
    silhouettes, and in place of labels the clothes of Fashion-MNIST, in its order.
    `olivetti_unaligned` has pairs of 8x8 and 64x64 faces, made from `olivetti` by
    `zoo.data.unaligned`: 5,120 and 320, of images of the same 40 people.

    Args:
        name: one of `zoo.data.SOURCES`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images float32 [n, height, width, channels] in
        [0, 1], or signals float32 [n, time, channels]; labels int32 [n], or None if the data set
        has none; of `scenes` int32 [n, 9], and of pairs the other images.

    Raises:
        UnknownNameError: an unknown name; the error has the nearest names.
        ValueError: arrays that are not those of the data set.
        OSError: the data is neither found nor can be downloaded.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> x.shape, y.shape
        ((1437, 8, 8, 1), (1437,))
    """
    if name not in SOURCES:
        raise UnknownNameError("data set", name, SOURCES)
    if name == "mnist_binarized":
        x_train, x_valid, x_test = map(_unpacked, _local(name))
        return (np.concatenate([x_train, x_valid]), None), (x_test, None)
    if name == "frey_faces":
        x_train, x_test = map(_pixels, _local(name))
        return (x_train, None), (x_test, None)
    if name == "fashion_silhouettes":
        x_train, _, x_test, _ = _verified("fashion_mnist", _find("fashion_mnist"))
        train, test = _pixels(x_train), _pixels(x_test)
        return (silhouettes(train), train), (silhouettes(test), test)
    if name == "olivetti_unaligned":
        try:
            x_train, _, x_test, _ = in_files.load("olivetti", _download)
        except OSError as error:
            raise OSError(
                f"{name} is made from the data set olivetti. {error} zoo.data.unaligned makes the "
                "small images of pairs."
            ) from error
        return pairs_of_faces(_pixels(x_train), _pixels(x_test))
    if name in in_files.SOURCES:
        arrays = in_files.load(name, _download)
    elif name == "digits":
        arrays = _digits()
    elif name == "rectangles":
        arrays = variants.draw(name)
    elif name == "tones":
        arrays = tones.draw()
    elif name in variants.TRAINING:
        x_train, y_train, x_test, y_test = _verified("mnist", _find("mnist"))
        digits = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
        arrays = variants.draw(name, digits)
    elif name in ("mnist_thickness", "mnist_angles"):
        arrays = attributes.draw(name, _verified("mnist", _find("mnist")))
    elif name == "scenes":
        arrays = captions.training_and_test()
    else:
        arrays = _verified(name, _find(name))
    x_train, y_train, x_test, y_test = arrays
    return (_pixels(x_train), y_train.astype("int32")), (_pixels(x_test), y_test.astype("int32"))


def keep_labels(y: Any, n: int, *, seed: int = 0) -> np.ndarray:
    """Hide all labels except a few, equally many of every class, for semi-supervised learning.

    Args:
        y: integer labels [m], from 0; images that already have the label -1 keep it.
        n: how many labels to keep, a multiple of the number of classes.
        seed: of the random choice.

    Returns:
        int32 [m]: the labels that are kept, and -1 for the others.

    Raises:
        TypeError: labels that are not integers.
        ValueError: no labels at all, or labels below -1; `n` does not divide by the number of
            classes, or some class has too few.

    Examples:
        >>> y = np.repeat([0, 1], 50)
        >>> few = zoo.data.keep_labels(y, 10)
        >>> int((few >= 0).sum())
        10
    """
    y = np.asarray(y)
    if y.ndim != 1 or not len(y):
        raise ValueError(f"y has shape {y.shape}; give one label for each image, integers [m].")
    if y.dtype.kind not in "iu":
        raise TypeError(f"y has dtype {y.dtype}; labels are integers from 0, or -1 for none.")
    if y.min() < -1 or y.max() < 0:
        raise ValueError(
            f"y goes from {y.min()} to {y.max()}; labels are integers from 0, or -1 for none."
        )
    n = whole("n", n)
    classes, counts = np.unique(y[y >= 0], return_counts=True)
    each, rest = divmod(n, len(classes))
    if n < 1 or rest or each > counts.min():
        raise ValueError(
            f"n is {n}; keep a multiple of {len(classes)}, the number of classes, and at most "
            f"{len(classes) * counts.min()}."
        )
    generator = np.random.default_rng(seed)
    kept = np.full(len(y), -1, "int32")
    for label in classes:
        rows = generator.choice(np.flatnonzero(y == label), each, replace=False)
        kept[rows] = label
    return kept


def _pixels(images: np.ndarray) -> np.ndarray:
    if images.dtype == "float32":
        return images  # signals
    scale = 16.0 if images.shape[1] == 8 else 255.0
    pixels = images.astype("float32") / np.float32(scale)
    return pixels if pixels.ndim == 4 else pixels[..., None]


def _digits():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images, bunch.target
    return images[:-360], labels[:-360], images[-360:], labels[-360:]


def _find(name):
    """Return the arrays of a data set, and their origin: the user's folder, or the download."""
    path = in_folder(f"{name}.npz")
    return (read(path, _ARRAYS), path) if path else (_download(name), "Keras's download")


def _local(name):
    file, content = _LOCAL[name]
    keys, path = tuple(SOURCES[name].sha256), in_folder(file)
    if path is None:
        raise OSError(
            f"The data set {name} was not found, and is not downloaded. Put {file}, with "
            f"{', '.join(keys)} as {content}, into a folder and set ZOO_DATA to that folder."
        )
    return checked(SOURCES[name], keys, read(path, keys), path)


def _unpacked(bits):
    pixels = np.unpackbits(bits, axis=1)[:, : 28 * 28]
    return pixels.reshape(-1, *_DOWNLOADED_SHAPE, 1).astype("float32")


def _download(name):
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # a download may raise any error
        folder = os.environ.get("ZOO_DATA")
        place = f"not in ZOO_DATA={folder}" if folder else "ZOO_DATA is not set"
        raise OSError(
            f"The data set {name} was not found ({place}) and could not be downloaded ({error}). "
            f"Either put {name}.npz into a folder and set ZOO_DATA to that folder, or connect to "
            f"the internet and call keras.datasets.{name}.load_data() once."
        ) from error
    return [x_train, y_train, x_test, y_test]


def _verified(name, found):
    arrays, place = found
    for key, array in zip(_ARRAYS, arrays, strict=True):
        shape = (len(array), *_DOWNLOADED_SHAPE) if key.startswith("x") else (array.size,)
        if array.shape != shape:
            raise ValueError(f"{key} from {place} has shape {array.shape}; {shape} is expected.")
    return checked(SOURCES[name], _ARRAYS, arrays, place)
