"""Features of images at each place: the outputs of several layers of a network, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.checks.names import UnknownNameError

_LEAST_SIDE = 4  # of a layer that is chosen by default
_MOST_LAYERS = 2
LARGEST = 2**24  # values of an image


def extractor(
    network: keras.Model, layers: Sequence[str] | None, shape: tuple[int, ...]
) -> keras.Model:
    """Return the part of a network that leads to some of its layers, for images of a shape.

    Args:
        network: a functional or sequential network with one input of images.
        layers: names of layers with outputs [batch, height, width, channels], or None for the last
            layer of each of the two largest sizes below that of the image.
        shape: (height, width, channels) of the images; their size may differ from that of the
            network's input if the layers on the way take any size, as convolutions do.

    Raises:
        TypeError: not such a network.
        ValueError: layers that do not exist or have other outputs, or a network that does not take
            these images.
    """
    check_network(network)
    inputs = getattr(network, "inputs", None)
    if not inputs:
        raise TypeError(
            f"{type(network).__name__} is no functional or sequential network with an input of a "
            "known shape. For a model of the zoo, give its encoder: model.encoder."
        )
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        came = "; ".join(str(tuple(tensor.shape)) for tensor in inputs)
        raise ValueError(f"The network takes {came}; one input of images is expected.")
    images = {
        layer.name: layer.output
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer)
        and not isinstance(layer.output, list | tuple | dict)
        and len(layer.output.shape) == 4
    }
    names = _default_layers(images, inputs[0].shape) if layers is None else list(layers)
    for name in names:
        if name not in images:
            raise UnknownNameError("layer with features of places", name, images)
    if not names:
        raise ValueError(
            "No layer of the network has outputs [batch, height, width, channels]: give one with "
            "convolutions, such as zoo.load('denoising_ae_cifar10').encoder."
        )
    outputs = [images[name] for name in names]
    cut = keras.Model(inputs[0], outputs, name=network.name)
    channels = inputs[0].shape[-1]
    if channels not in (None, shape[-1]) and (channels, shape[-1]) != (3, 1):
        raise ValueError(
            f"The network takes images of {channels} channels, but these have {shape[-1]}. Gray "
            "images are repeated for a network of 3 channels; convert others."
        )
    wanted = (*shape[:-1], shape[-1] if channels is None else channels)
    if tuple(cut.inputs[0].shape[1:]) == wanted:
        return cut
    try:
        resized = keras.models.clone_model(cut, input_tensors=keras.Input(wanted))
        resized.set_weights(cut.get_weights())
    except ValueError as error:
        raise ValueError(
            f"The layers {', '.join(names)} need images of {tuple(inputs[0].shape[1:3])} pixels, "
            f"but these have {shape[:2]}: resize them, or choose layers before a dense layer."
        ) from error
    return resized


def check_network(network: Any) -> None:
    """Refuse what is no Keras model, such as the name of a preset, by a TypeError."""
    if isinstance(network, keras.Model):
        return
    named = isinstance(network, str)
    came = repr(network) if named else f"a {type(network).__name__}"
    example = f"zoo.load({network!r}).encoder" if named else "zoo.load(name).encoder"
    raise TypeError(
        f"network is {came}; give a Keras model, such as {example}, or "
        "keras.applications.MobileNetV2(include_top=False)."
    )


def _default_layers(images, shape) -> list[str]:
    """Return the names of the last layer of each of the largest sizes below the image's size."""
    of_size: dict[tuple, str] = {}
    for name, output in images.items():  # in the order of the network
        of_size[tuple(output.shape[1:3])] = name
    whole = tuple(shape[1:3])
    if None in whole or any(None in size for size in of_size):
        raise ValueError("The sizes of the network's layers are not known: name some in layers=.")
    small = [size for size in of_size if size != whole and min(size) >= _LEAST_SIDE]
    sizes = sorted(small or of_size, key=math.prod, reverse=True)[:_MOST_LAYERS]
    return [of_size[size] for size in sizes]


def grid_of(network: keras.Model) -> tuple[int, int]:
    """Return (rows, columns) of the grid of places: the size of the largest layer."""
    return max((tuple(output.shape[1:3]) for output in network.outputs), key=math.prod)


def check_scales(network: keras.Model, scale: np.ndarray, offset: np.ndarray) -> None:
    """Check that scale and offset are numbers, or have one number for each channel of a network.

    Raises:
        ValueError: another count.
    """
    channels = network.inputs[0].shape[-1]
    for name, value in (("scale", scale), ("offset", offset)):
        if value.size not in (1, channels):
            raise ValueError(
                f"{name} has {value.size} numbers, but the network takes {channels} channels: give "
                "one number, or one for each channel."
            )


def features(
    network: keras.Model, x: Any, scale: np.ndarray, offset: np.ndarray, patch: int
) -> Any:
    """Return the features of each place, a tensor [batch, rows, columns, channels].

    Each layer is averaged over `patch` x `patch` neighbors, and resized to the largest one.

    Args:
        network: from `extractor`. x: a tensor [batch, height, width, channels].
        scale, offset: the network gets x * scale + offset, numbers or one for each channel.
    """
    wanted = network.inputs[0].shape[-1]
    if wanted != x.shape[-1]:
        x = ops.repeat(x, wanted, axis=-1)
    outputs = network(ops.add(ops.multiply(x, scale), offset), training=False)
    rows, columns = grid_of(network)
    found = []
    for output in outputs if isinstance(outputs, list | tuple) else [outputs]:
        if patch > 1:
            output = ops.average_pool(output, patch, strides=1, padding="same")
        found.append(resized(output, rows, columns))
    return ops.concatenate(found, axis=-1)


def resized(maps: Any, rows: int, columns: int, sigma: float = 0.0) -> Any:
    """Return maps [batch, h, w, channels], bilinearly resized, then smoothed by a Gaussian.

    Args:
        rows, columns: the new size. sigma: standard deviation of the Gaussian in new pixels.
    """
    down, right = (
        resizing(size, old, sigma)
        for size, old in ((rows, maps.shape[1]), (columns, maps.shape[2]))
    )
    if down is not None:
        # Some runtimes cannot read an einsum with a batch of any size.
        flat = ops.reshape(maps, (-1, maps.shape[1], math.prod(maps.shape[2:])))
        maps = ops.reshape(ops.matmul(down, flat), (-1, rows, *maps.shape[2:]))
    return maps if right is None else ops.matmul(right, maps)


def resizing(new: int, old: int, sigma: float = 0.0) -> np.ndarray | None:
    """Return the matrix [new, old] that resizes an axis bilinearly and smooths it, or None.

    It is None if the axis needs neither. Pixel centers are at 0.5, 1.5, ...; beyond the ends, the
    value at the end is used.

    Example:
        >>> from zoo.anomaly.feature_networks import resizing
        >>> resizing(4, 2)[:, 0].tolist()
        [1.0, 0.75, 0.25, 0.0]
    """
    from scipy.ndimage import gaussian_filter1d

    if new == old and not sigma:
        return None
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    matrix = np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(old)))
    if sigma:
        matrix = gaussian_filter1d(matrix, sigma, axis=0, mode="nearest")
    return matrix.astype("float32")
