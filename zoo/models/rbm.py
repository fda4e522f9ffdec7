"""Restricted Boltzmann machines: one undirected layer of visible and hidden units."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import whole
from zoo.checks.array_types import Labels, Tensor
from zoo.inference.compiled import run_in_batches
from zoo.inference.parts import TensorInfo, image_info
from zoo.models.base import Batch, Losses
from zoo.models.classical import Autoencoder
from zoo.nn.distributions.likelihood_names import checked_binarization, of_unit_variance
from zoo.nn.distributions.likelihoods import Bernoulli
from zoo.training.registry import register


@register
class RBM(Autoencoder):
    """The restricted Boltzmann machine, p(v, h) proportional to exp(-E(v, h)).

    E(v, h) = -v.b - h.c - v W h for binary units. Visible units with `likelihood="gaussian"` have
    1/2 |v - b|^2 instead of -v.b; hidden units with `code_activation="linear"` have 1/2 |h|^2 - h.c
    instead of -h.c; both have unit variance. Contrastive divergence minimizes

        F(v) - F(v'),  F(v) = -ln sum_h exp(-E(v, h)),

    where v' is the image after k steps of Gibbs sampling, which is treated as a constant. Sampling
    starts at the data (CD-k), or continues chains from one training step to the next (`chains`,
    persistent contrastive divergence). The encoder gives E[h | v]; the decoder gives E[v | h], with
    the same kernel.

    Use it for one layer of features, and to pre-train a deep network: `zoo.pretrain`. The metric
    `contrast` is minimized; `loss` is the reconstruction term, which is only measured.

    Args:
        k: Gibbs steps, at least 1.
        chains: how many persistent chains there are; with 0, sampling starts at the data in each
            step.
        code_activation: the activation of the hidden units, "sigmoid" for binary and "linear" for
            Gaussian units.
        activation: has no effect, because there are no hidden layers.
        binarize: for binary visible units. None takes pixels between 0 and 1 as they are. "dynamic"
            sets each pixel to 1 with its value as the probability, else 0, in every step of `fit`
            and in `evaluate`, and v' is a sample as well. After long trainings the hidden
            units have learned less of the noise in images.
        Others: see `Autoencoder`; an RBM is one dense layer with tied weights, so there is no
            `network`, `filters`, `hidden_units`, `tie_weights`, `encoder` or `decoder`. Binary
            visible units treat images in [0, 1] as probabilities.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.RBM((8, 8, 1), 32, k=1)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.generate(4, seed=0, steps=10).shape
        (4, 8, 8, 1)

    Source: Hinton 2002 (doi 10.1162/089976602760128018); Tieleman 2008
    (doi 10.1145/1390156.1390290) for persistent chains; Hinton and Salakhutdinov 2006
    (doi 10.1126/science.1127647) for linear hidden units.
    """

    family = "boltzmann"
    metric_names = ("reconstruction", "contrast")
    untrained = ("likelihood",)  # it is measured only
    learns_variance = False
    takes_further_losses = False  # its gradient is that of a free energy

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        k: int = 1,
        chains: int = 0,
        code_activation: str = "sigmoid",
        l1: float = 0.0,
        l2: float = 0.0,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        binarize: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if code_activation not in ("sigmoid", "linear"):
            raise ValueError(
                f"code_activation is {code_activation!r}; choose 'sigmoid' for binary hidden units "
                "or 'linear' for Gaussian ones."
            )
        super().__init__(
            input_shape,
            latent_dim,
            hidden_units=(),  # one dense layer with one kernel
            tie_weights=True,
            code_activation=code_activation,
            l1=l1,
            l2=l2,
            activation=activation,
            likelihood=of_unit_variance(likelihood),  # the energy is that of unit variance
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.binary = isinstance(self.likelihood, Bernoulli)
        if self.likelihood.in_own_units:
            raise ValueError(
                "An RBM does not standardize visible units: standardize the columns yourself and "
                'give likelihood="gaussian", or use another class, such as VAE.'
            )
        if not self.binary and getattr(self.likelihood, "stddev", None) != 1.0:
            raise ValueError(
                f"likelihood is {type(self.likelihood).__name__}; choose 'bernoulli' for binary "
                "visible units or 'gaussian' for Gaussian ones of unit variance."
            )
        self.binarize = checked_binarization(binarize, self.likelihood, ("dynamic",))
        self.k, self.chains = whole("k", k, least=1), whole("chains", chains)
        if self.binary:
            self.add_metric_name("pseudo_likelihood")
        if self.chains:
            self.states = self.add_state(
                shape=(self.chains, *self.image_shape),
                initializer=keras.initializers.RandomUniform(0.0, 1.0, seed=self.seed or 0),
                name="chains",
            )

    def losses(self, batch: Batch, training: bool) -> Losses:
        v = self.draw_visible(batch.x) if self.binarize else batch.x  # [batch, *input_shape]
        parameters = self.decoder(self.encoder(v, training=training), training=training)
        of_model = self.free_energy(self.model_images(v, training))
        contrast = self.free_energy(v) - (ops.mean(of_model) if self.chains else of_model)
        losses = Losses(
            contrast,
            reconstruction=-self.likelihood.log_prob(v, parameters),
            contrast=contrast,
        )
        if self.binary:
            losses = losses.plus(pseudo_likelihood=self.log_pseudo_likelihood(v))
        return self.with_penalties(losses)

    def track(self, metrics: dict) -> dict:
        return super().track({**metrics, "loss": metrics["reconstruction"]})

    def free_energy(self, v: Tensor) -> Tensor:
        """Return F(v) = -ln sum_h exp(-E(v, h)) of images, up to a constant, [batch]."""
        hidden_layer, b = self.encoder.get_layer("z"), self.decoder.get_layer("pixels").bias
        flat = ops.reshape(v, (-1, b.shape[0]))
        total_input = ops.matmul(flat, hidden_layer.kernel) + hidden_layer.bias
        binary_hidden = self.code_activation == "sigmoid"
        hidden = ops.softplus(total_input) if binary_hidden else 0.5 * ops.square(total_input)
        visible = flat * b if self.binary else -0.5 * ops.square(flat - b)
        return -ops.sum(visible, axis=1) - ops.sum(hidden, axis=1)

    def parts(self) -> dict:
        """Return the exportable parts: encoder, decoder and `energy`, F(v) up to a constant."""
        x = image_info(self)
        energy = TensorInfo("free_energy", "float32", ())

        def energy_of(tensors):
            return {"free_energy": self.free_energy(tensors["x"])}

        networks = (self.encoder, self.decoder)
        energy_part = self.part("energy", energy_of, (x,), (energy,), networks)
        return {**super().parts(), "energy": energy_part}

    def model_images(self, v: Tensor, training: bool) -> Tensor:
        """Return images after k Gibbs steps, [batch or chains, ...], without a gradient.

        If sampling starts at the data, the last step returns means, which have less noise; it
        returns samples if the data are samples.
        """
        persistent = bool(self.chains) and training
        if persistent:
            v = self.states
        for _ in range(self.k):
            mean = self.image(self.draw_hidden(v))
            v = self.draw_visible(mean)
        if persistent:
            self.states.assign(v)
        energies_of = v if persistent or self.binarize else mean
        return ops.stop_gradient(energies_of)

    def draw_hidden(self, v: Tensor) -> Tensor:
        """Return samples of p(h | v), [batch, latent_dim]."""
        mean = self.encoder(v)
        if self.code_activation == "linear":
            return mean + backend.normal(ops.shape(mean), self.seed_generator)
        return ops.cast(backend.uniform(ops.shape(mean), self.seed_generator) < mean, "float32")

    def draw_visible(self, mean: Tensor) -> Tensor:
        """Return samples of p(v | h), given its mean, of the same shape."""
        if not self.binary:
            return mean + backend.normal(ops.shape(mean), self.seed_generator)
        return ops.cast(backend.uniform(ops.shape(mean), self.seed_generator) < mean, "float32")

    def log_pseudo_likelihood(self, v: Tensor) -> Tensor:
        """Return an estimate of sum_i ln p(v_i | all others), in nats, [batch].

        It uses one random unit per image, as scikit-learn's `BernoulliRBM` does.
        """
        units = int(np.prod(self.image_shape))
        flat = ops.reshape(v, (-1, units))
        place = backend.uniform((ops.shape(flat)[0],), self.seed_generator) * units
        one = ops.one_hot(ops.cast(place, "int32"), units)
        flipped = ops.reshape(flat + one * (1.0 - 2.0 * flat), ops.shape(v))
        return -units * ops.softplus(self.free_energy(v) - self.free_energy(flipped))

    @property
    def can_generate(self) -> bool:
        return True  # by a Markov chain, without a prior over codes

    def generate(
        self,
        n: int | None = None,
        labels: Labels = None,
        *,
        seed: int | None = None,
        steps: int = 500,
    ) -> np.ndarray:
        """Generate images by Gibbs sampling from noise, and return the means of the last step.

        Args:
            n: how many images. labels: must be None, because the model is not conditional.
            seed: the same seed gives the same images.
            steps: the number of Gibbs steps; more are better, because chains mix slowly.

        Returns:
            float32 [n, *input_shape].
        """
        self.checked_labels(labels, n)
        if n is None:
            raise ValueError("Give the number of images to generate: generate(16).")
        n, steps = whole("n", n, least=1), whole("steps", steps, least=1)
        noise = np.random.default_rng(seed)
        v = noise.random((n, *self.image_shape), np.float32)
        for _ in range(steps):
            h = run_in_batches(self.code, v, batch_size=n)
            if self.code_activation == "linear":
                h = h + noise.standard_normal(h.shape, np.float32)
            else:
                h = (noise.random(h.shape, np.float32) < h).astype("float32")
            mean = run_in_batches(self.image, h, batch_size=n)
            if self.binary:
                v = (noise.random(mean.shape, np.float32) < mean).astype("float32")
            else:
                v = mean + noise.standard_normal(mean.shape, np.float32)
        return mean
