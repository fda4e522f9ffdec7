"""Build encoder and decoder from the settings of a model."""

from __future__ import annotations

from typing import Any

from zoo.nn import given, networks
from zoo.nn.given import whole


def described_networks(model, input_shape: Any, latent_dim: Any) -> tuple:
    """Return the encoder and the decoder that the settings of a model describe.

    Raises:
        ValueError: settings that cannot be combined.
    """
    if input_shape is None or latent_dim is None:
        raise ValueError(
            f"{type(model).__name__} needs input_shape= and latent_dim=, such as "
            "input_shape=(28, 28, 1), latent_dim=16; or encoder= and decoder=."
        )
    if model.filters and len(input_shape) != 3:
        raise ValueError(
            f"filters={model.filters} asks for convolutions, which need input_shape=(height, "
            f"width, channels); input_shape is {tuple(input_shape)}."
        )
    if len(model.encoder_outputs) > 1 and (model.tie_weights or model.code_activation):
        raise ValueError(
            f"{type(model).__name__} encodes to a distribution, "
            f"{' and '.join(model.encoder_outputs)}: code_activation= and tie_weights= are for "
            "models with one code, such as Autoencoder."
        )
    if model.tie_weights and (model.filters or model.conditional or model.likelihood.values > 1):
        raise ValueError(
            "tie_weights=True is for dense networks without labels that give one value per pixel: "
            "leave out filters=, and choose a likelihood= with one value per pixel."
        )
    description = {
        "filters": model.filters,
        "hidden_units": model.hidden_units,
        "activation": model.activation,
        "dtype": model.dtype_policy,
    }
    outputs = dict.fromkeys(model.encoder_outputs, latent_dim)
    encoder = model._described_encoder(
        input_shape,
        outputs,
        code_activation=model.code_activation,
        num_classes=model.num_classes if "x" in model.label_inputs else None,
        **description,
    )
    decoder = networks.decoder(
        model.likelihood.parameter_shape(input_shape),
        latent_dim,
        tied_to=encoder if model.tie_weights else None,
        num_classes=model.num_classes,
        **description,
    )
    return encoder, decoder


def checked_code_shape(latent_dim: Any, custom_networks: bool) -> Any:
    """Return the length of a code, or its shape, which only a user's own networks may have."""
    if isinstance(latent_dim, str) or not hasattr(latent_dim, "__iter__"):
        return whole("latent_dim", latent_dim, least=1)
    if not custom_networks:
        raise TypeError(
            f"latent_dim is {latent_dim!r}; described networks have vectors as codes, such as "
            "latent_dim=16. Codes of other shapes need your own encoder= and decoder=."
        )
    shape = given.shape("latent_dim", latent_dim, "the shape of a code, such as (4, 4, 4)")
    return shape if len(shape) > 1 else shape[0]
