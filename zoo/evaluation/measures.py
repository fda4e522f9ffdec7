"""Single figures of a model: what they are is said in each docstring."""

from __future__ import annotations

import keras
import numpy as np

from zoo.models.vae import active_units  # noqa: F401  a measure, too


def reconstruction_error(model, x, labels=None) -> float:
    """Squared error summed over the pixels of an image, averaged over images.

    Images pass through their deterministic code, so the figure is comparable with PCA's.

    Args:
        model: a model of the zoo.
        x: images [n, *input_shape]; labels: integers [n] for conditional models.
    """
    return squared_error(model.reconstruct(x, labels), x)


def squared_error(restored, x) -> float:
    """Squared error summed over the pixels of an image, averaged over images [n, ...]."""
    return float(np.sum((np.asarray(x, "float64") - restored) ** 2) / len(x))


def rounded(value: float) -> float:
    """Keep four significant digits: more would not be the same on another machine."""
    return float(f"{value:.4g}")


def negative_bound(model, x, labels=None, *, seed: int = 0) -> tuple[float, float]:
    """Negative evidence lower bound with one draw an image, in nats.

    Computed outside of the training graph, with noise of NumPy's, so that a seed gives the same
    figure on every backend. On grey pixels with a Bernoulli likelihood
    it is a cross-entropy plus a divergence, and no bound on a likelihood. The seed also draws the
    binary images of a model with `binarize="dynamic"`.

    Returns:
        the bound and the divergence in it, both averaged over images.
    """
    x = model.prepared(x, seed)
    z = model.encode(x, labels, sample=True, seed=seed)
    kl, log_prob = (part.astype("float64") for part in model.kl_and_log_prob(x, z, labels))
    return float(np.mean(kl - log_prob)), float(np.mean(kl))


def negative_log_likelihood(
    model, x, labels=None, *, samples: int = 5000, seed: int = 0
) -> tuple[float, float]:
    """-log p(x) by importance sampling, in nats, averaged over images; see `VAE.log_likelihood`.

    Returns:
        the mean, and its standard error, from the spread over images, which holds that of the
        sampling.
    """
    values = model.log_likelihood(x, labels, samples=samples, seed=seed).value
    return -float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def classification_error(model, x, y) -> float:
    """Percentage of images [n, *input_shape] that get another label than theirs, integers [n]."""
    return 100.0 * float(np.mean(model.predict_labels(x) != y))


def clustering_error(model, x, y) -> float:
    """Percentage of images [n, *input_shape] whose cluster stands for another label than theirs.

    A cluster stands for the label of the image of which the model is surest that it belongs there;
    one that no image belongs to stands for nothing.

    Args:
        y: integers [n].

    Source: Makhzani et al. 2015 (arXiv 1511.05644), section 6.
    """
    probability, y = model.predict_proba(x), np.asarray(y)
    label_of = y[probability.argmax(axis=0)]
    return 100.0 * float(np.mean(label_of[probability.argmax(axis=1)] != y))


def frechet_distance(images, others, judge) -> float:
    """Squared Fréchet distance between two samples of images, as a classifier sees them.

    |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) for the means and covariances of what the layer before
    the classes gives; 0 for equal samples, and comparable under the same judge alone.

    Args:
        images, others: [n, *input_shape] and [m, *input_shape], some thousand each.
        judge: a Keras classifier of images, from `load_judge`.

    Source: Heusel et al. 2017 (arXiv 1706.08500), with the judge in place of Inception.
    """
    from scipy.linalg import eigvalsh

    features = keras.Model(judge.inputs, judge.layers[-1].input)
    seen = [
        features.predict(sample, batch_size=500, verbose=0).astype("float64")
        for sample in (images, others)
    ]
    (mean, other_mean), (cov, other_cov) = (
        [moment(s) for s in seen]
        for moment in (lambda s: s.mean(axis=0), lambda s: np.cov(s, rowvar=False))
    )
    # The trace of a product's root is the sum of the roots of its eigenvalues; those of S S' are
    # those of R S' R, R the symmetric root of S.
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    shared = np.sqrt(np.maximum(eigvalsh(root @ other_cov @ root), 0.0)).sum()
    away = np.sum((mean - other_mean) ** 2)
    return float(away + np.trace(cov) + np.trace(other_cov) - 2.0 * shared)


def neighbour_accuracy(model, train, test, *, neighbours: int = 5) -> float:
    """Accuracy in percent of a nearest-neighbour classifier on codes (scikit-learn).

    Args:
        train, test: pairs of images and labels; for models that are not conditional.
    """
    from sklearn.neighbors import KNeighborsClassifier

    (x, y), (x_test, y_test) = train, test
    classifier = KNeighborsClassifier(neighbours, algorithm="brute").fit(flat_codes(model, x), y)
    return 100.0 * float(np.mean(classifier.predict(flat_codes(model, x_test)) == y_test))


