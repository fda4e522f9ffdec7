"""Pairs of the upper and the lower halves of MNIST's digits."""

from __future__ import annotations

from zoo.data.downloaded import gray_images
from zoo.data.source import SOURCES, Source, pixels


def _of_mnist(name: str) -> tuple:
    x_train, _, x_test, _ = gray_images("mnist")
    train, test = pixels(x_train), pixels(x_test)
    half = train.shape[1] // 2
    return train[:, :half], train[:, half:], test[:, :half], test[:, half:]


SOURCES["mnist_halves"] = Source(
    "Upper and lower halves of MNIST's digits, as pairs of images, 14x28",
    SOURCES["mnist"].licence,
    SOURCES["mnist"].credit,
    (),
    images=SOURCES["mnist"].images,
    read=_of_mnist,
)
