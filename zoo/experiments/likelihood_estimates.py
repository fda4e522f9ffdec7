"""Likelihoods of images under a VAE: how they are estimated, and what they do not say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

import zoo
from zoo import data
from zoo.experiments import panels
from zoo.experiments.energy_gans import above
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.inference.importance_sampling import Estimate
from zoo.metrics.card_metrics import rounded
from zoo.plots.picture import Picture

PRESET = "vae_mnist_binarized"
IMAGES = 8
PRIOR_DRAWS = (100, 1000, 10_000, 100_000, 1_000_000)
POSTERIOR_DRAWS = (1, 10, 100, 1000, 10_000)
QUICK = {
    "PRIOR_DRAWS": (100, 300),
    "POSTERIOR_DRAWS": (1, 10),
    "OF_EACH_KIND": 20,
    "SAMPLES": 10,
}
DRAWS_AT_ONCE = 5000

OF_EACH_KIND, SAMPLES = 1000, 500


@experiment(minutes=1)
def why_sample_from_q(verbose: int | str = 2) -> Table:
    """Estimate log p(x) of binary digits from draws of the prior, and of q(z | x)."""
    model: Any = zoo.load(PRESET)
    x = data.load("mnist_binarized")[1][0][:IMAGES]
    prior = from_prior(model, x, PRIOR_DRAWS, SEED)
    posterior = {n: model.log_likelihood(x, samples=n, seed=SEED) for n in POSTERIOR_DRAWS}
    rows = [
        [
            f"{n:,} of {name}",
            round(float(estimate.value.mean()), 2),
            round(float(estimate.value.min()), 1),
            round(float(estimate.value.max()), 1),
            rounded(float(np.mean(effective_draws(estimate, n)))) if n > 1 else 1.0,
        ]
        for name, estimates in (("p(z)", prior), ("q(z | x)", posterior))
        for n, estimate in estimates.items()
    ]
    kl = float(model.kl_by_dimension(x).sum(axis=1).mean())
    return Table(
        "Why codes are drawn from q(z | x) and not from the prior",
        f"Preset `{PRESET}` with 40 latent dimensions; the first {len(x)} test images of "
        "mnist_binarized. ln p(x) in nats, estimated from draws of the prior, by the logarithm of "
        "the mean of p(x | z), where all images share the draws, and from draws of the encoder's "
        "q(z | x), by importance sampling: the mean, the least and the largest over images. "
        "Effective draws: the squared sum of the weights divided by the sum of their squares, "
        "averaged over images; it is 1 if a single draw has all of the weight. The mean of "
        f"KL(q(z | x) || p(z)) is {kl:.1f} nats.",
        ("draws", "mean ln p(x)", "least", "largest", "effective draws"),
        rows,
        _draws_picture(model, x, prior, posterior),
    )


def from_prior(model: Any, x: np.ndarray, counts: Sequence[int], seed: int) -> dict[int, Estimate]:
    """Estimate ln p(x) by the mean of p(x | z) over draws z of the prior N(0, I).

    Args:
        model: a VAE with a Bernoulli likelihood and a standard normal prior.
        x: binary images [n, ...]. counts: the numbers of draws, rising; all images share them.
        seed: the seed of the draws.

    Returns:
        the estimate for each number of draws.
    """
    generator = np.random.default_rng(seed)
    largest, total, squares = np.full(len(x), -np.inf), np.zeros(len(x)), np.zeros(len(x))
    found, drawn = {}, 0
    for count in counts:
        while drawn < count:
            size = min(DRAWS_AT_ONCE, count - drawn)
            z = generator.standard_normal((size, model.latent_dim), np.float32)
            logs = log_likelihoods(model, x, z)  # [size, n]
            before, largest = largest, np.maximum(largest, logs.max(axis=0))
            w, shrink = np.exp(logs - largest), np.exp(before - largest)
            total = total * shrink + w.sum(axis=0)
            squares = squares * shrink**2 + np.square(w).sum(axis=0)
            drawn += size
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0) / (count - 1))
        found[count] = Estimate(largest + np.log(mean), deviation / mean)
    return found


def log_likelihoods(model: Any, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return ln p(x | z) of every code and image, for a Bernoulli likelihood.

    With the decoder's logits u it is sum(x u - ln(1 + e^u)): a product of matrices, and a sum that
    does not depend on x.

    Args:
        x: binary images [n, ...]. z: codes [m, latent_dim].

    Returns:
        float64 [m, n].
    """
    u = ops.convert_to_numpy(model.decoder(ops.convert_to_tensor(z))).reshape(len(z), -1)
    softplus = np.maximum(u, 0.0) + np.log1p(np.exp(-np.abs(u)))
    products = u @ x.reshape(len(x), -1).T  # [m, n]
    return products.astype("float64") - softplus.sum(axis=1, dtype="float64")[:, None]


def effective_draws(estimate: Estimate, draws: int) -> np.ndarray:
    """Return (sum w)^2 / sum w^2 of the weights of each image, from the estimate's error."""
    squared_error = np.square(estimate.standard_error)  # var(w) / mean(w)^2 / (draws - 1)
    return draws / (1.0 + squared_error * (draws - 1))


