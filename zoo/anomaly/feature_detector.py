"""A detector of defects in images by the features of a network that was trained on other images."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.anomaly import exported, feature_files, feature_networks, thresholds
from zoo.anomaly.memory import Memory
from zoo.anomaly.places import GaussianPlaces
from zoo.anomaly.settings import Settings
from zoo.anomaly.training import hold_out
from zoo.checks.arguments import number, whole
from zoo.checks.arrays import as_array, with_rows
from zoo.checks.names import UnknownNameError
from zoo.data.folders import ImageFolder
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import OptionalInput, OwnWeights, Part, TensorInfo, image_file_steps

METHODS = {"gaussian": GaussianPlaces, "neighbors": Memory}
PATCHES = {"gaussian": 1, "neighbors": 3}  # neighbors that features are averaged over
QUANTILE, HELD_OUT = 0.95, 0.2
_ENOUGH = 2**23  # values of a batch in one step
_SIDES_PER_DEVIATION = 56  # the map is smoothed by 4 pixels of 224, as by PaDiM and PatchCore
_LEAST_SPREAD = 1e-6


class FeatureDetector(Settings):
    """Finds defects in images by the features of a network, which is not trained further.

    The features of a place are the outputs of several layers there, resized to the largest of them
    and put side by side. Each channel is standardized over all places of the normal images, and all
    together are projected to fewer at random. Then a place is compared with normal ones:

        gaussian   with the same place of the normal images, by its Mahalanobis distance to their
                   mean: for parts that always lie the same way (PaDiM)
        neighbors  with the nearest of a few features of all places: for textures, and for parts
                   that are moved or turned (PatchCore)

    Args:
        network: a functional or sequential Keras network of images, whose weights must not change
            after `fit`, such as a network of
            `keras.applications` with its weights, a classifier, or an encoder of the zoo.
        layers: names of its layers with outputs [batch, height, width, channels]; by default the
            last one of each of the two largest sizes below the image's.
        method: "gaussian" or "neighbors".
        quantile: the quantile of the scores of held-out normal images that is the threshold; 0.95.
        false_positive_rate: the share of normal images that may be called anomalies, instead; needs
            200 held-out images.
        projected: the number of channels after the random projection; if the layers have no more
            channels, they are not projected.
        regularization: for "gaussian", added to the variances of the standardized channels.
        memory: for "neighbors", the number of features that are kept.
        smoothing: standard deviation of the Gaussian that smooths the map, in pixels; by default a
            56th of the shorter side.
        scale, offset: the network gets x * scale + offset; each is a number, or three for the
            channels of its input: scale=2, offset=-1 for a network that takes [-1, 1].
        seed: seed of projection, memory, and held-out images.

    Attributes:
        threshold: the score above which an image is an anomaly; None before `fit`. It can be
            assigned, and so can `quantile` and `false_positive_rate`, which set it again on the
            scores of the last `fit`. All others are read-only.

    Raises:
        TypeError, ValueError: an unknown method, or a number out of range. `fit` refuses a network
            that is not of this kind.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(16, 3)])
        >>> detector = zoo.anomaly.FeatureDetector(network, quantile=0.9)  # better a trained one
        >>> detector = detector.fit(x[y == 0])
        >>> detector.maps(x_test).shape
        (360, 8, 8)

    Source: Defard et al. 2020 (arXiv 2011.08785) for "gaussian", there with a random choice of
    channels; Roth et al. 2022 (arXiv 2106.08265) for "neighbors".
    """

    rules = ("quantile", "false_positive_rate")

    # Set by `_set`; those of what is normal are None until `fit`.
    network: Any
    layers: tuple[str, ...] | None
    method: str
    projected: int
    regularization: float
    memory: int
    given_smoothing: float | None
    smoothing: Any
    scale: np.ndarray
    offset: np.ndarray
    extractor: Any
    image_shape: Any
    center: Any
    spread: Any
    projection: Any
    normal: Any

    def __init__(
        self,
        network: keras.Model,
        *,
        layers: Sequence[str] | None = None,
        method: str = "gaussian",
        quantile: float | None = None,
        false_positive_rate: float | None = None,
        projected: int = 64,
        regularization: float = 0.01,
        memory: int = 1000,
        smoothing: float | None = None,
        scale: Any = 1.0,
        offset: Any = 0.0,
        seed: int = 0,
    ):
        feature_networks.check_network(network)
        if quantile is None and false_positive_rate is None:
            quantile = QUANTILE
        rule = thresholds.chosen(quantile=quantile, false_positive_rate=false_positive_rate)
        if smoothing is not None:
            smoothing = number("smoothing", smoothing, least=0, most=1000)
        if method not in METHODS:
            raise UnknownNameError("method", method, METHODS)
        self._set(
            network=network,
            layers=(layers,) if isinstance(layers, str) else layers and tuple(layers),
            method=method,
            projected=whole("projected", projected, least=1, most=2048),
            regularization=number("regularization", regularization, above=0),
            memory=whole("memory", memory, least=2, most=100_000),
            given_smoothing=smoothing,
            smoothing=smoothing,
            scale=_per_channel("scale", scale),
            offset=_per_channel("offset", offset),
            seed=whole("seed", seed),
            names=None,
            threshold=None,
            calibration=None,
            extractor=None,
            image_shape=None,
            center=None,
            spread=None,
            projection=None,
            normal=None,
        )
        self._take_rule(*rule)

    # Learning

    def fit(
        self, x: Any, *, validation_data: Any = None, validation_split: float | None = None
    ) -> FeatureDetector:
        """Learn normal features, then set the threshold on images that were held out.

        Args:
            x: normal images [n, height, width, channels] in [0, 1], 8 or more, or 2 or more with
                `validation_data`; or the result of
                `zoo.data.from_folder`, whose validation images are held out.
            validation_data: other normal images, to set the threshold on.
            validation_split: share of x to hold out for the threshold; by default 0.2.

        Returns:
            the detector itself.

        Raises:
            TypeError, ValueError: other data, or a network that does not take these images.
        """
        if isinstance(x, ImageFolder):
            (some, _), (kept, _) = x
            asked = validation_data is not None or validation_split is not None
            x, validation_data = (
                (some, kept) if len(kept) and not asked else (x.images, validation_data)
            )
        x = _checked(x, None, "x")
        if validation_data is None:
            share = HELD_OUT if validation_split is None else validation_split
            x, held_out = hold_out(x, share, self.seed)
            if held_out is None:
                raise ValueError(
                    f"validation_split={share:g} of {len(x)} images holds out none: the threshold "
                    "needs images that were not learned."
                )
        else:
            held_out = _checked(validation_data, x.shape[1:], "validation_data")
        if len(x) < 2:
            raise ValueError(f"x has {len(x)} image; 2 or more are needed to learn from.")
        thresholds.check_count(self.rule, len(held_out))
        shape = tuple(x.shape[1:])
        network = feature_networks.extractor(self.network, self.layers, shape)
        feature_networks.check_scales(network, self.scale, self.offset)
        smoothing = self.given_smoothing
        if smoothing is None:
            smoothing = min(shape[:2]) / _SIDES_PER_DEVIATION
        self.take(extractor=network, image_shape=shape, center=None, projection=None, normal=None)
        self.take(smoothing=smoothing)
        self._learn(x)
        scores = self.scores(held_out)
        found = thresholds.of_scores(self.rule, self.rule_value, scores)
        self.take(threshold=found, calibration=scores)
        return self

    def _learn(self, x):
        """Set standardization, projection, and what is normal, from checked images."""
        f = self._run(self.features, x)  # [n, places, channels]
        center, spread = (of(f, axis=(0, 1), dtype="float64") for of in (np.mean, np.std))
        spread = np.where(spread > _LEAST_SPREAD * (1 + np.abs(center)), spread, 1.0)
        channels, size = f.shape[-1], min(self.projected, f.shape[-1])
        if size < channels:
            drawn = np.random.default_rng(self.seed).normal(size=(channels, size))
            projection = np.linalg.qr(drawn)[0] * math.sqrt(channels / size)
        else:
            projection = np.eye(channels)
        self.take(center=center.astype("float32"), spread=spread.astype("float32"))
        self.take(projection=projection.astype("float32"))
        f = (f - self.center) / self.spread @ self.projection
        if self.method == "gaussian":
            normal = GaussianPlaces.fitted(f, self.regularization)
        else:
            normal = Memory.fitted(f, self.memory, self.seed)
        self.take(normal=normal)

    def anew(self, option: str) -> str:
        """Return, in words, how a detector with another rule of the threshold is made."""
        return f"call fit(x) of a new zoo.anomaly.FeatureDetector(network, {option})"

    # Use

    def scores(self, x: Any) -> np.ndarray:
        """Return how unusual images are, float32 [n]; higher is more unusual."""
        return self._run(self.scored, self._items(x))

    def maps(self, x: Any) -> np.ndarray:
        """Return maps of distances to normal features, float32 [n, height, width].

        They are resized to the images and smoothed, and higher is more unusual. "gaussian" compares
        with the features of the same place, "neighbors" with the nearest ones of all places.

        Raises:
            TypeError, ValueError: not fitted, or no images of the shape of `fit`, in [0, 1].
        """
        return self._run(self.mapped, self._items(x))

    def save(self, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
        """Write a folder that `zoo.anomaly.load` reads: the layers in use, and what is normal.

        Raises:
            FileExistsError: the folder exists and `overwrite` is false, or it holds other files.
        """
        self._fitted()
        feature_files.save(self, folder, overwrite)

    def _items(self, x):
        if self.extractor is None:
            raise ValueError("The detector has learned nothing yet: call fit(x) first.")
        return _checked(x, self.image_shape, "x")

    def _run(self, method, x):
        places, width = math.prod(self.grid), self.projected
        each = places * (max(width, self.memory) if self.method == "neighbors" else width)
        return run_in_batches(method, x, batch_size=min(64, max(1, _ENOUGH // each)))

    # Tensors

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the places whose features are compared."""
        return feature_networks.grid_of(self.extractor)

    def features(self, x: Any) -> Any:
        """Return the features of places, tensors [batch, places, channels]."""
        patch = PATCHES[self.method]
        found = feature_networks.features(self.extractor, x, self.scale, self.offset, patch)
        return ops.reshape(found, (-1, math.prod(self.grid), found.shape[-1]))

    def scored(self, x: Any) -> Any:
        """Return `scores(x)` for tensors, as a tensor [batch]."""
        return self.scores_and_maps(x)[0]

    def mapped(self, x: Any) -> Any:
        """Return `maps(x)` for tensors, as a tensor [batch, height, width]."""
        return self.scores_and_maps(x)[1]

    def scores_and_maps(self, x: Any) -> tuple[Any, Any]:
        """Return scores [batch] and maps [batch, height, width] of tensors."""
        f = ops.divide(ops.subtract(self.features(x), self.center), self.spread)
        f = ops.matmul(f, self.projection)
        distances = self.normal.distances(f)
        coarse = ops.reshape(distances, (-1, *self.grid, 1))
        height, width = self.image_shape[:2]
        maps = feature_networks.resized(coarse, height, width, self.smoothing)[..., 0]
        return self.normal.scored(f, distances, maps), maps

    @property
    def variables(self) -> list:
        """The variables of the network in use, and of what is normal."""
        own = [] if self.normal is None else self.normal.variables()
        return [*self.extractor.variables, *own]

    @property
    def formula(self) -> str:
        """What the score is, in words."""
        return METHODS[self.method].formula

    # Export

    @property
    def licence(self) -> str | None:
        """The licence of the weights, which is not known for a network of the user."""
        return getattr(self.network, "licence", None)

    @property
    def name(self) -> str:
        """The name of the network."""
        return self.network.name

    def parts(self) -> dict[str, Part]:
        """Return the part that can be exported: `detector`, `x` to `score`, `is_anomaly`, `map`."""
        threshold = self._fitted()
        steps = image_file_steps(self.image_shape)
        x = TensorInfo("x", "float32", self.image_shape, 0.0, 1.0, image_file=steps)
        outputs = (
            TensorInfo("score", "float32", ()),
            TensorInfo("is_anomaly", "int32", (), 0, 1),
            TensorInfo("map", "float32", self.image_shape[:2]),
        )

        def detect(tensors):
            score, maps = self.scores_and_maps(tensors["x"])
            flagged = exported.above(score, tensors, threshold)
            return {"score": score, "is_anomaly": flagged, "map": maps}

        own = OwnWeights(self.normal.variables(), "normal features")
        given = (OptionalInput(exported.THRESHOLD, threshold),)
        networks = (self.extractor, own)
        return {"detector": Part("detector", detect, (x,), outputs, networks, optional=given)}

    def get_config(self) -> dict:
        """Return the settings of the detector, without weights, as JSON values."""
        return feature_files.settings(self)

    def __repr__(self):
        return (
            f"FeatureDetector({self.network.name}, method={self.method!r}, "
            f"{self.rule}={self.rule_value:g}, threshold={self.threshold})"
        )


def _per_channel(name, value) -> np.ndarray:
    found = np.asarray(value, "float32")
    if found.shape not in ((), (1,), (3,)) or not np.isfinite(found).all():
        raise ValueError(f"{name} is {value!r}; a number, or one for each channel, is expected.")
    return found


def _checked(x, shape, name) -> np.ndarray:
    """Return images as float32 [n, *shape]."""
    x = np.asarray(as_array(x.images if isinstance(x, ImageFolder) else x, name))
    wanted = "(n, height, width, channels)" if shape is None else with_rows(shape)
    if x.ndim != 4 or not len(x) or (shape is not None and x.shape[1:] != shape):
        raise ValueError(f"{name} has shape {x.shape}; images {wanted} are expected.")
    if math.prod(x.shape[1:]) > feature_networks.LARGEST:
        raise ValueError(f"{name} has images of more than {feature_networks.LARGEST:,} values.")
    if x.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {x.dtype}; floats in [0, 1] are expected: x / 255.")
    if not (x.min() >= 0 and x.max() <= 1 + 1e-6):
        raise ValueError(f"{name} has values from {x.min():g} to {x.max():g}, not in [0, 1].")
    return x.astype("float32")
