"""The base class of models that turn images into images, without codes."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from zoo.checks import arguments
from zoo.models.base import BaseAutoencoder
from zoo.training.monitors import DiscriminatorMonitor

DESCRIBED = "its networks are described by filters="


class ImageTranslator(BaseAutoencoder):
    """The base class of models that turn images into images, without codes that a user sees.

    Their networks are made after `BaseAutoencoder.__init__`. `fit` takes an array for each image,
    such as the image that it should become, in place of labels.

    Attributes:
        purpose: what the model does instead of encoding, and by which method, for errors.
    """

    family = "translation"
    purpose = "it translates images, model.translate(x)"
    has_encoder = False
    learns_labels = True
    label_dtype = "float32"
    encoder_outputs = ()
    unit_variance = True  # "gaussian" says only that pixels may have any value
    monitors = (*BaseAutoencoder.monitors, DiscriminatorMonitor)
    takes_no: ClassVar = {
        "code_activation": (None, "it has no codes"),
        "latent_dim": (None, "it has no codes"),
        "encoder": (None, DESCRIBED),
        "decoder": (None, DESCRIBED),
        "tie_weights": (False, DESCRIBED),
        "network": (None, DESCRIBED),
        "hidden_units": (None, DESCRIBED),
    }

    def _make_networks(self, encoder, decoder, input_shape, latent_dim):
        self.encoder = self.decoder = None  # the networks of the class follow
        self.image_shape, self.latent_dim, self.code_shape = input_shape, 0, (0,)

    def encode(self, x: Any, labels: Any = None, *, batch_size: int = 1024) -> NoReturn:
        """Raise a TypeError, as there are no codes."""
        raise TypeError(
            f"{type(self).__name__} has no encoder, no codes and no prior: {self.purpose}. Take "
            "zoo.VAE to encode, decode and generate."
        )

    def decode(self, z: Any, labels: Any = None, *, batch_size: int = 1024) -> NoReturn:
        """Raise a TypeError, as there are no codes."""
        self.encode(z)

    def generate(self, n: Any = None, labels: Any = None, *, seed: int | None = None) -> NoReturn:
        """Raise a TypeError, as there is no prior."""
        self.encode(n)


def shape_of_images(model: str, name: str, shape: Any) -> tuple[int, ...]:
    """Return a shape of images, (height, width, channels)."""
    if shape is None:
        raise ValueError(f"{model} needs {name}=(height, width, channels), such as (28, 28, 1).")
    shape = arguments.shape(name, shape, "(height, width, channels)")
    if len(shape) != 3:
        raise ValueError(f"{name} is {shape}; {model} takes images, (height, width, channels).")
    return shape


def check_halvings(name: str, filters: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Refuse no halvings, and more of them than the shorter side allows."""
    most = min(shape[:2]).bit_length() - 1
    if not 1 <= len(filters) <= most:
        raise ValueError(
            f"{name} is {filters}, {len(filters)} halvings; images of {shape[0]} x {shape[1]} "
            f"pixels can be halved once to {most} times: give as many widths."
        )
