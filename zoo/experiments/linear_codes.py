"""Autoencoders with one layer each way, and the subspace of PCA."""

from __future__ import annotations

from typing import Any

import numpy as np

import zoo
from zoo import data
from zoo.experiments import panels
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit, pca_error
from zoo.plots.picture import Picture

CODES = 5
RAW = "linear, untied, not centered"
SCALES = (3.0, 1.0, 0.3, 0.1, 0.03)  # of the encoder's weights in the nearly linear range
MODELS: dict[str, tuple[str | None, bool]] = {
    "linear, untied": (None, False),
    "linear, tied": (None, True),
    "sigmoid, untied": ("sigmoid", False),
    "sigmoid, tied": ("sigmoid", True),
}
"""The activation of the code of each model, and whether decoder and encoder share weights."""

COLORS = ("C0", "C1", "C2", "C4", "0.5")


@experiment(minutes=2)
def pca_with_sigmoid(epochs: int = 100, verbose: int | str = 2) -> Table:
    """Compare the planes of linear and sigmoid autoencoders, tied and untied, with that of PCA."""
    (raw, _), (raw_test, _) = data.load("digits")
    x, x_test = (some - raw.mean(axis=0) for some in (raw, raw_test))
    _, components = principal_components(x)
    best = pca_error(x, x, CODES)
    rows = [["PCA", 0.0, 0.0, best, pca_error(x, x_test, CODES)]]
    models = {name: model_of(*kind) for name, kind in MODELS.items()}
    for model in models.values():
        fit(model, x, epochs, 1e-2, verbose)
    models |= {_built(scale): in_linear_range(x, scale) for scale in SCALES}
    models[RAW] = model_of(None, False)
    fit(models[RAW], raw, epochs, 1e-2, verbose)
    angles = {name: angles_to(components, model) for name, model in models.items()}
    errors = {name: error(model, raw if name == RAW else x) for name, model in models.items()}
    for name, model in models.items():
        ends = (round(float(value), 4) for value in angles[name][[0, -1]])
        test_error = error(model, raw_test if name == RAW else x_test)
        rows.append([name, *ends, errors[name], test_error])
    return Table(
        "A sigmoid code does not reconstruct better than PCA",
        f"The {len(x):,} training and {len(x_test)} test digits of 8x8 pixels, from which "
        f"the mean of the training digits is subtracted except in the last row; {CODES} codes, one "
        f"layer each way, linear outputs, squared error; Adam, {epochs} epochs, seed {SEED}. "
        "Principal angles, in rad, between the plane that the decoder spans and that of the "
        "first principal components; squared errors summed over pixels per image. The models with "
        "a scale are not trained: their encoder is the projection of PCA times the scale, where "
        "the sigmoid is nearly linear, and their decoder undoes it.",
        ("model", "smallest angle", "largest angle", "training error", "test error"),
        rows,
        _picture(angles, errors, best),
    )


def principal_components(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean image [pixels] and the first principal components [CODES, pixels]."""
    flat = np.reshape(x, (len(x), -1)).astype("float64")
    mean = flat.mean(axis=0)
    return mean, np.linalg.svd(flat - mean, full_matrices=False)[2][:CODES]


def model_of(activation: str | None, tied: bool) -> Any:
    """Return a model of digits with one layer each way and linear outputs."""
    return zoo.Autoencoder(
        (8, 8, 1),
        CODES,
        hidden_units=(),
        code_activation=activation,
        tie_weights=tied,
        likelihood="squared_error",
        seed=SEED,
    )


def in_linear_range(x: np.ndarray, scale: float) -> Any:
    """Return a sigmoid model that nearly is PCA: sigmoid(a) is about 1/2 + a/4 for small a.

    The encoder computes a = scale * u, where u are the principal components of an image, and the
    decoder multiplies sigmoid(a) - 1/2 by 4 / scale.

    Source: Bourlard and Kamp 1988, Auto-association by multilayer perceptrons.
    """
    mean, components = principal_components(x)
    model = model_of("sigmoid", False)
    model.encoder.set_weights([scale * components.T, -scale * components @ mean])
    kernel = 4.0 / scale * components  # [CODES, pixels]
    model.decoder.set_weights([kernel, mean - kernel.sum(axis=0) / 2])
    return model


def angles_to(components: np.ndarray, model: Any) -> np.ndarray:
    """Return the principal angles, rising, between a model's decoder and components [k, pixels]."""
    from scipy.linalg import subspace_angles

    ends = np.concatenate([np.zeros((1, CODES)), np.eye(CODES)]).astype("float32")
    origin, *decoded = model.decode(ends).reshape(CODES + 1, -1).astype("float64")
    return subspace_angles((np.stack(decoded) - origin).T, components.T)[::-1]


def _built(scale: float) -> str:
    return f"sigmoid, scale {scale:g}"


def _picture(angles: dict, errors: dict, best: float) -> Picture:
    figure = Picture(figsize=(12.8, 5.4), dpi=100, layout="constrained")
    figure.suptitle("A sigmoid code with linear outputs is at best as good as PCA", fontsize=15)
    left, middle, right = figure.subplots(1, 3)
    number = np.arange(1, CODES + 1)
    for i, name in enumerate((*MODELS, RAW)):
        left.plot(number, angles[name], f"{'osD^v'[i]}-", color=COLORS[i], lw=2, ms=8, label=name)
    left.set_yscale("log")
    left.set_xticks(number)
    names = [*MODELS, RAW]
    for i, name in enumerate(names):
        middle.plot(errors[name], i, "osD^v"[i], color=COLORS[i], ms=11)
    middle.axvline(best, color="black", ls="--", lw=2, label=f"PCA: {best:g}")
    middle.set_yticks(range(len(names)), [name.replace(", not", ",\nnot") for name in names])
    middle.grid(axis="x", alpha=0.4)
    middle.set_ylim(len(names) - 0.5, -0.5)
    built = [errors[_built(scale)] for scale in SCALES]
    right.semilogx(SCALES, built, "o-", color="C5", lw=2, ms=8, label="sigmoid, built from PCA")
    right.axhline(best, color="black", ls="--", lw=2, label=f"PCA: {best:g}")
    error = "squared error per image"
    panels.label(left, "principal angles to the plane of PCA", "number of the angle", "rad")
    panels.label(middle, "training error after training", error, "")
    panels.label(right, "error in the nearly linear range", "scale of the encoder's weights", error)
    return figure
