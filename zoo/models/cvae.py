"""The conditional variational family."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo.models import checks
from zoo.models.vae import VAE
from zoo.nn import networks, priors
from zoo.nn.divergences import bounded_log_variance


@keras.saving.register_keras_serializable(package="zoo")
class CVAE(VAE):
    """The conditional variational autoencoder: the class is given, the code holds the style.

    Minimizes E_q(z|x,c)[-log p(x | z, c)] + beta KL(q(z | x, c) || p(z | c)): the VAE's objective
    with the label c given to encoder and decoder. With a fixed prior, the same for every class, the
    same code with another label is the same style of another class. With a learned one,
    p(z | c) = N(m_c, s_c^2), what codes have in common is (z - m_c) / s_c.

    Use it to generate what was asked for, and for analogies. `fit(x, y)` takes integer labels.

    Args:
        num_classes: how many labels there are.
        prior: a `zoo.Normal`; the standard normal where it is None; "learned"; or a network of
            your own from integer labels [batch] to a dict of `z_mean` and `z_log_var`.
        Others: see `VAE`. Networks of your own take dicts, {"x", "label"} and {"z", "label"}.

    Example:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.CVAE((8, 8, 1), 4, num_classes=10, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, y, epochs=1, verbose=0)
        >>> model.generate(labels=[7] * 16, seed=0).shape
        (16, 8, 8, 1)

    Source: Sohn, Lee and Yan 2015 (NeurIPS 28), equation 4.
    """

    conditional = True
    card_metrics = (*VAE.card_metrics, "generated class accuracy")
    priors_taken = (priors.Normal,)

    def __init__(self, input_shape=None, latent_dim=None, *, prior=None, **kwargs):
        own = isinstance(prior, keras.Model)
        if isinstance(prior, str) and prior != "learned":
            raise ValueError(f'prior is {prior!r}; give a zoo.Normal, "learned" or a network.')
        learned = own or prior == "learned"
        super().__init__(input_shape, latent_dim, prior=None if learned else prior, **kwargs)
        self.custom_prior = own
        self.prior_network = prior if own else None
        if prior == "learned":
            self.prior_network = networks.label_prior(self.num_classes, self.latent_dim)
        if learned and len(self.code_shape) > 1:
            raise ValueError(
                f"A learned prior is one of vectors, and the codes have the shape {self.code_shape}"
                ": let the encoder end in a Flatten, and the decoder begin with a Reshape."
            )
        if learned:
            self.network_names = (*self.network_names, "prior_network")
            self._check_prior()

    def _check_prior(self):
        takes, gives = (
            getattr(self.prior_network, name, None) if self.prior_network.built else None
            for name in ("input", "output")
        )
        named = gives if isinstance(gives, dict) else {}
        shapes = {name: tuple(value.shape) for name, value in named.items()}
        expected = dict.fromkeys(self.heads, (None, self.latent_dim))
        if shapes != expected or getattr(takes, "shape", None) != (None,):
            raise ValueError(
                f"The prior's network takes {takes} and gives {gives}; it must be functional, take "
                f"integer labels of shape (batch,) and give a dict of z_mean and z_log_var of "
                f"shape (batch, {self.latent_dim})."
            )

    def prior_moments(self, label):
        if self.prior_network is None:
            return super().prior_moments(label)
        moments = self.prior_network(label)
        return moments["z_mean"], bounded_log_variance(moments["z_log_var"])

    def prior_of(self, labels=None):
        if self.prior_network is None:
            return super().prior_of(labels)
        labels = checks.check_labels(labels, np.size(labels), self.num_classes, "labels")
        table = self.prior_moments(ops.arange(self.num_classes))
        return tuple(ops.convert_to_numpy(moment)[labels] for moment in table)

    def style(self, z, labels):
        """Return (z - m_c) / s_c of codes [n, latent_dim], or z where the prior is fixed."""
        if self.prior_network is None:
            return z
        mean, log_var = self.prior_of(labels)
        return (z - mean) / np.exp(0.5 * log_var)

    def styled(self, style, labels):
        if self.prior_network is None:
            return style
        mean, log_var = self.prior_of(labels)
        return mean + np.exp(0.5 * log_var) * style

    def codes_to_generate(self, n, labels, seed):
        return self.styled(super().codes_to_generate(n, labels, seed), labels)

    def prior_description(self):
        if self.prior_network is None:
            return super().prior_description()
        mean, log_var = self.prior_of(np.arange(self.num_classes))
        return {
            "kind": "normal_by_label",
            "means": mean.tolist(),
            "scales": np.exp(0.5 * log_var).tolist(),
        }

    def get_config(self):
        config = super().get_config()
        if self.prior_network is not None:
            config["prior"] = "learned"
        if self.custom_prior:
            config["prior"] = keras.saving.serialize_keras_object(self.prior_network)
        return config
