"""The classical autoencoders: deterministic codes, with constraints against copying the input."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.backend import backend
from zoo.checks.arguments import number, whole
from zoo.checks.array_types import Tensor
from zoo.models.autoencoder import BaseAutoencoder
from zoo.models.base import Batch, Losses
from zoo.nn import corruption as corruptions
from zoo.nn import jacobians
from zoo.nn.distributions.likelihoods import bernoulli_kl
from zoo.nn.distributions.requirements import check_corruption
from zoo.nn.network_properties import activation_of_code, check_smooth
from zoo.training.loss_weight import LossWeight
from zoo.training.registry import register


@register
class Autoencoder(BaseAutoencoder):
    """The classical autoencoder: a network with a code that is smaller than the image.

    Minimizes -log p(x | z) + l1 sum|W| + l2 sum W^2 with z = encoder(x), for encoder and decoder
    together: the squared error with `likelihood="squared_error"`, the cross-entropy with
    "bernoulli". There is no prior over the codes, so the model reconstructs but does not generate.

    Some settings have names. `hidden_units=(), likelihood="squared_error"` is the linear
    autoencoder, whose decoder spans the subspace of PCA. `hidden_units=(),
    code_activation="sigmoid"` is the vanilla autoencoder with one hidden layer, which is the code.
    More `hidden_units` make it deep, `filters` make it convolutional, and a `latent_dim` above the
    number of pixels makes it overcomplete. `tie_weights=True` shares the kernels.

    Use it for compression, for features, and as the baseline for all other models.

    Args:
        l1, l2: weights, at least 0, of the sums of absolute and of squared values over all kernels;
            tied kernels are counted once. A penalty with a nonzero weight is also a metric, `l1` or
            `l2`.
        Others: see `zoo.models.autoencoder.BaseAutoencoder`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.Autoencoder((8, 8, 1), 8, hidden_units=(64,))
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.encode(x_test).shape
        (360, 8)
        >>> model.reconstruct(x_test).shape
        (360, 8, 8, 1)

    Source: Rumelhart, Hinton and Williams 1986; Baldi and Hornik 1989
    (doi 10.1016/0893-6080(89)90014-2) on the linear case; Hinton and Salakhutdinov 2006
    (doi 10.1126/science.1127647).

    Example: your own networks. The model removes the decoder's sigmoid; the likelihood has one.

        import keras
        import numpy as np
        from keras import layers

        import zoo

        encoder = keras.Sequential([layers.Flatten(), layers.Dense(8, "relu"), layers.Dense(2)])
        decoder = keras.Sequential([layers.Dense(16, "sigmoid"), layers.Reshape((4, 4, 1))])
        model = zoo.Autoencoder(input_shape=(4, 4, 1), encoder=encoder, decoder=decoder)
        model.compile("adam", run_eagerly=True)
        x = np.random.default_rng(0).random((8, 4, 4, 1), "float32")
        model.fit(x, verbose=0)
        np.testing.assert_allclose(model.reconstruct(x), decoder(encoder(x)), atol=1e-5)
    """

    takes_further_losses = True
    takes_pairs = True
    takes_missing = True
    card_metrics = (
        *BaseAutoencoder.card_metrics,
        "linear probe accuracy",
        "angle to PCA",
        "mean activity",
        "saturation",
        "Jacobian norm",
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        l1: float = 0.0,
        l2: float = 0.0,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            input_shape,
            latent_dim,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            tie_weights=tie_weights,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.l1 = LossWeight("l1", l1, least=0, left_out=True)
        self.l2 = LossWeight("l2", l2, least=0, left_out=True)
        for penalty in self.weight_penalties():
            self.add_metric_name(penalty)

    def losses(self, batch: Batch, training: bool) -> Losses:
        z = self.encoder(batch.x, training=training)
        parameters = self.decoder(z, training=training)
        reconstruction = -self.likelihood.log_prob(batch.target, parameters)  # [batch]
        losses = Losses(reconstruction, reconstruction=reconstruction)
        return self.with_penalties(losses) + self.further_losses(batch.target, z)

    def with_penalties(self, losses: Losses) -> Losses:
        """Return the losses plus the penalties on kernels whose weight is not 0."""
        for name, (weight, penalty) in self.weight_penalties().items():
            losses = losses.plus(weight * penalty, **{name: penalty})
        return losses

    def weight_penalties(self) -> dict:
        """Return the penalties on kernels by name: pairs of a weight and a scalar penalty."""
        penalties = {"l1": (self.l1, ops.abs), "l2": (self.l2, ops.square)}
        kernels = [w for w in self.weights if w.name == "kernel"]
        return {
            name: (weight.value, sum(ops.sum(of(kernel)) for kernel in kernels))
            for name, (weight, of) in penalties.items()
            if not weight.is_left_out
        }

    def squared_jacobian_norm(self, x: Tensor) -> Tensor:
        """Return |dz/dx|^2 at images, summed over codes and pixels, as a tensor [batch]."""
        if self.has_closed_jacobian:
            return self.closed_jacobian_norm(self.encoder(x))

        def code(images):
            return self.code(self.likelihood.raw(images))

        return jacobians.exact(code, self.likelihood.standardized(x), self.latent_dim)

    def closed_jacobian_norm(self, z: Tensor) -> Tensor:
        """Return |dz/dx|^2, [batch], for an encoder of one dense layer, given its codes."""
        layer = self.encoder.get_layer(self.encoder_outputs[0])
        return jacobians.closed_form(z, layer.kernel, activation_of_code(self.encoder))

    @property
    def has_one_layer(self) -> bool:
        """Whether the encoder is one dense layer."""
        return not (self.custom_networks or self.hidden_units or self.filters)

    @property
    def has_closed_jacobian(self) -> bool:
        """Whether the encoder is one dense layer with a sigmoid, a tanh or no activation."""
        return self.has_one_layer and activation_of_code(self.encoder) in jacobians.SLOPES


@register
class SparseAutoencoder(Autoencoder):
    """The sparse autoencoder: only a few units of its code are active for an image.

    Minimizes -log p(x | z) + weight * penalty, with the penalty

        "kl":  sum_j KL(rho || m_j), where m_j, in (0, 1), is the mean of unit j over the batch;
        "l1":  sum_j |z_j|.

    The code may be larger than the image. Use it for features that can be interpreted: each unit
    represents something that few images have.

    Args:
        penalty: "kl", for a code with a sigmoid, or "l1", for a code which by default has a ReLU.
        rho: the target of the mean activity for "kl", between 0 and 1; use batches of more than
            1/rho images.
        weight: the weight of the penalty, at least 0.
        code_activation: "auto" is a sigmoid for "kl" and a ReLU for "l1".
        Others: see `Autoencoder`; the default is `hidden_units=()`: one layer each for encoder and
            decoder.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.SparseAutoencoder((8, 8, 1), 100, rho=0.1)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> activity = model.encode(x_test).mean(axis=0)  # of each unit; the target is 0.1
        >>> activity.shape
        (100,)

    Source: Lee, Ekanadham and Ng 2007 (NeurIPS 20) and Ng's lecture notes CS294A for "kl";
    Olshausen and Field 1996 (doi 10.1038/381607a0) for "l1".
    """

    takes_pairs = True
    metric_names = ("reconstruction", "sparsity")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        penalty: str = "kl",
        rho: float = 0.05,
        weight: float = 0.1,
        hidden_units: tuple[int, ...] = (),
        code_activation: str | None = "auto",
        l1: float = 0.0,
        l2: float = 0.0,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        activation: str = "relu",
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if penalty not in ("kl", "l1"):
            raise ValueError(f"penalty is {penalty!r}; choose 'kl' or 'l1'.")
        rho = number("rho", rho, above=0, below=1)
        if code_activation == "auto":
            code_activation = "sigmoid" if penalty == "kl" else "relu"
        super().__init__(
            input_shape,
            latent_dim,
            hidden_units=hidden_units,
            code_activation=code_activation,
            l1=l1,
            l2=l2,
            network=network,
            filters=filters,
            activation=activation,
            tie_weights=tie_weights,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        if penalty == "kl" and activation_of_code(self.encoder) not in ("sigmoid", None):
            raise ValueError(
                f"code_activation is {activation_of_code(self.encoder)!r}; the penalty 'kl' "
                "needs activities in (0, 1): use 'sigmoid', or penalty='l1'."
            )
        self.penalty, self.rho = penalty, rho
        self.weight = LossWeight("weight", weight, least=0)

    def losses(self, batch: Batch, training: bool) -> Losses:
        z = self.encoder(batch.x, training=training)  # [batch, latent_dim]
        parameters = self.decoder(z, training=training)
        reconstruction = -self.likelihood.log_prob(batch.target, parameters)  # [batch]
        if self.penalty == "l1":
            sparsity = ops.sum(ops.abs(z), axis=1)  # [batch]
        else:
            sparsity = ops.sum(bernoulli_kl(self.rho, backend.batch_mean(z)))  # a scalar
        metrics = {"reconstruction": reconstruction, "sparsity": sparsity}
        losses = Losses(reconstruction, self.weight.value * sparsity, **metrics)
        return self.with_penalties(losses) + self.further_losses(batch.target, z)


@register
class DenoisingAutoencoder(Autoencoder):
    """The denoising autoencoder: it reconstructs a clean image from a corrupted one.

    Minimizes the mean over L samples of -log p(x | encoder(x')), x' ~ q(x' | x). Images are
    corrupted in training only, not in evaluation, `encode` and `reconstruct`. If you have pairs of
    measured noisy and clean images, `fit(noisy, clean)` learns from these pairs, and nothing is
    corrupted.

    Use it to restore images (`model.reconstruct(corrupted)`), and for features.

    Args:
        corruption: a `zoo.Masking`, `zoo.SaltAndPepper`, `zoo.GaussianNoise`, `zoo.Translation`,
            or a `zoo.Composition` of these; or a dict such as {"masking": 0.25}. None is meant for
            pairs; without clean images, `zoo.Masking(0.25)` is then used, with `missing=True` if
            the likelihood takes missing values.
        num_corruptions: L, at least 1.
        Others: see `Autoencoder`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.DenoisingAutoencoder((8, 8, 1), 16, corruption={"masking": 0.25})
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> corrupted = zoo.Masking(0.25).sample(x_test, seed=0)
        >>> model.reconstruct(corrupted).shape
        (360, 8, 8, 1)

    Source: Vincent et al. 2008 (doi 10.1145/1390156.1390294), section 2.3.
    """

    restores = True
    picture = "restorations"
    takes_pairs = True
    takes_missing = True
    card_metrics = (
        *Autoencoder.card_metrics,
        "PSNR at 25 % masking",
        "PSNR at 50 % masking",
        "PSNR at 10 % salt and pepper",
        "PSNR at Gaussian noise of 0.2",
    )

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        corruption: Any = None,
        num_corruptions: int = 1,
        l1: float = 0.0,
        l2: float = 0.0,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        code_activation: str | None = None,
        tie_weights: bool = False,
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(
            input_shape,
            latent_dim,
            l1=l1,
            l2=l2,
            network=network,
            filters=filters,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            tie_weights=tie_weights,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        self.corruption = None if corruption is None else corruptions.get(corruption)
        check_corruption(self.used_corruption, self.likelihood, self.image_shape)
        self.num_corruptions = whole("num_corruptions", num_corruptions, least=1)

    def losses(self, batch: Batch, training: bool) -> Losses:
        if not training:
            return super().losses(batch, training)
        x = ops.repeat(batch.target, self.num_corruptions, axis=0)  # [batch * L, *input_shape]
        z = self.encoder(self.seen(x, batch), training=True)
        log_prob = self.likelihood.log_prob(x, self.decoder(z, training=True))
        log_prob = ops.reshape(log_prob, (-1, self.num_corruptions))  # [batch, L]
        reconstruction = -ops.mean(log_prob, axis=1)
        losses = Losses(reconstruction, reconstruction=reconstruction)
        return self.with_penalties(losses) + self.further_losses(x, z)

    def seen(self, x: Tensor, batch: Batch) -> Tensor:
        """Return the encoder's input in training for the clean x, [batch * L, *input_shape]."""
        corrupted = self.likelihood.corrupted(x, self.used_corruption, self.seed_generator)
        if batch.clean is None or self.corruption:
            return corrupted
        alone = ops.all(ops.equal(batch.x, batch.clean))  # a stream of (x, x)
        return ops.where(alone, corrupted, ops.repeat(batch.x, self.num_corruptions, axis=0))

    @property
    def used_corruption(self) -> corruptions.Corruption:
        """The corruption of images that are not in pairs."""
        return self.corruption or corruptions.Masking(0.25, missing=self.likelihood.takes_missing)


@register
class ContractiveAutoencoder(Autoencoder):
    """The contractive autoencoder: a penalty makes codes robust to small changes of images.

    Minimizes -log p(x | h(x)) + weight |dh(x)/dx|^2, where h is the encoder. `jacobian` chooses how
    the squared Frobenius norm of the Jacobian is computed:

        "closed":      for one dense layer with a sigmoid, a tanh or no activation;
        "exact":       for any encoder, at `latent_dim` times the cost of a pass;
        "hutchinson":  an unbiased estimate for any encoder, at the cost of one pass;
        "stochastic":  |h(x) - h(x + e)|^2 / s^2, e ~ N(0, s^2 I), whose mean approaches the norm as
                       the noise s goes to 0; with a corruption c, |h(x) - h(c(x))|^2 divided by
                       the mean of (c(x) - x)^2 over the values of x, nearly the same for Gaussian
                       noise;
        "auto":        "closed" if it is possible, else "hutchinson".

    Use it for features that stay the same under small changes of the image.

    Args:
        weight: the weight of the penalty, at least 0.
        jacobian: one of the methods above.
        noise: s of "stochastic", above 0; or a corruption in place of Gaussian noise, such as
            `zoo.Masking(0.25)`.
        tie_weights: "auto" is True for dense networks and False for convolutional ones.
        Others: see `Autoencoder`. The defaults are `hidden_units=()` and sigmoids; all activations
            must be smooth.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.ContractiveAutoencoder((8, 8, 1), 32, weight=0.1)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> sorted(model.evaluate(x_test, verbose=0, return_dict=True))
        ['contraction', 'loss', 'reconstruction']

    Source: Rifai et al. 2011, Contractive auto-encoders (ICML). "stochastic" is the estimate of
    Rifai et al. 2011, Higher order contractive auto-encoder (ECML), applied to the code itself.
    """

    takes_pairs = True
    metric_names = ("reconstruction", "contraction")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        weight: float = 0.1,
        jacobian: str = "auto",
        noise: Any = 0.1,
        hidden_units: tuple[int, ...] = (),
        activation: str = "sigmoid",
        code_activation: str | None = "sigmoid",
        tie_weights: bool | str = "auto",
        l1: float = 0.0,
        l2: float = 0.0,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        if tie_weights == "auto":
            dense = network in (None, "dense")
            tie_weights = dense and not (filters or encoder)
        super().__init__(
            input_shape,
            latent_dim,
            hidden_units=hidden_units,
            activation=activation,
            code_activation=code_activation,
            tie_weights=bool(tie_weights),
            l1=l1,
            l2=l2,
            network=network,
            filters=filters,
            likelihood=likelihood,
            encoder=encoder,
            decoder=decoder,
            seed=seed,
            name=name,
            dtype=dtype,
        )
        check_smooth(self.encoder)
        self.jacobian = jacobian
        self.noise: Any
        if isinstance(noise, dict | corruptions.Corruption):
            self.noise = corruptions.get(noise)
            check_corruption(self.noise, self.likelihood, self.image_shape)
        else:
            self.noise = number("noise", noise, above=0)
        self.weight = LossWeight("weight", weight, least=0)
        methods = "auto", "closed", "exact", "hutchinson", "stochastic"
        if jacobian not in methods:
            raise ValueError(f"jacobian is {jacobian!r}; choose {', '.join(map(repr, methods))}.")
        if jacobian == "closed" and not self.has_closed_jacobian:
            raise ValueError(
                "jacobian='closed' needs an encoder of one dense layer with a sigmoid, a tanh or "
                "no activation; use 'exact' or 'hutchinson' for this encoder."
            )
        self.method = jacobian
        if jacobian == "auto":
            self.method = "closed" if self.has_closed_jacobian else "hutchinson"

    def losses(self, batch: Batch, training: bool) -> Losses:
        z = self.encoder(batch.x, training=training)  # [batch, latent_dim]
        decoded = self.decoder(z, training=training)
        reconstruction = -self.likelihood.log_prob(batch.target, decoded)  # [batch]
        contraction = self.contraction(batch.x, z)  # [batch]
        loss = reconstruction + self.weight.value * contraction
        losses = Losses(loss, reconstruction=reconstruction, contraction=contraction)
        return self.with_penalties(losses) + self.further_losses(batch.target, z)

    def contraction(self, x: Tensor, z: Tensor) -> Tensor:
        """Return |dh(x)/dx|^2 at images x with codes z, or its estimate, [batch]."""

        def code(images):
            return self.encoder(self.likelihood.raw(images), training=False)

        x = self.likelihood.standardized(x)
        if self.method == "closed":
            return self.closed_jacobian_norm(z)
        if self.method == "exact":
            return jacobians.exact(code, x, self.latent_dim)
        if self.method == "hutchinson":
            return jacobians.hutchinson(code, x, self.latent_dim, self.seed_generator)
        if not isinstance(self.noise, corruptions.Corruption):
            moved = corruptions.GaussianNoise(self.noise).draw(x, self.seed_generator)
            return ops.sum(ops.square(z - code(moved)), axis=1) / self.noise**2
        moved = self.noise.draw(x, self.seed_generator)
        squares = ops.reshape(ops.square(moved - x), (-1, math.prod(self.image_shape)))
        variance = ops.maximum(ops.mean(squares, axis=1), 1e-12)  # [batch]
        return ops.sum(ops.square(z - code(moved)), axis=1) / variance
