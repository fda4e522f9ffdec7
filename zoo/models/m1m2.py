"""M1+M2: the model M2 on the codes of the model M1."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NoReturn

from keras import ops

from zoo.checks.array_types import Tensor
from zoo.models.m2 import M2
from zoo.models.vae import VAE
from zoo.nn.distributions import likelihood_names
from zoo.nn.saved_configs import refuse_name
from zoo.presets.loading import load
from zoo.training.registry import register


@register
class M1M2(M2):
    """The stacked semi-supervised model: an `M2` on the sampled codes of a trained VAE.

    p(x, y, z1, z2) = p(y) p(z2) p(z1 | y, z2) p(x | z1). The lower model gives q(z1 | x) and p(x |
    z1). It is not trained, and every step samples z1 again. The loss is the negative ELBO of z1
    under the upper model, so its terms do not measure pixels. Like other models, it takes and
    returns images; its codes are z2.

    Use it to classify with few labels if `M1` alone is not good enough.

    Args:
        lower: a trained `zoo.M1` or `zoo.VAE`, or the name of a preset or folder. The model makes a
            copy and does not train it; a saved model contains the whole copy.
        latent_dim: the length of z2.
        likelihood: the likelihood of z1: "learned_gaussian", or "gaussian" with a calibrated
            standard deviation.
        hidden_units: widths of the layers between z1 and z2.
        Others: see `M2`; there is no `input_shape`, `network`, `filters` or `binarize`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> few = zoo.data.keep_labels(y, 100, seed=0)  # the others are -1
        >>> lower = zoo.VAE((8, 8, 1), 8, hidden_units=(64,))
        >>> lower.compile("adam")
        >>> history = lower.fit(x, epochs=1, verbose=0)
        >>> model = zoo.M1M2(lower, 4, num_classes=10, hidden_units=(32,))
        >>> model.compile("adam")
        >>> history = model.fit(x, few, epochs=1, verbose=0)
        >>> model.predict_labels(x_test).shape
        (360,)

    Source: Kingma et al. 2014 (arXiv 1406.5298), section 2, "stacked generative semi-supervised
    model".
    """

    settings_to_choose: ClassVar = {
        "lower": "learns from the codes of another preset: train it in Python."
    }
    # Not those of M2, because the ELBO is one of codes and not of images.
    card_metrics = ("reconstruction error", "classification error", "generated class accuracy")
    opened_by_name = ("lower",)  # in Python; a saved configuration contains the whole model

    def __init__(
        self,
        lower: VAE | str | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        likelihood: Any = "learned_gaussian",
        hidden_units: tuple[int, ...] = (500,),
        alpha: float = 10.0,
        labeled_batch_size: int = 100,
        warm_up: int = 0,
        dropout: float = 0.0,
        prior: Any = None,
        beta: Any = 1.0,
        samples: int = 1,
        activation: str = "relu",
        num_classes: int | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        lower = _copy(lower)
        if likelihood_names.get(likelihood).whole:
            raise ValueError(
                f"likelihood={likelihood!r} is for counts, but the codes of lower= are not counts: "
                'use "gaussian" or "learned_gaussian" here, and that of counts in lower=.'
            )
        super().__init__(
            (lower.latent_dim,),
            latent_dim,
            likelihood=likelihood,
            hidden_units=hidden_units,
            alpha=alpha,
            labeled_batch_size=labeled_batch_size,
            warm_up=warm_up,
            dropout=dropout,
            prior=prior,
            beta=beta,
            samples=samples,
            activation=activation,
            num_classes=num_classes,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.lower = lower
        self.lower.trainable = False
        # For users the model has the lower model's images; its own inputs are codes.
        self.__dict__.update(image_shape=lower.image_shape, likelihood=lower.likelihood)

    def input_pixels(self, x: Tensor, draw: bool = False) -> Tensor:
        """Return the input of the networks: the mean of q(z1 | x), or a sample; [batch, values]."""
        if not draw:
            return self.lower.posterior(x).mean
        pixels = self.lower.input_pixels(x, draw=True)
        z1 = self.lower.posterior(pixels).draw(1, self.seed_generator)
        return ops.stop_gradient(z1[:, 0])

    def image(self, z: Tensor, label: Tensor = None, training: bool = False) -> Tensor:
        parameters = self.decoder(self.decoder_input(z, label), training=training)
        return self.lower.image(self.decoder_likelihood.mean(parameters))

    def parameters_of(self, z: Tensor, label: Tensor = None) -> Tensor:
        parameters = self.decoder(self.decoder_input(z, label))
        return self.lower.parameters_of(self.decoder_likelihood.mean(parameters))

    def prepared(self, x: Tensor, seed: Any = 0) -> Tensor:
        raise _no_likelihood()

    def kl_and_log_prob(self, *args, **kwargs) -> NoReturn:
        raise _no_likelihood()

    def parts(self) -> dict:
        below = {"decoder": self.lower.decoder}
        return {
            name: dataclasses.replace(
                part, networks=(*part.networks, below.get(name, self.lower.encoder))
            )
            for name, part in super().parts().items()
        }

    def setting(self, name: str) -> Any:
        return self.decoder_likelihood if name == "likelihood" else super().setting(name)


def _copy(lower) -> VAE:
    """Return an uncompiled copy of a model, with the same weights."""
    if isinstance(lower, str):
        refuse_name("lower", lower)
        lower = load(lower)
    if not isinstance(lower, VAE) or lower.conditional:
        raise TypeError(
            f"lower is {lower!r}; give a trained zoo.M1 or zoo.VAE, or the name of its preset."
        )
    copy = type(lower).from_config(lower.get_config())
    copy.set_weights(lower.get_weights())
    return copy


def _no_likelihood():
    return TypeError(
        "M1M2 bounds the probability of codes, not of images, so it has no likelihood of images. "
        "Use model.lower, which is a VAE and has one."
    )
