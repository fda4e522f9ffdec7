"""Sample the priors that signatures describe, with NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np

from .json_file import shortened


def draw_by_label(
    name: str,
    prior: dict[str, Any],
    n: int,
    shape: tuple[int, ...],
    label: Any,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return one sample of a `normal_by_label` prior for each label, float32 `[n, *shape]`.

    Raises:
        ValueError: `label` does not hold `n` integers from 0 to the number of classes - 1.
    """
    try:
        means, scales = (np.asarray(prior[key], np.float32) for key in ("means", "scales"))
        if not means.shape == scales.shape == (len(means), *shape):
            raise ValueError(f"means {list(means.shape)}, scales {list(scales.shape)}")
        if not (np.isfinite(means).all() and np.isfinite(scales).all()):
            raise ValueError("NaN or infinite values")
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(_refusal(prior, shape, error)) from error
    label = None if label is None else np.asarray(label)
    fits = label is not None and label.shape == (n,) and label.dtype.kind in "iu"
    if label is None or not fits or not np.isin(label, np.arange(len(means))).all():
        raise ValueError(
            f"The prior of {name} depends on the label: give label= with {n} integers from "
            f"0 to {len(means) - 1}."
        )
    return means[label] + scales[label] * rng.standard_normal((n, *shape), np.float32)


def draw_prior(
    prior: dict[str, Any], n: int, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Return samples of a prior from a signature, float32 `[n, *shape]`.

    Known kinds: `normal` (`mean`, `scale`), `uniform` (`low`, `high`), `sphere` (`radius`),
    `mixture` of Gaussians (`means` [k, d], `weights`, and `scales` or `factors` [k, d, d]),
    `swiss_roll` (`radius`, `turns`, `noise`), one-hot `categorical` (`weights`), `bernoulli` (`p`),
    and `normal_by_label` (`means` and `scales` [labels, d]), whose labels are drawn uniformly.

    Raises:
        ValueError: the kind is unknown, or the entries do not fit each other or the shape of codes.
    """
    kind = prior.get("kind")
    if kind not in list(_KINDS):
        raise ValueError(
            f"The prior is {shortened(prior)}; this runtime cannot sample this kind. Sample it "
            "yourself and pass the array."
        )
    try:
        with np.errstate(all="ignore"):  # values that are not finite raise an error below
            draws = _drawn(kind, prior, (n, *shape), rng).astype(np.float32)
        if draws.shape != (n, *shape) or not np.isfinite(draws).all():
            raise ValueError(f"samples have shape {draws.shape[1:]}, or are not finite")
    except Exception as error:  # untrusted numbers may cause any error in NumPy
        raise ValueError(_refusal(prior, shape, error)) from error
    return draws


_KINDS = (
    *("normal", "uniform", "sphere", "mixture", "normal_by_label", "swiss_roll"),
    *("categorical", "bernoulli"),
)


def _drawn(
    kind: str, prior: dict[str, Any], size: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    n = size[0]
    if kind == "normal":
        # Compute in float32, so that a seed gives the same rows as the zoo's own prior.
        draws = rng.standard_normal(size, np.float32) * np.float32(_array(prior, "scale", 1))
        draws += np.float32(_array(prior, "mean", 0))
    elif kind == "uniform":
        draws = rng.uniform(_array(prior, "low", -1), _array(prior, "high", 1), size)
    elif kind == "sphere":
        draws = rng.standard_normal(size)
        draws *= _array(prior, "radius", 1) / np.linalg.norm(draws, axis=-1, keepdims=True)
    elif kind in ("mixture", "normal_by_label"):
        means = np.asarray(prior["means"], float)
        scales = np.broadcast_to(_array(prior, "scales", 1), means.shape)
        chosen = rng.choice(len(means), size=n, p=prior.get("weights"))
        noise = rng.standard_normal(size)
        if "factors" in prior:
            noise = np.einsum("nij,nj->ni", np.asarray(prior["factors"], float)[chosen], noise)
        draws = means[chosen] + scales[chosen] * noise
    elif kind == "swiss_roll":
        root = np.sqrt(rng.uniform(size=(n, 1)))
        angle = 2 * np.pi * prior["turns"] * root
        spiral = prior["radius"] * root * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        draws = spiral + prior["noise"] * rng.standard_normal(size)
    elif kind == "categorical":
        weights = prior["weights"]
        chosen = rng.choice(len(weights), size=n, p=weights)
        draws = chosen[:, None] == np.arange(len(weights))
    else:
        draws = rng.uniform(size=size) < _array(prior, "p", 0.5)
    return draws


def _refusal(prior: dict[str, Any], shape: tuple[int, ...], error: Exception) -> str:
    said = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
    return (
        f"The prior is {shortened(prior)}, which gives no codes of shape {shape} ({said}): export "
        "again."
    )


def _array(prior: dict[str, Any], key: str, default: float) -> np.ndarray:
    return np.asarray(prior.get(key, default), float)
