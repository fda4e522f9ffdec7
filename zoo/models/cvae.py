"""The conditional variational autoencoder."""

from __future__ import annotations

from typing import Any

import keras

from zoo.checks import arguments
from zoo.checks.arguments import whole_or_none
from zoo.models.vae import VAE
from zoo.nn import networks
from zoo.nn.distributions.priors import LearnedNormal
from zoo.training.registry import register


@register
class CVAE(VAE):
    """The conditional variational autoencoder: the class is given, the code holds the style.

    Minimizes E_q(z|x,c)[-log p(x | z, c)] + beta KL(q(z | x, c) || p(z | c)). This is the VAE's
    objective with the label c as a further input of encoder and decoder. With a fixed prior, which
    is the same for every class, one code with different labels gives images of different classes in
    one style. With a learned prior, p(z | c) = N(m_c, s_c^2), a code has the style (z - m_c) / s_c.

    Use it to generate images of a class, and for analogies. `fit(x, y)` takes integer labels.

    With a `label_shape`, a label is an array, such as an image, or a caption as word numbers (see
    `zoo.data.Vocabulary`), and the model can draw several answers to it: `generate(labels=y)` draws
    one for each label, and `decode(z, y)` decodes one for each code.

    Args:
        num_classes: how many labels there are. With a `label_shape` of captions it is how many
            different word numbers there are; for images it is None.
        label_shape: the shape of a label that is an array: (height, width, channels) of an image,
            with values in the likelihood's range; (words,) of captions; () for integer labels.
        prior: as in `VAE`; or "learned"; or your own network from integer labels [batch] to a dict
            of `z_mean` and `z_log_var`.
        Others: see `VAE`. Your own networks must take dicts, {"x", "label"} and {"z", "label"}.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.CVAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.generate(labels=[7] * 16, seed=0).shape
        (16, 8, 8, 1)

    Source: Sohn, Lee and Yan 2015 (NeurIPS 28), equation 4. For labels that are arrays, the paper
    also learns a network for the prior p(z | c); here the prior is the same for all of them.
    """

    family = "cvae"
    card_metrics = (*VAE.card_metrics, "generated class accuracy")
    conditional = True
    picture = "style_grid"
    label_inputs = ("x", "z")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        label_shape: tuple[int, ...] = (),
        prior: Any = None,
        beta: Any = 1.0,
        samples: int = 1,
        free_bits: float = 0.0,
        binarize: str | None = None,
        corruption: Any = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        num_classes: int | None = None,
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        self.label_shape = checked_label_shape(label_shape, prior)
        self.num_classes = whole_or_none("num_classes", num_classes, least=1)
        images = self.label_shape and num_classes is None
        self.label_dtype = "float32" if images else "int32"
        super().__init__(
            input_shape,
            latent_dim,
            prior=prior,
            beta=beta,
            samples=samples,
            free_bits=free_bits,
            binarize=binarize,
            corruption=corruption,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if self.label_shape:
            self.picture = "samples_for_labels"

    def _make_prior(self, prior):
        if not is_learned(prior):
            return super()._make_prior(fixed_prior(prior))
        return learned_prior(self, prior)

    def _make_networks(self, *given):
        if self.num_classes and len(self.label_shape) > 1:
            raise ValueError(
                f"label_shape is {self.label_shape}: with num_classes= a label is a row of word "
                "numbers, label_shape=(words,). For images leave out num_classes=."
            )
        super()._make_networks(*given)
        for role, network in (("encoder", self.encoder), ("decoder", self.decoder)):
            if (found := tuple(network.input["label"].shape[1:])) != self.label_shape:
                raise ValueError(
                    f"The {role} takes labels of shape {found} without the batch, and label_shape "
                    f"is {self.label_shape}: give the shape that the networks take."
                )

    def setting(self, name: str) -> Any:
        return learned_prior_of(self) if name == "prior" else super().setting(name)


def checked_label_shape(label_shape: Any, prior: Any) -> tuple[int, ...]:
    """Return the shape of a label; () for integers.

    Raises:
        TypeError: it is not a shape. ValueError: the prior is learned, which is possible for
            integers only.
    """
    if label_shape is None or (isinstance(label_shape, tuple | list) and not label_shape):
        return ()
    expected = "the shape of a label, such as (28, 28, 1), or () for integer labels"
    label_shape = arguments.shape("label_shape", label_shape, expected)
    if is_learned(prior):
        raise ValueError(
            "A learned prior has a mean for every class, but labels of the shape "
            f"{label_shape} are not classes: leave out prior=, or label_shape=."
        )
    return label_shape


def is_learned(prior: Any) -> bool:
    """Return whether a prior is learned: "learned", or a user's own network."""
    return isinstance(prior, keras.Model) or (isinstance(prior, str) and prior == "learned")


def fixed_prior(prior: Any) -> Any:
    """Return a prior if it is not learned, else None.

    Raises:
        ValueError: the prior is a string other than "learned".
    """
    if isinstance(prior, str) and prior != "learned":
        raise ValueError(f'prior is {prior!r}; give a zoo.Normal, "learned" or a network.')
    return None if is_learned(prior) else prior


def learned_prior(model: Any, prior: Any) -> LearnedNormal:
    """Give a conditional VAE the network of its prior, and return p(z | c).

    Args:
        prior: "learned", or a user's own network.
    """
    if len(model.code_shape) > 1:
        raise ValueError(
            f"A learned prior needs codes that are vectors; these have the shape {model.code_shape}"
            ": let the encoder end in a Flatten, and the decoder begin with a Reshape."
        )
    custom = prior != "learned"
    network = (
        prior if custom else networks.label_prior(model.num_classes, model.latent_dim, model.seeds)
    )
    model.prior_network = network
    model.network_names = (*model.network_names, "prior_network")
    return LearnedNormal(network, model.latent_dim, model.num_classes, custom)


def learned_prior_of(model: Any) -> Any:
    """Return the `prior` argument from which a conditional VAE was made."""
    if model.prior_network is None:
        return model.prior
    return model.prior_network if model.prior.custom else "learned"
