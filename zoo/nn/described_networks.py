"""Build encoder and decoder from the settings of a model."""

from __future__ import annotations

from typing import Any

from zoo.checks import arguments
from zoo.checks.arguments import whole
from zoo.checks.names import UnknownNameError
from zoo.nn import network_properties, networks, own_networks
from zoo.nn.proportions import suited_filters, suited_signal_filters

NETWORKS = ("dense", "dense_resnet", "conv", "resnet", "conv1d")
DENSE = ("dense", networks.LINEAR_PATH)


def networks_of(model: Any, encoder: Any, decoder: Any, input_shape: Any, latent_dim: Any) -> tuple:
    """Return the encoder, the decoder, the shape of an image and the shape of a code.

    The networks are the user's, or are built from the settings.

    Raises:
        ValueError: the networks do not have the given shapes.
    """
    shape = latent_dim
    if model.custom_networks:
        encoder, decoder, shape = own_networks.taken(
            encoder,
            decoder,
            encoder_outputs=getattr(model, "encoder_outputs", ()),
            label_inputs=model.label_inputs,
            likelihood=model.likelihood,
            input_shape=input_shape,
            latent_dim=latent_dim,
        )
    else:
        encoder, decoder = model._described_networks(input_shape, latent_dim)
    image_shape, length = network_properties.fitting_shapes(
        encoder, decoder, model.label_inputs, model.likelihood
    )
    code_shape = shape if isinstance(shape, tuple) else (length,)
    _check_given("input_shape", input_shape, image_shape)
    if latent_dim not in (length, code_shape):
        _check_given("latent_dim", latent_dim, length)
    return encoder, decoder, image_shape, code_shape


def _check_given(name, given, found):
    given = tuple(given) if isinstance(found, tuple) and given is not None else given
    if given is not None and given != found:
        raise ValueError(f"{name} is {given}, but the networks have {found}.")


def described_networks(model: Any, input_shape: Any, latent_dim: Any) -> tuple:
    """Return the encoder and the decoder that the settings of a model describe.

    Raises:
        ValueError: settings that cannot be combined.
    """
    if input_shape is None or latent_dim is None:
        raise ValueError(
            f"{type(model).__name__} needs input_shape= and latent_dim=, such as "
            f"input_shape=(28, 28, 1), latent_dim=16; or encoder= and decoder=."
        )
    if len(model.encoder_outputs) > 1 and (model.tie_weights or model.code_activation):
        raise ValueError(
            f"{type(model).__name__} encodes to a distribution, "
            f"{' and '.join(model.encoder_outputs)}: code_activation= and tie_weights= are for "
            "models with one code, such as Autoencoder."
        )
    if model.tie_weights and model.network == networks.LINEAR_PATH:
        raise ValueError(
            "tie_weights=True is for network='dense': the linear path of 'dense_resnet' has "
            "its own weights. Leave out one of the two."
        )
    if model.tie_weights and (model.filters or model.conditional or model.likelihood.values > 1):
        raise ValueError(
            "tie_weights=True is for dense networks without labels that give one value per pixel: "
            "leave out filters=, and choose a likelihood= with one value per pixel."
        )
    description = {
        "network": model.network,
        "filters": model.filters,
        "hidden_units": model.hidden_units,
        "activation": model.activation,
        "seeds": model.seeds,
        "dtype": model.dtype_policy,
    }
    encoder = model._described_encoder(
        input_shape,
        dict.fromkeys(model.encoder_outputs, latent_dim),
        code_activation=model.code_activation,
        num_classes=model.num_classes if "x" in model.label_inputs else None,
        label_shape=model.label_shape if "x" in model.label_inputs else (),
        normalization=model.likelihood.normalization(),
        **description,
    )
    decoder = networks.decoder(
        model.likelihood.parameter_shape(input_shape),
        latent_dim,
        tied_to=encoder if model.tie_weights else None,
        num_classes=model.num_classes if "z" in model.label_inputs else None,
        label_shape=model.label_shape if "z" in model.label_inputs else (),
        **description,
    )
    return encoder, decoder


def described_sizes(
    model: Any, input_shape: Any, network: Any, filters: Any, hidden_units: Any
) -> tuple:
    """Return the kind of network, its filters and its hidden units: given, or chosen for the shape.

    Args:
        model: tells whether the networks are a user's own, and whether it trains further networks.
        input_shape: a tuple, or None.
        network: one of `NETWORKS`, or None.
        filters, hidden_units: widths; with no filters, or None, widths are chosen for the shape.

    Raises:
        TypeError: the widths are not numbers.
        ValueError: the network is unknown, or does not accept this shape or these filters.
    """
    filters = arguments.widths("filters", filters)
    if network is not None and network not in NETWORKS:
        raise UnknownNameError("network", network, NETWORKS)
    if model.custom_networks and network is not None:
        raise ValueError(
            f"network={network!r} describes networks, and encoder= and decoder= give them: leave "
            "out one of the two."
        )
    kind = network or ("conv" if filters else "dense")
    if input_shape is not None and not model.custom_networks:
        _check_shape_of(kind, input_shape, filters, named=network is not None)
        if kind not in DENSE and not filters:
            suited = suited_signal_filters if kind == "conv1d" else suited_filters
            filters = suited(input_shape) or (32,)
    if hidden_units is None:
        hidden_units = (512, 256)
        if kind in networks.RESIDUAL:
            others = bool(model.updates) or model.semi_supervised or model.conditional
            hidden_units = (256, 128) if others else ()
    return (
        None if model.custom_networks else kind,
        filters,
        arguments.widths("hidden_units", hidden_units),
    )


def _check_shape_of(kind, shape, filters, named):
    """Refuse a network that needs another shape, or too many halvings for the pixels or steps."""
    wanted = {"conv": (3,), "resnet": (3,), "conv1d": (1, 2)}.get(kind, (1, 2, 3))
    if len(shape) not in wanted:
        words = (
            "(time, channels), or (features,)" if kind == "conv1d" else "(height, width, channels)"
        )
        asks = f"network={kind!r}" if named else f"filters={filters}"
        instead = "conv1d" if len(shape) == 2 else "resnet" if len(shape) == 3 else "dense"
        raise ValueError(
            f"{asks} asks for convolutions, which need input_shape={words}; input_shape is "
            f"{tuple(shape)}: set network={instead!r}."
        )
    if kind in DENSE and filters:
        raise ValueError(
            f"network={kind!r} has no convolutions, and filters={filters} asks for some: leave "
            "out one of the two."
        )
    longest = max(shape[:-1] or shape)
    if kind in networks.RESIDUAL and longest < 2 ** len(filters):
        raise ValueError(
            f"filters={filters} halve data of shape {tuple(shape)} {len(filters)} times, and "
            f"{longest} can be halved {longest.bit_length() - 1} times at most: give fewer filters."
        )


def checked_code_shape(latent_dim: Any, custom_networks: bool) -> Any:
    """Return the length of a code, or its shape, which only a user's own networks may have."""
    if isinstance(latent_dim, str) or not hasattr(latent_dim, "__iter__"):
        return whole("latent_dim", latent_dim, least=1)
    if not custom_networks:
        raise TypeError(
            f"latent_dim is {latent_dim!r}; networks built from settings have vectors as codes, "
            "such as latent_dim=16. Codes of other shapes need your own encoder= and decoder=."
        )
    shape = arguments.shape("latent_dim", latent_dim, "the shape of a code, such as (4, 4, 4)")
    first, *others = shape
    return shape if others else first
