"""The base class of models that turn images into images, and have no codes for users."""

from __future__ import annotations

from typing import Any

from zoo.checks import arguments
from zoo.models.base import BaseModel
from zoo.nn.distributions.likelihood_names import of_unit_variance
from zoo.training.monitors import DiscriminatorMonitor


class BaseTranslator(BaseModel):
    """The base class of models that turn images into images.

    `fit` takes, in place of labels, an array for each image, such as the target image. There are no
    codes and no prior, so there is no `encode` and no `generate`.

    Args:
        input_shape: the shape of x, (height, width, channels), as `shape_of_images` returned it.
        filters: widths of the layers that halve the sides. activation: the activation of the hidden
            layers.
        likelihood: determines the range of images; "bernoulli" for [0, 1], "squared_error" for any.
        seed, name, dtype: see `zoo.models.base.BaseModel`.
    """

    family = "translation"
    picture = "translations"
    learns_labels = True
    label_dtype = "float32"
    learns_variance = False
    can_generate = False
    monitors = (*BaseModel.monitors, DiscriminatorMonitor)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        *,
        filters: tuple[int, ...],
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        likelihood = of_unit_variance(likelihood)  # "gaussian": pixels may have any value
        super().__init__(likelihood=likelihood, seed=seed, name=name, dtype=dtype)
        self.image_shape = input_shape
        self.activation = arguments.activation("activation", activation)
        self.filters = arguments.widths("filters", filters)


def shape_of_images(model: str, name: str, shape: Any) -> tuple[int, ...]:
    """Return a shape of images, (height, width, channels), after checking it."""
    if shape is None:
        raise ValueError(f"{model} needs {name}=(height, width, channels), such as (28, 28, 1).")
    shape = arguments.shape(name, shape, "(height, width, channels)")
    if len(shape) != 3:
        raise ValueError(f"{name} is {shape}; {model} takes images, (height, width, channels).")
    return shape


def check_halvings(name: str, filters: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Refuse an empty tuple of filters, and more halvings than the shorter side allows."""
    most = min(shape[:2]).bit_length() - 1
    if not 1 <= len(filters) <= most:
        raise ValueError(
            f"{name} is {filters}, {len(filters)} halvings; images of {shape[0]} x {shape[1]} "
            f"pixels can be halved once to {most} times: give as many widths."
        )