def linear_probe_accuracy(model, train, test) -> float:
    """Accuracy in percent of a logistic regression on standardised codes (scikit-learn).

    Args:
        train, test: pairs of images and labels; for models that are not conditional.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (x, y), (x_test, y_test) = train, test
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    probe.fit(flat_codes(model, x), y)
    return 100.0 * float(probe.score(flat_codes(model, x_test), y_test))


def flat_codes(model, x):
    """Return the codes of images as vectors, float32 [n, latent_dim]."""
    codes = model.encode(x)
    return codes.reshape(len(codes), -1)


def psnr(restored, x) -> float:
    """Peak signal-to-noise ratio in decibels, of every image by itself, averaged over images.

    10 log10(1 / mean squared error), for pixels in [0, 1]; infinite for equal images.

    Args:
        restored, x: [n, *input_shape] both.
    """
    axes = tuple(range(1, np.ndim(x)))
    errors = np.mean((np.asarray(restored, "float64") - x) ** 2, axis=axes)
    with np.errstate(divide="ignore"):
        return float(np.mean(-10.0 * np.log10(errors)))


def jacobian_norm(model, x, *, squared: bool = False) -> float:
    """Frobenius norm of the encoder's Jacobian, or its square, averaged over images.

    In closed form for one dense layer with a sigmoid, a tanh or no activation; else a row at a
    time, with as many backward passes an image as the code is long.
    """
    norms = model.run_in_batches("squared_jacobian_norm", np.asarray(x, "float32"), None, 64)
    norms = norms.astype("float64")
    return float(np.mean(norms if squared else np.sqrt(norms)))


def saturation(model, x) -> float:
    """Percentage of units that are saturated, below 0.05 or above 0.95, averaged over images.

    For codes in [0, 1]; tanh units are mapped there first.

    Source: Rifai et al. 2011, Contractive auto-encoders (ICML), table 1.
    """
    from zoo.nn.networks import code_activation

    codes = model.encode(x)
    if code_activation(model.encoder) == "tanh":
        codes = (codes + 1) / 2
    return 100.0 * float(np.mean((codes < 0.05) | (codes > 0.95)))


def angle_to_principal_subspace(model, x) -> float:
    """Largest principal angle in radians between a linear decoder's image and PCA's subspace.

    Args:
        model: a linear autoencoder, with one layer each way and no activation.
        x: the images that PCA is fitted to, as many as the model was trained on.

    Source: Baldi and Hornik 1989 (doi 10.1016/0893-6080(89)90014-2): it is 0 at the optimum.
    """
    from scipy.linalg import subspace_angles
    from sklearn.decomposition import PCA

    pca = PCA(model.latent_dim, svd_solver="covariance_eigh").fit(np.reshape(x, (len(x), -1)))
    origin = model.decode(np.zeros((1, model.latent_dim), "float32"))
    columns = model.decode(np.eye(model.latent_dim, dtype="float32")) - origin
    angles = subspace_angles(columns.reshape(model.latent_dim, -1).T, pca.components_.T)
    return float(np.max(angles))


def generated_class_accuracy(model, judge, *, n: int = 10000, seed: int = 0) -> float:
    """Percentage of generated images that an independent classifier puts in the class asked for.

    Args:
        model: a conditional model.
        judge: a Keras classifier of images, from `load_judge`.
        n: how many images; the classes take turns.
    """
    labels = np.arange(n) % model.num_classes
    scores = judge.predict(model.generate(labels=labels, seed=seed), batch_size=500, verbose=0)
    return 100.0 * float(np.mean(scores.argmax(axis=1) == labels))


def sliced_wasserstein(a, b, *, directions: int = 200, seed: int = 0) -> float:
    """Sliced 2-Wasserstein distance between two samples of codes of one size.

    The root of the mean, over random directions, of the squared distance between the sorted
    projections of both samples; 0 for equal samples, in units of a code.

    Args:
        a, b: [n, latent_dim] both.

    Source: Bonneel et al. 2015 (doi 10.1007/s10851-014-0506-3).
    """
    if a.shape != b.shape:
        raise ValueError(f"The samples have shapes {a.shape} and {b.shape}; they must agree.")
    axes = np.random.default_rng(seed).standard_normal((a.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    sorted_a, sorted_b = (np.sort(np.asarray(s, "float64") @ axes, axis=0) for s in (a, b))
    return float(np.sqrt(np.mean((sorted_a - sorted_b) ** 2)))
