"""`zoo.data.load` reads any data set by its name."""

from __future__ import annotations

import numpy as np

from zoo.checks.names import UnknownNameError
from zoo.data.source import SOURCES, pixels


def load(name: str) -> tuple[tuple, tuple]:
    """Load a data set.

    A data set is read from `<name>.npz`, with the arrays x_train, y_train, x_test, y_test, in the
    folder of the environment variable `ZOO_DATA`; if the file is not there, Keras downloads the
    data. The content is always verified. `zoo.data.SOURCES` describes all data sets. Some differ:

    `digits` is bundled with scikit-learn; its last 360 images are the test set. The variants of
    MNIST are generated from it by `zoo.data.variants` with seed 0: 12,000 images for training
    (1,200 `rectangles`), the last sixth of them for validation, and 50,000 test images.
    `mnist_bg_img`, `mnist_bg_img_rot` and `rectangles_img` need `bsds500_train` in `ZOO_DATA`.
    `mnist_thickness` and `mnist_angles` have the digits of MNIST, in its order, with the levels of
    an attribute as labels; see `zoo.data.attributes.draw`. `tones` are generated signals. `scenes`
    are generated images with captions as word numbers; test scenes combine groups that no training
    scene combines, see `zoo.data.captions`.

    Two data sets have no labels and are not downloaded: `mnist_binarized` is read from
    `binarized_mnist.npz`, with x_train, x_valid and x_test as packed bits, uint8 [n, 98]; its last
    10,000 training images are for validation. `frey_faces` is read from `freyfaces.npz`, with
    x_train and x_test, uint8 [n, 28, 20]; the last 200 frames are the test set. `usps`, `olivetti`,
    `omniglot`, `cifar10_subset`, `cifar10_jpeg` and `ecg5000` are also read from files; an error
    names a missing file. Keras downloads `cifar10` if there is no file, in the order of the
    original files. `ecg5000` has signals: normal heartbeats for training, normal and other ones
    for testing, some with values outside of [0, 1].

    `fashion_silhouettes` has pairs of images: silhouettes, and in place of labels the clothes of
    Fashion-MNIST, in its order. `mnist_halves` has the upper and lower halves of digits.
    `olivetti_unaligned` has pairs of 8x8 and 64x64 faces, made from
    `olivetti` by `zoo.data.unaligned`: 5,120 for training and 320 for testing, of different images
    of the same 40 people. `newsgroups` has texts as counts of words, float32 [n, 2000], and is read
    from `20newsgroups.tar.xz`; `zoo.data.newsgroups.words()` names the columns.

    Args:
        name: one of `zoo.data.SOURCES`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images float32 [n, height, width, channels] in
        [0, 1], or signals float32 [n, time, channels]; labels int32 [n], or None if the data set
        has none. `scenes` have captions int32 [n, 9] in place of labels, and pairs of images have
        the second images.

    Raises:
        UnknownNameError: an unknown name; the error suggests the nearest names.
        ValueError: arrays that are not those of the data set.
        OSError: the data are not found and cannot be downloaded.

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
    if y is None or np.ndim(y) == 4:  # 4 axes: the second images of pairs
        return y
    return y.astype("int32")
