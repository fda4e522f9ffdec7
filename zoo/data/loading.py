"""`zoo.data.load`: any data set by its name."""

from __future__ import annotations

import numpy as np

from zoo.checks.names import UnknownNameError
from zoo.data.source import SOURCES, pixels


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
    x_train, y_train, x_test, y_test = SOURCES[name].read(name)
    return (pixels(x_train), _labels(y_train)), (pixels(x_test), _labels(y_test))


def _labels(y):
    if y is None or np.ndim(y) == 4:  # or the other images of pairs
        return y
    return y.astype("int32")
