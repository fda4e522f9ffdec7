"""Classifiers that are generative models, beside autoencoders."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo import data, metrics
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.plots.picture import Picture

TESTED = 1000  # images for log-likelihoods
SAMPLES = 200  # codes for each of them
SMOOTHING = (1e-9, 1e-3, 1e-2, 1e-1)
VALIDATION = 10_000


@experiment(minutes=1)
def naive_bayes() -> Table:
    """Classify, draw and score digits by naive Bayes, beside a CVAE and a VAE."""
    (x, y), (x_test, y_test) = data.load("mnist")
    flat, flat_test = (a.reshape(len(a), -1) for a in (x, x_test))
    binary = drawn_bits(flat, SEED)
    binary_test = drawn_bits(flat_test, SEED + 1)
    gaussian, smoothing = _gaussian(flat, y)
    bernoulli = _bernoulli(binary, y)
    drawn, labels = {}, np.arange(10)
    draw = np.random.default_rng(SEED)
    drawn["Gaussian naive Bayes"] = np.clip(
        draw.normal(gaussian.theta_[labels], np.sqrt(gaussian.var_[labels])), 0, 1
    )
    means = np.exp(bernoulli.feature_log_prob_)  # [10, 784]
    drawn["Bernoulli naive Bayes"] = drawn_bits(means[labels], SEED)
    drawn["cvae_mnist"] = zoo.load("cvae_mnist").generate(labels=labels, seed=SEED)
    tested = binary_test[:TESTED]
    vae = zoo.load("vae_mnist_binarized")
    images = tested.reshape(-1, *x.shape[1:]).astype("float32")
    nats, _ = metrics.negative_log_likelihood(vae, images, samples=SAMPLES, seed=SEED)
    mixture = -float(np.mean(log_likelihood(bernoulli, tested)))
    one = -float(np.mean(_log_bernoulli(tested, smoothed_means(binary))))
    errors = [
        round(100 * (1 - model.score(a, y_test)), 2)
        for model, a in ((gaussian, flat_test), (bernoulli, binary_test))
    ]
    given = bernoulli.predict_proba(binary_test)
    sure = given.max(axis=1) > 0.99
    right = 100 * float(np.mean(given.argmax(axis=1)[sure] == y_test[sure])) if sure.any() else 0.0
    rows = [
        ["Gaussian naive Bayes", errors[0], ""],
        ["independent pixels, without classes", "", round(one, 1)],
        ["Bernoulli naive Bayes", errors[1], round(mixture, 1)],
        ["vae_mnist_binarized", "", round(nats, 1)],
    ]
    return Table(
        "Naive Bayes, a classifier that draws",
        f"MNIST, naive Bayes of scikit-learn on the {len(x):,} training images. Test error in "
        f"percent over the {len(x_test):,} test images, gray for the Gaussian (var_smoothing="
        f"{smoothing:g}, the best of {len(SMOOTHING)} on the last {min(VALIDATION, len(x) // 2):,} "
        "training images), binary for the Bernoulli (alpha=1). Binary pixels are drawn once, each "
        "with its gray value as the probability of ink. Negative log-likelihood in nats per image "
        f"over the first {len(tested):,} binary test images: exact for naive Bayes, summed over "
        "the classes; for the VAE, which was trained on another such draw, by importance sampling "
        f"with {SAMPLES} codes per image. Independent pixels: one Bernoulli model of all classes. "
        f"Bernoulli naive Bayes gives a class a probability above 0.99 for {100 * sure.mean():.1f} "
        f"% of all test images, and is right on {right:.1f} % of these. Seed {SEED}.",
        ("model", "test error, %", "negative log-likelihood"),
        rows,
        _draws(drawn, rows),
    )


def drawn_bits(x: np.ndarray, seed: int) -> np.ndarray:
    """Return binary pixels, each 1 with its value in [0, 1] as the probability, uint8."""
    draw = np.random.default_rng(seed)
    return (draw.random(x.shape, "float32") < x).astype("uint8")


def log_likelihood(model: Any, x: np.ndarray) -> np.ndarray:
    """Return log p(x) = log sum_c p(c) prod_i p(x_i | c) of a fitted BernoulliNB, [n]."""
    from scipy.special import logsumexp

    given_class = _log_bernoulli(x, np.exp(model.feature_log_prob_))  # [n, classes]
    return logsumexp(given_class + model.class_log_prior_, axis=1)


def smoothed_means(x: np.ndarray) -> np.ndarray:
    """Return the share of ones in each column, with one more 0 and one more 1, [1, d]."""
    return (x.sum(axis=0, keepdims=True, dtype="int64") + 1) / (len(x) + 2)


def _log_bernoulli(x: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return log p of rows [n, d] for each row of means [m, d], [n, m]."""
    x = x.astype("float64")
    return x @ np.log(means).T + (1 - x) @ np.log1p(-means).T


def _gaussian(x: np.ndarray, y: np.ndarray) -> tuple[Any, float]:
    """Return a Gaussian naive Bayes, and the share of the largest variance added to all."""
    from sklearn.naive_bayes import GaussianNB

    held = min(VALIDATION, len(x) // 2)
    best = max(
        SMOOTHING,
        key=lambda value: (
            GaussianNB(var_smoothing=value).fit(x[:-held], y[:-held]).score(x[-held:], y[-held:])
        ),
    )
    return GaussianNB(var_smoothing=best).fit(x, y), best


def _bernoulli(x: np.ndarray, y: np.ndarray) -> Any:
    from sklearn.naive_bayes import BernoulliNB

    return BernoulliNB(alpha=1.0, binarize=None).fit(x, y)


def _draws(drawn: dict[str, np.ndarray], rows: list) -> Any:
    """Draw one image of each class for each model, and the log-likelihoods as bars."""
    figure = Picture(figsize=(12.8, 7), dpi=100, layout="constrained")
    above, below = figure.add_gridspec(2, 1, height_ratios=(4, 3))
    grid = above.subgridspec(len(drawn), 10)
    for i, (name, images) in enumerate(drawn.items()):
        for k, image in enumerate(images):
            axes = figure.add_subplot(grid[i, k], xticks=[], yticks=[])
            axes.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            if k == 0:
                text = name.replace(" ", "\n", 1)
                axes.set_ylabel(text, fontsize=13, rotation=0, ha="right", va="center")
    axes = figure.add_subplot(below)
    scored = [row for row in rows if row[2] != ""]
    bars = axes.barh(
        [row[0] for row in scored], [row[2] for row in scored], color=["C0"] * 2 + ["C1"]
    )
    axes.bar_label(bars, fmt="%.0f", fontsize=13, padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.tick_params(labelsize=13)
    axes.set_xlabel(
        "negative log-likelihood of binary test digits, nats (less is better)", fontsize=13
    )
    figure.suptitle("Naive Bayes draws each pixel alone; a CVAE draws them together", fontsize=16)
    return figure
