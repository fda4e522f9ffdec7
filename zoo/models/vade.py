"""The variational autoencoder whose prior is a learned mixture: one Gaussian for each cluster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.checks import data as checks
from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Tensor
from zoo.inference import arrays
from zoo.inference.parts import classifier_part
from zoo.models.base import Batch, Losses
from zoo.models.vae import VAE
from zoo.nn.distributions.mixtures import LearnedMixture
from zoo.nn.distributions.normal import DiagonalNormal, kl_by_dimension
from zoo.nn.proportions import suited_batch_size
from zoo.training.registry import register


@register
class VaDE(VAE):
    """Variational deep embedding: a VAE that finds clusters, each with a Gaussian of its own.

    The generative model first draws a cluster c, then a code, then an image:

        c ~ p(c),   z ~ p(z | c) = N(m_c, diag(s_c^2)),   x ~ p(x | z).

    The probabilities p(c), the means m_c and the variances s_c^2 are trained along with the
    networks. The posterior is q(z | x) q(c | x), and training minimizes the negative ELBO

        E_q(z|x)[-log p(x | z)] + sum_c q(c | x) KL(q(z | x) || p(z | c)) + KL(q(c | x) || p(c)).

    The second and the third term are the KL divergence of the whole posterior from the prior of
    (z, c), the metric `kl`; the third term alone is the metric `cluster_kl`. (`kl_and_log_prob` and
    cards have the divergence from p(z), the mixture, instead.) For q(c | x) the model
    takes p(c | z) at the sampled code z, the best choice if z were all that is known of x. So no
    network has to guess clusters.

    From random weights, most clusters stay unused. So the first `fit` begins with `start`: it
    trains the networks as an autoencoder, and fits the mixture to its codes with scikit-learn. The
    clusters are improved from there. They are better if the layers were trained one by one before,
    by `zoo.pretrain`.

    Use it to find clusters without labels, and to generate images of each cluster.

    Args:
        num_classes: how many clusters.
        pretraining_epochs: for how many epochs `start` trains the networks as an autoencoder; 0
            leaves networks and mixture random.
        Others: see `VAE`; there is no `prior`, `free_bits` or `corruption`.

    Examples:
        >>> (x, y), (x_test, y_test) = zoo.data.load("digits")
        >>> model = zoo.VaDE((8, 8, 1), 4, num_classes=10, hidden_units=(64,), pretraining_epochs=2)
        >>> model.compile("adam")
        >>> history = model.fit(x, epochs=1, verbose=0)
        >>> model.predict_labels(x_test).shape
        (360,)
        >>> model.generate(labels=[0, 0, 1], seed=0).shape
        (3, 8, 8, 1)

    Source: Jiang et al. 2017 (arXiv 1611.05148), equations 8 to 16.
    """

    takes_pairs = False
    metric_names = (*VAE.metric_names, "cluster_kl")
    card_metrics = (*VAE.card_metrics, "clustering error", "clustering accuracy")

    def __init__(
        self,
        input_shape: tuple[int, ...] | None = None,
        latent_dim: int | tuple[int, ...] | None = None,
        *,
        num_classes: int,
        pretraining_epochs: int = 10,
        beta: Any = 1.0,
        samples: int = 1,
        binarize: str | None = None,
        network: str | None = None,
        filters: tuple[int, ...] = (),
        hidden_units: tuple[int, ...] | None = None,
        activation: str = "relu",
        likelihood: Any = "bernoulli",
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        self.num_classes = whole("num_classes", num_classes, least=2)
        self.pretraining_epochs = whole("pretraining_epochs", pretraining_epochs)
        super().__init__(
            input_shape,
            latent_dim,
            beta=beta,
            samples=samples,
            binarize=binarize,
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
        self.started = self.add_state((), "zeros", name="started")

    def _make_prior(self, prior):
        return LearnedMixture(self.latent_dim, self.num_classes, self.seed or 0)

    # Loss

    def losses(self, batch: Batch, training: bool) -> Losses:
        x = self.input_pixels(batch.x, draw=True)  # [batch, *input_shape]
        q = self.posterior(x, training=training)
        z = q.draw(self.samples, self.seed_generator)  # [batch, samples, latent_dim]
        reconstruction = -ops.mean(self.log_likelihoods(x, z, training=training), axis=1)  # [batch]
        clusters = ops.mean(self.prior.responsibilities(z), axis=1)  # q(c | x), [batch, classes]
        code_kl = ops.sum(clusters * self.kl_by_cluster(q), axis=1)
        log_ratios = ops.log(ops.maximum(clusters, 1e-30)) - self.prior.log_probabilities
        cluster_kl = ops.sum(clusters * log_ratios, axis=1)
        kl = code_kl + cluster_kl
        losses = Losses(
            reconstruction + self.beta_now * kl,
            reconstruction=reconstruction,
            kl=kl,
            elbo=-reconstruction - kl,
            cluster_kl=cluster_kl,
        )
        return losses + self.further_losses(x, z, q)

    def kl_by_cluster(self, q: DiagonalNormal) -> Tensor:
        """Return KL(q(z | x) || p(z | c)) for every cluster, in closed form, [batch, classes]."""
        of_images = SimpleNamespace(mean=q.mean[:, None], log_var=q.log_var[:, None])
        of_clusters = SimpleNamespace(mean=self.prior.means, log_var=self.prior.log_variances)
        return ops.sum(
            kl_by_dimension(of_images, of_clusters), axis=-1
        )  # of [batch, classes, latent_dim]

    # Training

    def before_training(self, data: checks.Data | None) -> None:
        """Call `start` before the first training; a single batch starts nothing.

        Raises:
            ValueError: the images are a stream of batches.
        """
        super().before_training(data)
        if float(ops.convert_to_numpy(self.started)):
            return
        if data is not None and self.pretraining_epochs:
            if not data.is_array:
                raise ValueError(
                    "VaDE starts its clusters from the codes of all images: give arrays to the "
                    "first fit(x), or set pretraining_epochs=0."
                )
            self.start(data.x)
        self.started.assign(1.0)

    def start(self, x: ArrayLike, *, batch_size: int | None = None) -> None:
        """Train the networks as an autoencoder, and fit the mixture to its codes.

        The autoencoder's code is the mean of q(z | x). Its training takes `pretraining_epochs`
        epochs of Adam with a rate that falls from 1e-3 to 1e-5 along a cosine. The mixture is the
        best of three by scikit-learn, started by k-means, with full covariances. The model's
        clusters have diagonal ones; so the codes first get Fisher's discriminant axes, in which the
        mean covariance of the clusters is the unit matrix. Encoder and decoder change alike, and
        images are decoded as before; your own networks keep their axes.

        Args:
            x: images [n, *input_shape].
            batch_size: of that training; None takes 128, or fewer where there are few images.

        Raises:
            ValueError: there are fewer images than clusters.
        """
        from sklearn.mixture import GaussianMixture

        x = self.input_pixels(ops.convert_to_tensor(self.checked_images(x, None)[0]))
        x = ops.convert_to_numpy(x)
        if len(x) < self.num_classes:
            raise ValueError(
                f"{len(x)} images cannot have num_classes={self.num_classes} clusters."
            )
        size = suited_batch_size(len(x), 128) if batch_size is None else batch_size
        self._train_autoencoder(x, size)
        codes = self.encode(x).reshape(len(x), -1).astype("float64")
        mixture = GaussianMixture(self.num_classes, n_init=3, random_state=self.seed or 0).fit(
            codes
        )
        means, covariances, weights = mixture.means_, mixture.covariances_, mixture.weights_
        axes = discriminant_axes(means, covariances, weights)
        if not self.custom_networks and self._changed_axes(axes):
            means, covariances = means @ axes, axes.T @ covariances @ axes
        self.prior.assign(means, np.diagonal(covariances, axis1=1, axis2=2), weights)
        self.started.assign(1.0)

    def _train_autoencoder(self, x, batch_size):
        image, code = self.encoder.input, self.encoder.output["z_mean"]
        steps = self.pretraining_epochs * -(-len(x) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(1e-3, max(1, steps), alpha=0.01)
        with backend.strategy_scope(self):
            trainer = keras.Model(image, self.decoder(code))
            adam = keras.optimizers.Adam(rate)
            trainer.compile(adam, lambda x, p: -self.likelihood.log_prob(x, p))
        orders = np.random.default_rng(self.seed or 0)
        for _ in range(self.pretraining_epochs):
            seen = x[orders.permutation(len(x))]
            trainer.fit(seen, seen, batch_size=batch_size, shuffle=False, verbose=0)

    def _changed_axes(self, axes):
        """Replace mean codes z by z @ axes, and undo it in the decoder; return whether it could."""
        last, first = self.encoder.get_layer("z_mean"), self.decoder.layers[1]
        if not (isinstance(last, keras.layers.Dense) and isinstance(first, keras.layers.Dense)):
            return False  # in "dense_resnet" a code is the sum of two layers
        kernel, bias = last.get_weights()
        last.set_weights([kernel @ axes, bias @ axes])
        kernel, bias = first.get_weights()
        first.set_weights([np.linalg.inv(axes) @ kernel, bias])
        return True

    # Use

    predict_proba, predict_labels = arrays.predict_proba, arrays.predict_labels
    generate = arrays.generate_by_component

    def label_probability(self, x: Tensor) -> Tensor:
        """Return p(c | z) at the mean codes of images, a tensor [batch, num_classes]."""
        return self.prior.responsibilities(self.code(x))

    def parts(self) -> dict:
        """Return the exportable parts: those of a VAE, and `classifier`, which gives clusters."""
        return {**super().parts(), "classifier": classifier_part(self, (self.encoder,))}


def discriminant_axes(
    means: np.ndarray, covariances: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return Fisher's discriminant axes of clusters, the columns of a matrix [d, d].

    In the coordinates z @ axes the mean covariance of the clusters is the unit matrix, and the
    covariance of their means is diagonal. A thousandth of the mean variance is added to each
    variance, for directions in which codes do not vary.

    Args:
        means: [clusters, d]. covariances: [clusters, d, d]. weights: [clusters], of sum 1.
    """
    from scipy.linalg import eigh

    within = np.einsum("c,cij->ij", weights, covariances)
    within += 1e-3 * np.trace(within) / len(within) * np.eye(len(within))
    offsets = means - weights @ means
    between = np.einsum("c,ci,cj->ij", weights, offsets, offsets)
    return eigh(between, within)[1]
