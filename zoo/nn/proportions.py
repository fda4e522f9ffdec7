"""Sizes of networks and batches that suit the data, and a warning of too many parameters."""

from __future__ import annotations

import math
import warnings
from typing import Any

from zoo.checks.constructors import arguments_of

MOST_PARAMETERS = 20_000_000
_GRID = 8  # the longest side of the grid that convolutions end in
_STEPS = 16  # the most steps that convolutions of signals end in
_WIDEST = 128
_LONGEST_CODE = 64
_BATCHES, _SMALLEST_BATCH = 20, 16  # at least as many batches an epoch, of at least this size


def suited_filters(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the widths of convolutions of stride 2 that reduce images to 5 to 8 pixels a side.

    Args:
        shape: (height, width, channels) of an image, or (features,).

    Returns:
        a width for each halving: 32, then doubled each time, at most 128; () for vectors, and for
        images of at most 8 pixels a side.

    Example:
        >>> from zoo.nn.proportions import suited_filters
        >>> suited_filters((28, 28, 1)), suited_filters((128, 128, 3))
        ((32, 64), (32, 64, 128, 128))
    """
    halvings = math.ceil(math.log2(max(shape[:2]) / _GRID)) if len(shape) == 3 else 0
    return _doubling(halvings)


def suited_signal_filters(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the widths of convolutions of stride 2 that reduce signals to 9 to 16 steps.

    Args:
        shape: (time, channels) of a signal, or (features,).

    Example:
        >>> from zoo.nn.proportions import suited_signal_filters
        >>> suited_signal_filters((140, 1)), suited_signal_filters((16, 3))
        ((32, 64, 128, 128), ())
    """
    return _doubling(math.ceil(math.log2(shape[0] / _STEPS)))


def _doubling(halvings):
    return tuple(min(32 * 2**i, _WIDEST) for i in range(max(0, halvings)))


def suited_hidden_units(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the widths of two dense layers for data of this shape: at most four million weights.

    Example:
        >>> from zoo.nn.proportions import suited_hidden_units
        >>> suited_hidden_units((8, 8, 1)), suited_hidden_units((64, 64, 3))
        ((512, 256), (256, 128))
    """
    width = 2 ** math.floor(math.log2(max(1, 4_000_000 // math.prod(shape))))
    width = max(32, min(width, 512))
    return width, width // 2


def suited_latent_dim(shape: tuple[int, ...]) -> int:
    """Return a latent_dim for data of this shape: a third of the columns for vectors, else 64.

    Example:
        >>> from zoo.nn.proportions import suited_latent_dim
        >>> suited_latent_dim((28, 28, 1)), suited_latent_dim((30,)), suited_latent_dim((3,))
        (64, 10, 2)
    """
    first, *others = shape
    return _LONGEST_CODE if others else max(2, min(_LONGEST_CODE, first // 3))


def suited_batch_size(n: int, most: int) -> int:
    """Return a batch size for `n` rows: at least 20 batches an epoch, each of 16 rows or more.

    Args:
        n: how many rows a model learns from. most: the largest batch size, used for large data
            sets.

    Example:
        >>> from zoo.nn.proportions import suited_batch_size
        >>> [suited_batch_size(n, 128) for n in (100, 1000, 60_000)]
        [16, 50, 128]
    """
    return min(most, max(_SMALLEST_BATCH, n // _BATCHES))


def suited_epochs(n: int, batch_size: int, steps: int, least: int = 20) -> int:
    """Return how many epochs of `n` rows make at least `steps` steps, and at least `least`.

    Example:
        >>> from zoo.nn.proportions import suited_epochs
        >>> suited_epochs(119, 16, 750), suited_epochs(60_000, 128, 750)
        (94, 20)
    """
    return max(least, math.ceil(steps / math.ceil(n / batch_size)))


def warn_of_too_many_parameters(model: Any) -> None:
    """Warn if a model that was built from settings has far more weights than its images need.

    Args:
        model: a model of the zoo, with `decoder`, `image_shape` and, if it has one, `encoder`.
    """
    n = sum(
        part.count_params() for part in (getattr(model, "encoder", None), model.decoder) if part
    )
    if n <= MOST_PARAMETERS:
        return
    shape, takes = model.image_shape, arguments_of(type(model))
    suited = suited_filters(shape)
    if suited and "filters" in takes:
        filters = model.filters if len(model.filters) >= len(suited) else suited
        instead = f"filters={filters}, hidden_units={(128,) if model.semi_supervised else ()}"
    elif "hidden_units" in takes:
        instead = f"hidden_units={suited_hidden_units(shape)}"
    else:
        instead = "a smaller latent_dim"
    warnings.warn(
        f"Encoder and decoder have {n / 1e6:.1f} million parameters for data of shape {shape}: "
        f"they learn slowly, and badly from little data. Set {instead}.",
        stacklevel=4,
    )
