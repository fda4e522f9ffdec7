"""Single figures of a model: what they are is said in each docstring."""

from __future__ import annotations

import numpy as np


def reconstruction_error(model, x, labels=None) -> float:
    """Squared error summed over the pixels of an image, averaged over images.

    Images pass through their deterministic code, so the figure is comparable with PCA's.

    Args:
        model: a model of the zoo.
        x: images [n, *input_shape]; labels: integers [n] for conditional models.
    """
    difference = np.asarray(x, "float64") - model.reconstruct(x, labels)
    return float(np.sum(difference**2) / len(x))


def negative_bound(model, x, labels=None, *, seed: int = 0) -> tuple[float, float]:
    """Negative evidence lower bound with one draw an image, in nats.

    Computed outside of the training graph, in double precision, from the posterior's moments, so
    that a seed gives the same figure on every backend. On grey pixels with a Bernoulli likelihood
    it is a cross-entropy plus a divergence, and no bound on a likelihood.

    Returns:
        the bound and the divergence in it, both averaged over images.
    """
    mean, log_var = (moment.astype("float64") for moment in model.posterior(x, labels))
    scale = model.prior.scale
    kl = 0.5 * (2 * np.log(scale) - log_var + (np.exp(log_var) + mean**2) / scale**2 - 1).sum(
        axis=1
    )
    z = model.encode(x, labels, sample=True, seed=seed)
    log_prob = model.log_prob(x, z, labels)
    return float(np.mean(kl - log_prob.astype("float64"))), float(np.mean(kl))


def active_units(model, x, labels=None, *, threshold: float = 0.01) -> int:
    """Count the latent dimensions that say something of the image.

    A dimension is active if the variance over images of its posterior mean exceeds `threshold`.

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), section 5.2.
    """
    mean, _ = model.posterior(x, labels)
    return int(np.sum(np.var(mean, axis=0) > threshold))


def neighbour_accuracy(model, train, test, *, neighbours: int = 5) -> float:
    """Accuracy in percent of a nearest-neighbour classifier on codes (scikit-learn).

    Args:
        train, test: pairs of images and labels; for models that are not conditional.
    """
    from sklearn.neighbors import KNeighborsClassifier

    (x, y), (x_test, y_test) = train, test
    classifier = KNeighborsClassifier(neighbours, algorithm="brute").fit(model.encode(x), y)
    return 100.0 * float(np.mean(classifier.predict(model.encode(x_test)) == y_test))


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
