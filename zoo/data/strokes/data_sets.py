"""Drawings as data sets: digits as strokes, and sheep."""

from __future__ import annotations

import numpy as np

from zoo.data.downloaded import gray_images
from zoo.data.source import SOURCES, Source, checked, in_folder, pixels, read_arrays
from zoo.data.strokes.drawings import fitted, simplified
from zoo.data.strokes.offsets import from_stroke3, to_stroke3, to_stroke5
from zoo.data.strokes.skeletons import of_images

DIGITS_LENGTH, SHEEP_LENGTH = 36, 128  # rows of a drawing with its end
SHEEP_TOLERANCE = 4.0  # in the units of the file; 2 in the paper


def _digits(name: str) -> tuple:
    x_train, y_train, x_test, y_test = gray_images("mnist")
    found = []
    for images, y in ((x_train, y_train), (x_test, y_test)):
        drawings = of_images(pixels(images))
        there = [i for i, d in enumerate(drawings) if 1 < sum(map(len, d)) < DIGITS_LENGTH]
        found += [to_stroke5([fitted(drawings[i]) for i in there], DIGITS_LENGTH), y[there]]
    return tuple(found)


def _sheep(name: str) -> tuple:
    path = in_folder("sheep_strokes.npz")
    if path is None:
        raise FileNotFoundError(
            "sheep_strokes is read from sheep_strokes.npz in the folder that the environment "
            "variable ZOO_DATA names; the file is not there."
        )
    keys = ("x_train", "len_train", "x_valid", "len_valid", "x_test", "len_test")
    dtypes = {key: "uint16" if key.startswith("len") else "int16" for key in keys}
    arrays = checked(SOURCES[name], keys, read_arrays(path, keys), path, dtypes)
    parts = []
    for rows, lengths in zip(arrays[::2], arrays[1::2], strict=True):
        drawn = np.split(rows, np.cumsum(lengths)[:-1])
        drawings = [from_stroke3(one, first_row_moves=True) for one in drawn]
        found = [to_stroke3(fitted(simplified(one, SHEEP_TOLERANCE))) for one in drawings]
        parts.append(to_stroke5([one for one in found if len(one) < SHEEP_LENGTH], SHEEP_LENGTH))
    train, validation, test = parts
    return np.concatenate([train, validation]), None, test, None


SOURCES["mnist_strokes"] = Source(
    "The digits of MNIST as strokes: thinned, followed by a pen, and simplified; the longer side "
    f"is 8, and a drawing has {DIGITS_LENGTH} rows in stroke-5 format",
    SOURCES["mnist"].licence,
    SOURCES["mnist"].credit,
    tuple("0123456789"),
    images=59_993,  # seven scribbles have more points
    read=_digits,
)
SOURCES["sheep_strokes"] = Source(
    "Drawings of sheep, simplified with a tolerance of 4; the longer side is 8, and a drawing has "
    f"{SHEEP_LENGTH} rows in stroke-5 format; those with more points are left out",
    "CC BY-NC 4.0",
    "A. Koblin, The Sheep Market; vectors by D. Ha",
    (),
    {
        "x_train": "1565644c665c77fa48ed36f4a771d4b431e750423dced5ef5f617288e2048ee6",
        "len_train": "4c6eef9f288ffbbf36f92d104627f6900489080e296d464baaa3892139982405",
        "x_valid": "e1c7fe2f8cd4ffcf680970e3609e16fa6c2c7112fb44564d8a3505cf6e08d628",
        "len_valid": "f1f8699de9472755fc8cbafc1a16b57d1d143f4599777ad984ec3632e64dd09f",
        "x_test": "8c7085afa82e1d59ae4cc6b6437e57c0d9fe920e989cc4f6a41e2402cae1c08e",
        "len_test": "da61c9a22efcdaae15390753c29cb4bb1f3d05df460fb9c35d99ecf378fa7e65",
    },
    images=7425,
    read=_sheep,
)
