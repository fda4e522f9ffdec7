"""Energies of points in the plane: of a decoder with latent variables, and of autoencoders."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import BoundaryNorm
from scipy.special import softmax

import zoo
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.nn import energies
from zoo.plots.picture import Picture

TRUE = (2.0, 1.0)  # w1 and w2 of the ellipse
START = (1.5, 1.5)
NOISE = 0.02**0.5  # its variance is 1 / (2 beta) for beta = 25
POINTS, ANGLES, RATE = 300, 180, 0.5
BETAS = (1.0, 5.0, 25.0, np.inf)
STRENGTH = 1.0  # of the regularizer
UNTRAINED = "1 latent, beta infinite, before training"
SIDE = np.linspace(-3, 3, 81)  # of the pictures


@experiment(minutes=0.5)
def energy_training(epochs: int = 300, verbose: int | str = 2) -> Table:
    """Fit an ellipse by its free energy, at several temperatures and with a second latent variable.

    Args:
        epochs: steps of gradient descent on all points.
        verbose: not used.
    """
    y = noisy_ellipse(POINTS, SEED)
    plane = np.stack(np.meshgrid(SIDE, SIDE), axis=-1)  # [side, side, 2]
    outline = energies.ellipse(np.linspace(0, 2 * np.pi, 400), *TRUE)
    distances = np.linalg.norm(plane[:, :, None] - outline, axis=-1).min(axis=-1)
    far = plane[distances > 0.5]
    cases: dict[str, tuple[float, float]] = {
        UNTRAINED: (np.inf, np.inf),
        **{f"1 latent, beta {_number(beta)}": (beta, np.inf) for beta in BETAS},
        "2 latents, no R": (np.inf, 0.0),
        "2 latents, with R": (np.inf, STRENGTH),
    }
    rows, fits = [], {}
    for name, (beta, strength) in cases.items():
        w = fits[name] = descend(y, beta, strength, 0 if name == UNTRAINED else epochs)
        on, off = (
            energies.free_energy(energies_of(some, w, strength)[0], beta).mean()
            for some in (y, far)
        )
        rows.append([name, *(round(float(value), 3) + 0.0 for value in (*w, on, off))])
    return Table(
        "An ellipse is fitted by its free energy",
        f"{POINTS} points (w1 cos z, w2 sin z) with w1 = {TRUE[0]:g}, w2 = {TRUE[1]:g}, evenly "
        f"distributed angles z and Gaussian noise with the variance {NOISE**2:.2g} in both "
        f"directions, seed {SEED}. The decoder's w1 and w2 are fitted by gradient descent on the "
        "mean of F(y) = -1/beta ln mean_z exp(-beta |y - g(z)|^2), at infinite beta "
        f"min_z |y - g(z)|^2, over {ANGLES} angles z: {epochs} epochs, each of them one step on "
        f"all points with a rate of {RATE:g}, from w1 = w2 = {START[0]:g}. With two latent "
        "variables the decoder is r (w1 cos z, w2 sin z), and the energy is the minimum over z "
        "and r, "
        f"without or with the regularizer R = {STRENGTH:g} (r - 1)^2. Then the mean free energy "
        "of the points, and of a grid of points in the square from -3 to 3 that are more than 0.5 "
        "away from the true ellipse. The first row shows the start. A free energy at another beta "
        "has another zero; compare energies within a row.",
        ("decoder", "w1", "w2", "mean F of the points", "mean F away from them"),
        rows,
        _training_picture(y, plane, cases, fits),
    )


def noisy_ellipse(points: int, seed: int, noise: float = NOISE) -> np.ndarray:
    """Return points of the true ellipse with Gaussian noise, [points, 2]."""
    generator = np.random.default_rng(seed)
    z = generator.uniform(0, 2 * np.pi, points)
    return energies.ellipse(z, *TRUE) + noise * generator.normal(size=(points, 2))


def energies_of(y: np.ndarray, w: Any, strength: float = np.inf) -> tuple[np.ndarray, Any]:
    """Return E(y, z) of the angles z, and the factors r with which each of them is smallest.

    E(y, z) = min_r |y - r (w1 cos z, w2 sin z)|^2 + strength (r - 1)^2. The sum is quadratic in r,
    so that the minimum has a closed form. An infinite strength leaves one latent variable: r = 1.

    Args:
        y: points [..., 2]. w: w1 and w2. strength: of the regularizer, at least 0.

    Returns:
        the energies [..., ANGLES], and r, of the same shape or 1.
    """
    if np.isinf(strength):
        return energies.ellipse_energies(y, *w, codes=ANGLES), 1.0
    u = energies.ellipse(_angles(), *w)  # [ANGLES, 2]
    along = np.asarray(y) @ u.T  # [..., ANGLES]
    r = (along + strength) / (np.sum(u**2, axis=-1) + strength)
    squared = np.sum((np.asarray(y)[..., None, :] - r[..., None] * u) ** 2, axis=-1)
    return squared + strength * (r - 1) ** 2, r


def gradient(y: np.ndarray, w: Any, beta: float, strength: float = np.inf) -> np.ndarray:
    """Return the gradient of the mean free energy with respect to w1 and w2.

    It is the gradient of E(y, z), averaged with the weights exp(-beta E(y, z)) / sum_z: those of a
    softmax, or at infinite beta that of the z with the smallest energy.

    Args:
        y: points [n, 2]. w, strength: as in `energies_of`. beta: the inverse temperature.
    """
    table, r = energies_of(y, w, strength)
    if np.isinf(beta):
        weights = (np.arange(ANGLES) == table.argmin(axis=1)[:, None]).astype("float64")
    else:
        weights = softmax(-beta * table, axis=1)  # [n, ANGLES]
    unit = energies.ellipse(_angles(), 1.0, 1.0)  # cosine and sine, [ANGLES, 2]
    parts = []
    for i in range(2):
        slope = -2 * (y[:, i, None] - r * w[i] * unit[:, i]) * r * unit[:, i]  # dE/dw_i
        parts.append(np.mean(np.sum(weights * slope, axis=1)))
    return np.array(parts)


def descend(y: np.ndarray, beta: float, strength: float = np.inf, steps: int = 300) -> np.ndarray:
    """Return w1 and w2 after steps of gradient descent on the mean free energy, from START.

    Args:
        y, beta, strength: as in `gradient`. steps: how many.
    """
    w = np.array(START)
    for _ in range(steps):
        w = w - RATE * gradient(y, w, beta, strength)
    return w


def _angles() -> np.ndarray:
    return np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)


def _number(beta: float) -> str:
    return "infinite" if np.isinf(beta) else f"{beta:g}"


def _training_picture(y: np.ndarray, plane: np.ndarray, cases: dict, fits: dict) -> Picture:
    """Draw the fitted ellipses, four surfaces with one scale of colors, and a section."""
    figure = Picture(figsize=(12.8, 7.4), dpi=100, layout="constrained")
    figure.suptitle(
        "Training lowers the energy on the points; a second latent variable needs a regularizer",
        fontsize=15,
    )
    panels = figure.subplots(2, 3)
    angles = np.linspace(0, 2 * np.pi, 200)
    first = panels[0, 0]
    first.scatter(*y.T, s=5, color="0.7")
    for i, (beta, style) in enumerate(zip(BETAS, ("-", "-", "-", "--"), strict=True)):
        w = fits[f"1 latent, beta {_number(beta)}"]
        name = f"beta {_number(beta)}"
        color = ("C0", "C1", "C4", "black")[i]
        first.plot(
            *energies.ellipse(angles, *w).T, style, color=color, lw=(2, 2, 5, 2)[i], label=name
        )
    first.set_title("points, and fits with one latent variable", fontsize=13)
    first.legend(loc="lower center", fontsize=11, ncols=2, frameon=False)
    surfaces = {
        "one latent variable, before training": (np.array(START), np.inf),
        "the same after training": (fits["1 latent, beta infinite"], np.inf),
        "two latent variables, no R: 0 everywhere": (fits["2 latents, no R"], 0.0),
        "two latent variables with R, trained": (fits["2 latents, with R"], STRENGTH),
    }
    places = (panels[0, 1], panels[0, 2], panels[1, 0], panels[1, 1])
    levels = np.array((0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2))
    colors: dict = {"norm": BoundaryNorm(levels, 256, extend="max"), "cmap": "viridis"}
    for axes, (name, (w, strength)) in zip(places, surfaces.items(), strict=True):
        values = energies_of(plane, w, strength)[0].min(axis=-1)
        drawn = axes.contourf(SIDE, SIDE, values, levels, extend="max", **colors)
        axes.scatter(*y[::4].T, s=4, color="white")
        axes.set_title(name, fontsize=13)
    for axes in (first, *places):
        axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        axes.set_xlabel("$y_1$", fontsize=12)
        axes.set_ylabel("$y_2$", fontsize=12)
        axes.tick_params(labelsize=11)
    bar = figure.colorbar(drawn, ax=panels, shrink=0.7)
    bar.set_label("F(y) at infinite beta", fontsize=12)
    bar.ax.tick_params(labelsize=11)
    section = panels[1, 2]
    line = np.stack([SIDE, 0 * SIDE], axis=-1)
    for i, (name, style) in enumerate(
        (
            ("1 latent, beta infinite", "-"),
            ("2 latents, with R", "--"),
            ("2 latents, no R", ":"),
        )
    ):
        values = energies_of(line, fits[name], cases[name][1])[0].min(axis=-1)
        section.plot(SIDE, values, style, color=("black", "C0", "C1")[i], lw=2.5, label=name)
    section.set_title("energies along $y_2 = 0$", fontsize=13)
    section.set_xlabel("$y_1$", fontsize=12)
    section.set_ylabel("F(y) at infinite beta", fontsize=12)
    section.tick_params(labelsize=11)
    section.set_ylim(-0.05, 1.7)
    section.legend(loc="upper center", fontsize=11, frameon=False)
    return figure


SPIRAL_POINTS, SPIRAL_NOISE = 500, 0.02
UNITS, CODES = 64, 64  # of hidden layers, and of the wide codes
DAMAGE = 0.15  # standard deviation of the noise of the denoising model
AWAY = 0.2  # how far points off the spiral are from the nearest training point
EDGE = np.linspace(-1.3, 1.3, 61)  # of the pictures


@experiment(minutes=3)
def energies_of_autoencoders(epochs: int = 120, verbose: int | str = 2) -> Table:
    """Show the reconstruction error over the plane, for six autoencoders of points on a spiral."""
    x, x_test = (spiral(SPIRAL_POINTS, seed) for seed in (SEED, SEED + 1))
    plane = np.stack(np.meshgrid(EDGE, EDGE), axis=-1).reshape(-1, 2).astype("float32")
    away = plane[distances_to(plane, x) > AWAY]
    rows, panels, arrows = [], {}, None
    for name, model in _six_models().items():
        fit(model, x, epochs, 1e-2, verbose)
        on, off = (
            float(reconstruction_energy(model, some).mean(dtype="float64"))
            for some in (x_test, away)
        )
        rows.append([name, *(float(f"{value:.2g}") for value in (on, off, off / on))])
        panels[name] = reconstruction_energy(model, plane).reshape(len(EDGE), len(EDGE))
        if name.startswith("denoising"):
            noise = 2 * DAMAGE * np.random.default_rng(SEED).normal(size=(60, 2))
            damaged = (x_test[:60] + noise).astype("float32")
            arrows = damaged, model.reconstruct(damaged)
    return Table(
        "The energies of six autoencoders",
        f"{SPIRAL_POINTS} points on a spiral, with the radius r from 0.1 to 1 and the angle "
        f"2.5 pi r, with Gaussian noise of {SPIRAL_NOISE}. F(y) = |y - decode(encode(y))|^2, for "
        f"models with two hidden layers of {UNITS} units (tanh) in the encoder and in the decoder; "
        "the code of the VAE is the mean of q. Learned by the squared error, the VAE by a Gaussian "
        f"likelihood with a standard deviation of 0.1, seed {SEED}, {epochs} epochs in batches of "
        "128. Penalties: 0.1 times the squared norm of the Jacobian of the encoder, whose code has "
        "a tanh, and 0.05 times the sum of |z|; the decoders of these two models use the kernels "
        f"of the encoder, transposed. The denoising model gets points with noise of {DAMAGE}. "
        f"Mean energies of {SPIRAL_POINTS} other points of the spiral and of the points of a grid, "
        f"from -1.3 to 1.3, that are more than {AWAY} from every training point, and the quotient "
        f"of the two. Arrows lead from points with noise of {2 * DAMAGE:g} to their "
        "reconstructions.",
        ("model", "mean F on the spiral", "mean F off the spiral", "off / on"),
        rows,
        _energies_picture(panels, x_test, arrows),
    )


def spiral(points: int, seed: int) -> np.ndarray:
    """Return points of a spiral with noise, float32 [points, 2]."""
    generator = np.random.default_rng(seed)
    radius = 0.1 + 0.9 * generator.random(points) ** 0.5
    noise = SPIRAL_NOISE * generator.normal(size=(points, 2))
    unit = energies.ellipse(2.5 * np.pi * radius, 1.0, 1.0)
    return (radius[:, None] * unit + noise).astype("float32")


def distances_to(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the distance of each point y [n, 2] to the nearest point of x [m, 2], [n]."""
    return np.linalg.norm(y[:, None] - x, axis=-1).min(axis=1)


