"""Corruptions of the images that the encoder sees: q(x' | x)."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.names import suggestion
from zoo.nn.configured import Configured, made_of


class Corruption(Configured):
    """Base class: a corruption is a function of an image and of noise.

    Attributes:
        noise: the kind of noise, "uniform" in [0, 1) or standard "normal".

    Examples:
        >>> @keras.saving.register_keras_serializable(package="mine")
        ... class Darkening(zoo.nn.corruption.Corruption):
        ...     def apply(self, x, noise):  # uniform noise of the shape of x
        ...         return x * noise
        >>> model = zoo.DenoisingAutoencoder((8, 8, 1), 4, corruption=Darkening())
        >>> Darkening().sample(np.ones((5, 2, 2, 1)), seed=0).shape
        (5, 2, 2, 1)
    """

    noise = "uniform"

    def apply(self, x: Any, noise: Any) -> Any:
        """Return corrupted images of the shape of `x`; the noise has the shape `noise_shape(x)`."""
        raise NotImplementedError

    def noise_shape(self, x: Any) -> tuple:
        """Return the shape of the noise for images; by default the shape of the images."""
        return ops.shape(x)

    def draw(self, x: Any, seed_generator: Any) -> Any:
        """Corrupt a tensor of images [batch, ...] inside a training step."""
        return self.apply(x, getattr(backend, self.noise)(self.noise_shape(x), seed_generator))

    def sample(self, x: Any, seed: int | np.random.SeedSequence | None = None) -> np.ndarray:
        """Corrupt an array of images; a seed gives the same result on every backend.

        Returns:
            float32, with the shape of `x`.
        """
        generator = np.random.default_rng(seed)
        x = np.asarray(x, "float32")
        draw = generator.random if self.noise == "uniform" else generator.standard_normal
        return ops.convert_to_numpy(self.apply(x, draw(self.noise_shape(x), np.float32)))


@keras.saving.register_keras_serializable(package="zoo")
class Masking(Corruption):
    """Every pixel is set to 0 with probability `level`.

    With `missing=True` it is set to NaN instead, for rows of a table whose likelihood has
    `missing="learn"`: the encoder then learns that a value was not seen.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.Masking(0.25).sample(x_test, seed=0).shape
        (360, 8, 8, 1)

    Source: Vincent et al. 2008 (doi 10.1145/1390156.1390294), section 2.3.
    """

    def __init__(self, level: float, missing: bool = False):
        self.level, self.missing = _fraction(level, "Masking"), bool(missing)

    def apply(self, x: Any, noise: Any) -> Any:
        return ops.where(noise < self.level, float("nan") if self.missing else 0.0, x)

    def get_config(self) -> dict:
        return {"level": self.level, **({"missing": True} if self.missing else {})}


@keras.saving.register_keras_serializable(package="zoo")
class SaltAndPepper(Corruption):
    """Every pixel is set to 0 or 1, equally likely, with probability `level`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.SaltAndPepper(0.1).sample(x_test, seed=0).shape
        (360, 8, 8, 1)

    Source: Vincent et al. 2010 (JMLR 11), section 3.3.
    """

    def __init__(self, level: float):
        self.level = _fraction(level, "SaltAndPepper")

    def apply(self, x: Any, noise: Any) -> Any:
        return ops.where(noise < self.level / 2, 0.0, ops.where(noise < self.level, 1.0, x))

    def get_config(self) -> dict:
        return {"level": self.level}


@keras.saving.register_keras_serializable(package="zoo")
class GaussianNoise(Corruption):
    """N(0, stddev^2) is added to every pixel; values outside [0, 1] are not clipped.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.GaussianNoise(0.3).sample(x_test, seed=0).shape
        (360, 8, 8, 1)

    Source: Vincent et al. 2010 (JMLR 11), section 3.3.
    """

    noise = "normal"

    def __init__(self, stddev: float):
        if not _is_real(stddev) or not 0 <= stddev < float("inf"):
            raise ValueError(f"stddev is {stddev!r}; Gaussian noise needs a number of at least 0.")
        self.stddev = float(stddev)

    def apply(self, x: Any, noise: Any) -> Any:
        return x + self.stddev * noise

    def get_config(self) -> dict:
        return {"stddev": self.stddev}


@keras.saving.register_keras_serializable(package="zoo")
class Translation(Corruption):
    """The image is shifted along each axis by a whole number of pixels, from -`pixels` to `pixels`.

    All shifts are equally likely; new pixels at the edges are 0.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> zoo.Translation(2).sample(x_test, seed=0).shape
        (360, 8, 8, 1)
    """

    def __init__(self, pixels: int):
        if not isinstance(pixels, Integral) or pixels < 0:
            raise ValueError(f"Translation({pixels!r}): give a whole number of pixels, 0 or more.")
        self.pixels = int(pixels)

    def noise_shape(self, x: Any) -> tuple:
        if len(x.shape) != 4:
            raise ValueError(
                f"Translation moves images [batch, height, width, channels]; these have the shape "
                f"{tuple(x.shape)}."
            )
        return ops.shape(x)[0], 2

    def apply(self, x: Any, noise: Any) -> Any:
        _, height, width, _ = x.shape
        steps = ops.floor((2 * self.pixels + 1) * noise) - self.pixels
        moved = ops.einsum("bij,bjwc->biwc", _shifts(steps[:, 0], height), x)
        return ops.einsum("bij,bhjc->bhic", _shifts(steps[:, 1], width), moved)

    def get_config(self) -> dict:
        return {"pixels": self.pixels}


def _shifts(steps, size):
    """Return matrices [batch, size, size] that move vectors by whole steps [batch]."""
    places = ops.arange(size, dtype="float32")
    source = places[None, :, None] - steps[:, None, None]
    return ops.cast(ops.equal(source, places), "float32")


@keras.saving.register_keras_serializable(package="zoo")
class Composition(Corruption):
    """Several corruptions, one after the other.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> corruption = zoo.Composition([zoo.Translation(1), zoo.GaussianNoise(0.3)])
        >>> corruption.sample(x_test, seed=0).shape
        (360, 8, 8, 1)
    """

    def __init__(self, steps: list | tuple):
        if not steps:
            raise ValueError("A Composition of corruptions needs at least one.")
        self.steps = [get(step) for step in steps]

    def draw(self, x: Any, seed_generator: Any) -> Any:
        for step in self.steps:
            x = step.draw(x, seed_generator)
        return x

    def sample(self, x: Any, seed: int | np.random.SeedSequence | None = None) -> np.ndarray:
        if not isinstance(seed, np.random.SeedSequence):
            seed = np.random.SeedSequence(seed)
        for step, child in zip(self.steps, seed.spawn(len(self.steps)), strict=True):
            x = step.sample(x, child)
        return x

    def get_config(self) -> dict:
        return {"steps": [keras.saving.serialize_keras_object(step) for step in self.steps]}

    def shown(self) -> dict:
        return {"steps": self.steps}


def has_gaussian_noise(corruption: Corruption | None) -> bool:
    """Return whether a corruption includes Gaussian noise."""
    steps = getattr(corruption, "steps", [corruption])
    return any(isinstance(step, GaussianNoise) for step in steps)


_NAMED = {
    "masking": Masking,
    "salt_and_pepper": SaltAndPepper,
    "gaussian": GaussianNoise,
    "translation": Translation,
}


def get(identifier: Any) -> Corruption:
    """Return a corruption, given `{"masking": 0.25}`, a serialized corruption, or a corruption.

    The entries of a dict are applied one after the other.

    Raises:
        TypeError: it is none of these. ValueError: a name is unknown, or a level is out of range.
    """
    if isinstance(identifier, Corruption):
        return identifier
    if isinstance(identifier, dict) and "class_name" in identifier:
        return made_of(identifier, Corruption, "corruption")
    if not isinstance(identifier, dict) or not identifier:
        raise TypeError(
            "corruption must be a zoo.Masking, SaltAndPepper, GaussianNoise, Translation or "
            f'Composition, or a dict such as {{"masking": 0.25}}; it is {identifier!r}.'
        )
    for name in identifier:
        if name not in _NAMED:
            near = suggestion(name, _NAMED) or "."
            raise ValueError(f"corruption names {name!r}{near} There are: {', '.join(_NAMED)}.")
    steps = [_NAMED[name](level) for name, level in identifier.items()]
    return steps[0] if len(steps) == 1 else Composition(steps)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real)


def _fraction(level: Any, name: str) -> float:
    if not _is_real(level) or not 0 <= level <= 1:
        raise ValueError(f"{name}({level!r}): the level is a fraction of pixels, from 0 to 1.")
    return float(level)
