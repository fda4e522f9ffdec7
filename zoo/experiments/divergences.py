"""KL divergences: their two directions, and how well samples estimate them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zoo.experiments import panels
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.plots.picture import Picture

WEIGHTS, MEANS, DEVIATIONS = (0.6, 0.4), (-3.0, 3.0), (0.7, 0.9)  # of the mixture p
GRID = np.linspace(-12.0, 12.0, 4801)
ESTIMATED = (1.0, 0.5)  # mean and standard deviation of q, whose KL to N(0, 1) is estimated
SAMPLES = (1, 10, 100, 1000, 10_000)
TRIALS = 1000


class Fit(NamedTuple):
    """A Gaussian q, and its KL divergences from and to the mixture p, in nats."""

    mean: float
    deviation: float
    from_q: float
    from_p: float


@experiment(minutes=0.2)
def kl_directions(verbose: int | str = 2) -> Table:
    """Fit one Gaussian to a mixture of two by both KL divergences, and estimate one by samples."""
    fits = {
        "least KL(q || p), from the left": fitted("from_q", MEANS[0]),
        "least KL(q || p), from the right": fitted("from_q", MEANS[1]),
        "least KL(p || q)": fitted("from_p", 0.0),
    }
    rows = [[name, *(round(value, 3) for value in fit)] for name, fit in fits.items()]
    errors = {samples: estimation_error(samples, TRIALS) for samples in SAMPLES}
    found = "; ".join(f"L = {samples:,}: {error:.2g}" for samples, error in errors.items())
    m, s = ESTIMATED
    return Table(
        "The two directions of the KL divergence",
        f"p is the mixture {WEIGHTS[0]} N({MEANS[0]:g}, {DEVIATIONS[0]}^2) + {WEIGHTS[1]} "
        f"N({MEANS[1]:g}, {DEVIATIONS[1]}^2), and q one Gaussian, whose mean and standard "
        "deviation were found by a search; integrals on a grid, divergences in nats. The search "
        "for the least KL(q || p) has two local minima, one for each start. Right: the root mean "
        "squared error of the mean of ln q(z) - ln p(z) over L draws z of q, as an estimate of "
        f"KL(q || p) for q = N({m:g}, {s}^2) and p = N(0, 1), which is {divergence(m, s):.4f} "
        f"nats, over {TRIALS:,} repetitions: {found}.",
        ("q", "mean", "standard deviation", "KL(q || p)", "KL(p || q)"),
        rows,
        _directions_picture(fits, errors),
    )


def mixture_log_density(x: np.ndarray) -> np.ndarray:
    """Return ln p(x) of the mixture of two Gaussians."""
    both = [
        np.log(weight) + log_density(x, mean, deviation)
        for weight, mean, deviation in zip(WEIGHTS, MEANS, DEVIATIONS, strict=True)
    ]
    return np.logaddexp(*both)


def log_density(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Return the logarithm of the density of N(mean, deviation^2)."""
    return -0.5 * np.log(2 * np.pi) - np.log(deviation) - 0.5 * ((x - mean) / deviation) ** 2


def divergences(mean: float, deviation: float) -> tuple[float, float]:
    """Return KL(q || p) and KL(p || q) of q = N(mean, deviation^2) and the mixture p, in nats."""
    log_q, log_p = log_density(GRID, mean, deviation), mixture_log_density(GRID)
    difference, step = log_q - log_p, GRID[1] - GRID[0]
    from_q, from_p = (np.sum(np.exp(log) * difference) * step for log in (log_q, log_p))
    return float(from_q), float(-from_p)


def fitted(direction: str, start: float) -> Fit:
    """Return the Gaussian with the least divergence that a search from a mean finds.

    Args:
        direction: "from_q" for KL(q || p), "from_p" for KL(p || q).
        start: the mean at which the search starts; the standard deviation starts at 1.
    """
    from scipy.optimize import minimize

    which = ("from_q", "from_p").index(direction)
    found = minimize(
        lambda v: divergences(v[0], np.exp(v[1]))[which],
        (start, 0.0),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-10},
    )
    mean, deviation = float(found.x[0]), float(np.exp(found.x[1]))
    return Fit(mean, deviation, *divergences(mean, deviation))


def divergence(mean: float, deviation: float) -> float:
    """Return KL(N(mean, deviation^2) || N(0, 1)) in nats, in closed form."""
    return 0.5 * (mean**2 + deviation**2 - 1.0) - float(np.log(deviation))


def estimation_error(samples: int, trials: int) -> float:
    """Return the root mean squared error of the divergence of `ESTIMATED` from some samples."""
    mean, deviation = ESTIMATED
    generator = np.random.default_rng(SEED)
    squares = []
    for _ in range(trials):
        z = mean + deviation * generator.standard_normal(samples)
        estimate = np.mean(log_density(z, mean, deviation) - log_density(z, 0.0, 1.0))
        squares.append((estimate - divergence(mean, deviation)) ** 2)
    return float(np.sqrt(np.mean(squares)))


def expected_error(samples: int) -> float:
    """Return what `estimation_error` is on average: a standard deviation divided by sqrt(L).

    For z = m + s e, ln q(z) - ln p(z) is (s^2 - 1) e^2 / 2 + m s e and a constant, which has the
    variance (s^2 - 1)^2 / 2 + m^2 s^2.
    """
    m, s = ESTIMATED
    return float(np.sqrt(((s**2 - 1) ** 2 / 2 + (m * s) ** 2) / samples))


def _directions_picture(fits: dict[str, Fit], errors: dict[int, float]) -> Any:
    figure = Picture(figsize=(12.8, 5.2), dpi=100, layout="constrained")
    figure.suptitle("KL(q || p) keeps to one mode of p, and KL(p || q) covers both", fontsize=15)
    left, middle, right = figure.subplots(1, 3)
    x = np.linspace(-7, 7, 601)
    for axes in (left, middle):
        axes.set_ylim(0, 0.6)
        axes.fill_between(x, np.exp(mixture_log_density(x)), color="0.8", label="p, the mixture")
    seeking, other, covering = fits.values()
    for axes, fit, style, direction in (
        (left, seeking, "C0-", "q || p"),
        (left, other, "C0--", "q || p"),
        (middle, covering, "C1-", "p || q"),
    ):
        least = fit.from_q if direction == "q || p" else fit.from_p
        name = f"q, KL({direction}) = {least:.2f} nats"
        axes.plot(x, np.exp(log_density(x, fit.mean, fit.deviation)), style, lw=2, label=name)
    samples = list(errors)
    right.loglog(samples, [expected_error(n) for n in samples], "k:", lw=2, label="closed form")
    right.loglog(samples, list(errors.values()), "C2o", ms=9, label=f"{TRIALS:,} repetitions")
    titles = ("least KL(q || p): two local minima", "least KL(p || q)", "error of an estimate")
    labels = (("x", "density"), ("x", ""), ("samples L", "root mean squared error, nats"))
    for axes, title, (xlabel, ylabel) in zip(figure.axes, titles, labels, strict=True):
        panels.label(axes, title, xlabel, ylabel)
    return figure