def reconstruction_energy(model: Any, y: np.ndarray) -> np.ndarray:
    """Return F(y) = |y - decode(encode(y))|^2 of points [n, 2], as an array [n]."""
    return np.sum((model.reconstruct(y) - y) ** 2, axis=1)


def _six_models() -> dict[str, Any]:
    """Return the models by name; each has its own reason not to copy all of the plane, or none."""
    options: dict = {
        "hidden_units": (UNITS, UNITS),
        "activation": "tanh",
        "likelihood": "squared_error",
        "seed": SEED,
    }
    with_noise = {**options, "corruption": zoo.GaussianNoise(DAMAGE)}
    tied = {**options, "tie_weights": True}
    return {
        "narrow, 1 code": zoo.Autoencoder((2,), 1, **options),
        f"overcomplete, {CODES} codes": zoo.Autoencoder((2,), CODES, **options),
        f"denoising, {CODES} codes": zoo.DenoisingAutoencoder((2,), CODES, **with_noise),
        f"contractive, {CODES} codes": zoo.ContractiveAutoencoder(
            (2,), CODES, weight=0.1, code_activation="tanh", **tied
        ),
        f"sparse, {CODES} codes": zoo.SparseAutoencoder(
            (2,), CODES, penalty="l1", weight=0.05, **tied
        ),
        "variational, 2 codes": zoo.VAE((2,), 2, **{**options, "likelihood": zoo.Gaussian(0.1)}),
    }