@experiment(minutes=1)
def likelihood_of_noise(verbose: int | str = 2) -> Table:
    """Compare log p(x) of digits, clothes, noise and blank images under a VAE of digits."""
    model: Any = zoo.load(PRESET)
    images, rows, found = {}, [], {}
    for name, gray in kinds().items():
        x = images[name] = binary(gray)
        log_p = found[name] = model.log_likelihood(x, samples=SAMPLES, seed=0).value
        z = model.encode(x, sample=True, seed=0)
        kl, log_prob = (v.astype("float64") for v in model.kl_and_log_prob(x, z))
        digits = found["test digits"]
        rows.append(
            [
                name,
                round(100 * float(x.mean()), 1),
                rounded(float(log_p.mean())),
                rounded(float(log_p.std())),
                rounded(float(np.mean(log_prob - kl))),
                rounded(float(kl.mean())),
                "" if name == "test digits" else round(100 * above(digits, log_p), 1),
            ]
        )
    return Table(
        "Blank images are more likely than digits, under a VAE of digits",
        f"Preset `{PRESET}`; {OF_EACH_KIND:,} images of each kind, drawn as pixels 0 or 1 from "
        "gray values with seed 0: test images of MNIST, all of them and those of class 1, blank "
        "images, noise (every pixel has the mean gray value of the test digits), test images of "
        "Fashion-MNIST, and test digits with 1 - x. The share of pixels that are 1; ln p(x) by "
        f"importance sampling with {SAMPLES} draws of q(z | x), its mean and its standard "
        "deviation over images (blank images are all alike, and theirs is the error of the "
        "estimate); the mean ELBO with one draw and the KL divergence in it, in nats; how often an "
        "image of the kind is more likely than a digit (50 % for equal distributions). Far from "
        "the digits q(z | x) is a bad proposal, and ln p(x) may be underestimated.",
        ("images", "pixels 1, %", "ln p(x)", "deviation", "ELBO", "KL", "above digits, %"),
        rows,
        _kinds_picture(images, found),
    )


def kinds() -> dict[str, np.ndarray]:
    """Return gray images of each kind, float32 [n, 28, 28, 1], the test digits first."""
    _, (digits, y) = data.load("mnist")
    _, (clothes, _) = data.load("fashion_mnist")
    some = digits[:OF_EACH_KIND]
    blank = np.zeros_like(some)
    return {
        "test digits": some,
        "digits of class 1": digits[y == 1][:OF_EACH_KIND],
        "blank": blank,
        "noise": blank + digits.mean(),
        "clothes": clothes[:OF_EACH_KIND],
        "inverted digits": 1.0 - some,
    }


def binary(gray: np.ndarray) -> np.ndarray:
    """Return images of pixels that are 1 with the probability of their gray value, seed 0."""
    uniform = np.random.default_rng(0).random(gray.shape, np.float32)
    return (uniform < gray).astype("float32")


def _draws_picture(model: Any, x: np.ndarray, prior: dict, posterior: dict) -> Picture:
    figure = Picture(figsize=(12.8, 5.2), dpi=100, layout="constrained")
    figure.suptitle(
        "Draws of q(z | x) find codes that explain an image, and draws of the prior do not",
        fontsize=15,
    )
    left, middle, right = figure.subplots(1, 3)
    for (name, estimates), style in zip(
        (("q(z | x)", posterior), ("the prior p(z)", prior)), ("C0o-", "C1s--"), strict=True
    ):
        draws = list(estimates)
        means = [estimates[n].value.mean() for n in draws]
        left.semilogx(draws, means, style, lw=2, ms=8, label=f"draws of {name}")
        effective = [np.mean(effective_draws(estimates[n], n)) if n > 1 else 1.0 for n in draws]
        middle.loglog(draws, effective, style, lw=2, ms=8, label=f"draws of {name}")
    one = x[:1]
    mean, log_var = (np.asarray(moments) for moments in model.posterior_moments(one))
    noise = np.random.default_rng(SEED).standard_normal((2000, model.latent_dim), np.float32)
    sets = {"q(z | x)": mean + np.exp(0.5 * log_var) * noise, "the prior p(z)": noise}
    for i, (name, z) in enumerate(sets.items()):
        values = log_likelihoods(model, one, z)[:, 0]
        label = f"z of {name}, mean {values.mean():.0f}"
        right.hist(-values, np.geomspace(50, 3000, 60), color=f"C{i}", alpha=0.8, label=label)
    right.set_xscale("log")
    right.invert_xaxis()
    labels = (
        (f"estimates, mean of {len(x)} images", "draws per image", "ln p(x), nats"),
        ("draws that count", "draws per image", "effective draws"),
        ("one image, 2,000 codes", "-ln p(x | z), nats", "codes"),
    )
    for axes, (title, xlabel, ylabel) in zip(figure.axes, labels, strict=True):
        panels.label(axes, title, xlabel, ylabel)
    return figure


def _kinds_picture(images: dict, found: dict) -> Picture:
    figure = Picture(figsize=(12.8, 6.4), dpi=100, layout="constrained")
    figure.suptitle("A VAE of digits finds blank images more likely than digits", fontsize=15)
    grid = figure.add_gridspec(len(images), 2, width_ratios=(1, 3))
    for i, x in enumerate(images.values()):
        axes = figure.add_subplot(grid[i, 0])
        axes.imshow(np.concatenate(x[:4, ..., 0], axis=1), cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
    axes = figure.add_subplot(grid[:, 1])
    jitter = np.random.default_rng(0).uniform(-0.28, 0.28, OF_EACH_KIND)
    for i, (name, log_p) in enumerate(found.items()):
        axes.scatter(-log_p, i + jitter[: len(log_p)], s=5, alpha=0.4, color=f"C{i}")
        axes.plot([-log_p.mean()] * 2, [i - 0.38, i + 0.38], color="black", lw=2)
        places = f"{name}\n{log_p.mean():.0f} nats"
        axes.annotate(
            places, (1.01, i), xycoords=("axes fraction", "data"), fontsize=13, va="center"
        )
    axes.set(xscale="log", yticks=[], ylim=(len(found) - 0.5, -0.5))
    axes.invert_xaxis()
    axes.set_xlabel("-ln p(x) in nats (logarithmic): more likely to the right", fontsize=13)
    axes.tick_params(labelsize=12)
    return figure
