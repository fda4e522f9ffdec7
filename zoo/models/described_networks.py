"""Encoder and decoder from a model's settings."""

from __future__ import annotations

from zoo.nn import given, networks
from zoo.nn.given import whole


def described_networks(model, input_shape, latent_dim):
    """Return encoder and decoder as the settings of a model describe them.

    Raises:
        ValueError: settings that do not go together.
    """
    if input_shape is None or latent_dim is None:
        raise ValueError(
            f"{type(model).__name__} needs input_shape= and latent_dim=, such as "
            "input_shape=(28, 28, 1), latent_dim=16; or encoder= and decoder=."
        )
    if model.filters and len(input_shape) != 3:
        raise ValueError(
            f"filters={model.filters} asks for convolutions, which need input_shape=(height, "
            f"width, channels), not {tuple(input_shape)}."
        )
    if len(model.encoder_outputs) > 1 and (model.tie_weights or model.code_activation):
        raise ValueError(
            f"{type(model).__name__} encodes to a distribution, "
            f"{' and '.join(model.encoder_outputs)}: code_activation= and tie_weights= are for "
            "models with one code, such as Autoencoder."
        )
    if model.tie_weights and (model.filters or model.conditional or model.likelihood.values > 1):
        raise ValueError(
            "tie_weights=True shares the kernels of dense networks without labels that give "
            "one value a pixel; leave out filters=, and choose another likelihood= where it "
            "has several."
        )
    description = {
        "filters": model.filters,
        "hidden_units": model.hidden_units,
        "activation": model.activation,
        "dtype": model.dtype_policy,
    }
    heads = dict.fromkeys(model.encoder_outputs, latent_dim)
    encoder = model._described_encoder(
        input_shape,
        heads,
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


def checked_code_shape(latent_dim, custom_networks: bool):
    """Return the length of a code, or for networks of a user's own perhaps its shape."""
    if isinstance(latent_dim, str) or not hasattr(latent_dim, "__iter__"):
        return whole("latent_dim", latent_dim, least=1)
    if not custom_networks:
        raise TypeError(
            f"latent_dim is {latent_dim!r}; described networks have codes of one length, such "
            "as latent_dim=16. Codes of other shapes need an encoder= and decoder= of your own."
        )
    shape = given.shape("latent_dim", latent_dim, "the shape of a code, such as (4, 4, 4)")
    return shape if len(shape) > 1 else shape[0]
