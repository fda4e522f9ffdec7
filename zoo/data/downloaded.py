"""Data sets that Keras downloads or scikit-learn bundles: digits, clothes, color images."""

from __future__ import annotations

import os

import numpy as np

from zoo.data.source import SOURCES, Source, checked, in_folder, read_arrays

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
DIGITS = tuple("0123456789")
AIRPLANE_TO_TRUCK = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_SHAPE = (28, 28)
_FIRST_OF_CIFAR10 = 3000  # images, whose hash is known


def digits(name: str = "digits") -> tuple:
    """Return the digits bundled with scikit-learn; the last 360 are for testing."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images, bunch.target
    return images[:-360], labels[:-360], images[-360:], labels[-360:]


def gray_images(name: str) -> list[np.ndarray]:
    """Return MNIST or Fashion-MNIST as uint8: from the user's folder, or downloaded."""
    arrays, place = _found(name)
    for key, array in zip(ARRAYS, arrays, strict=True):
        shape = (len(array), *_SHAPE) if key.startswith("x") else (array.size,)
        if array.shape != shape:
            raise ValueError(f"{key} from {place} has shape {array.shape}; {shape} is expected.")
    return checked(SOURCES[name], ARRAYS, arrays, place)


def cifar10(name: str = "cifar10") -> list[np.ndarray]:
    """Return CIFAR-10 in the order of its files, after checking shapes and the first images."""
    arrays, place = _found(name)
    x, y, x_test, y_test = (np.asarray(array, "uint8") for array in arrays)
    for key, array, n in (("x_train", x, 50_000), ("x_test", x_test, 10_000)):
        if array.shape != (n, 32, 32, 3):
            raise ValueError(
                f"{key} from {place} has shape {array.shape}; {(n, 32, 32, 3)} is expected."
            )
    checked(SOURCES[name], ("x_train",), (x[:_FIRST_OF_CIFAR10],), place)
    return [x, np.ravel(y), x_test, np.ravel(y_test)]


def _found(name):
    """Return the arrays of a data set, and their origin."""
    path = in_folder(f"{name}.npz")
    return (read_arrays(path, ARRAYS), path) if path else (_download(name), "Keras's download")


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


SOURCES["digits"] = Source(
    "Optical recognition of handwritten digits, 8x8, as bundled with scikit-learn",
    "CC BY 4.0",
    "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository",
    DIGITS,
    images=1437,
    read=digits,
)
SOURCES["mnist"] = Source(
    "MNIST handwritten digits, 28x28",
    "CC BY-SA 3.0",
    "Y. LeCun, C. Cortes and C. J. C. Burges",
    DIGITS,
    {
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    60_000,
    read=gray_images,
)
SOURCES["fashion_mnist"] = Source(
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
    read=gray_images,
)
SOURCES["cifar10"] = Source(
    "CIFAR-10, 32x32 in color",
    "none stated",
    "A. Krizhevsky, V. Nair and G. Hinton",
    AIRPLANE_TO_TRUCK,
    {"x_train": "08299526b3de957c7e10345538f08d2e8bf4f99da4e14febe480cd074d82e160"},
    50_000,
    read=cifar10,
)