def _energies_picture(panels: dict, x: np.ndarray, arrows: Any) -> Picture:
    """Draw six energies with one scale of colors, and what the denoising model restores."""
    figure = Picture(figsize=(12.8, 8), dpi=100, layout="constrained")
    figure.suptitle("Each limit on copying raises the energy away from the spiral", fontsize=15)
    levels = 10.0 ** np.arange(-5, 1.1, 0.5)
    colors: dict = {"norm": BoundaryNorm(levels, 256, extend="both"), "cmap": "viridis"}
    axes_of = figure.subplots(2, 3, sharex=True, sharey=True)
    for axes, (name, values) in zip(axes_of.flat, panels.items(), strict=True):
        drawn = axes.contourf(EDGE, EDGE, values, levels, extend="both", **colors)
        if name.startswith("denoising"):
            start, end = arrows
            axes.quiver(
                *start.T,
                *(end - start).T,
                angles="xy",
                scale_units="xy",
                scale=1,
                color="white",
                width=0.006,
            )
        else:
            axes.scatter(*x[::3].T, s=3, color="white")
        axes.set_title(name, fontsize=14)
        axes.set(xlim=EDGE[[0, -1]], ylim=EDGE[[0, -1]], aspect="equal")
        axes.tick_params(labelsize=11)
    bar = figure.colorbar(drawn, ax=axes_of, shrink=0.8, ticks=10.0 ** np.arange(-5, 2))
    bar.set_label("F(y), the squared error of the reconstruction", fontsize=13)
    bar.ax.set_yticklabels([f"$10^{{{i}}}$" for i in range(-5, 2)], fontsize=12)
    return figure
