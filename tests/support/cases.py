"""A model class in one setting, and what checks of every class have to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import zoo

BACKEND = keras.backend.backend()


@dataclass
class Case:
    """A model class in one setting."""

    make: Callable[..., Any]
    x: np.ndarray
    y: np.ndarray

    def new(self, **options):
        keras.utils.set_random_seed(3)
        return self.make(**options)

    def compiled(self, optimizer="adam", **options):
        """Compile without XLA where there is a choice: these models are too small to gain."""
        model = self.new(**options)
        model.compile(optimizer, jit_compile=BACKEND == "jax")
        return model

    def data(self, model, n=None):
        pair = (self.x[:n], self.labels(model, n))
        return pair if model.learns_labels else pair[:1]

    def images(self, model, n=None):
        return (self.x[:n], self.labels(model, n)) if model.conditional else (self.x[:n],)

    def labels(self, model, n=None):
        """Return labels of images, integers, rows of them, or black and white images."""
        if hasattr(model, "recolor"):  # palettes
            return np.random.default_rng(0).random((len(self.x[:n]), *model.label_shape), "float32")
        if model.num_classes and model.label_shape:
            return np.stack([self.y[:n], (self.y[:n] + 1) % 10, 0 * self.y[:n]], axis=1)
        if not model.label_shape:
            return self.y[:n]
        times = model.label_shape[0] // self.x.shape[1]
        return np.round(self.x[:n]).repeat(times, axis=1).repeat(times, axis=2)


def seen(case, model, n=5):
    """Return what shows a model's weights: codes of images, or of a GAN generated images."""
    if (made := made_of_images(case, model, n)) is not None:
        return made
    if not hasattr(model, "encode"):
        return model.generate(n, seed=0)
    return model.encode(*case.images(model, n))


def made_of_images(case, model, n):
    """Return what a model makes of images that has no codes of them, or None of other models."""
    if hasattr(model, "translate"):
        return model.translate(case.x[:n])
    if hasattr(model, "recolor"):
        return model.recolor(case.x[:n], case.labels(model, n))
    return None


def inputs_of_images(case, model, n):
    """Return the inputs of such a model's generator, by name."""
    palette = {"palette": case.labels(model, n)} if hasattr(model, "recolor") else {}
    return {"x": case.x[:n], **palette}


def two_networks(model):
    """Return the encoder and the decoder, or of a GAN the decoder and the discriminator."""
    return [getattr(model, name) for name in model.network_names[:2]]


def measured(model) -> str:
    """Return the name of a metric of the images alone, or for a GAN, of the discriminator."""
    return "reconstruction" if hasattr(model, "encode") else "loss"


def draws_codes(model) -> bool:
    """Say whether the loss is another one at every call, outside of training too."""
    samples = isinstance(model, zoo.VAE | zoo.GAN | zoo.PaletteNet)
    return samples or getattr(model, "posterior_kind", "deterministic") in (
        "gaussian",
        "universal",
    )


def has_noise(model) -> bool:
    """Say whether the loss is another one at every call, or in training."""
    dropped = any(getattr(model, name, 0) > 0 for name in ("dropout", "input_dropout"))
    return draws_codes(model) or dropped or hasattr(model, "corruption")


def rounds(model) -> bool:
    """Say whether codes are rounded, so that the last digit of a number may decide about a step."""
    return isinstance(model, zoo.CompressiveAutoencoder) or getattr(model, "has_bits", False)


def tolerance(model, exact=1e-5) -> float:
    """Return how much of a loss may differ between two ways to compute it."""
    return 0.05 if draws_codes(model) else 1e-3 if rounds(model) else exact


def weights(network):
    return [np.array(keras.ops.convert_to_numpy(w)) for w in network.weights]


def equal(first, second, atol=0.0):
    return len(first) == len(second) and all(
        np.allclose(a, b, rtol=0, atol=atol) for a, b in zip(first, second, strict=True)
    )
