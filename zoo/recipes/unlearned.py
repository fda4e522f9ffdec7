"""What a finished training did not learn, with advice: labels, codes, too few steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.recipes import Recipe

_MOST = 2000  # real images that drawn ones are compared with
_DRAWN, _MOST_DRAWN = 10, 1000  # drawn images per class, and in total
_RIGHT, _WRONG = 0.6, 0.3  # shares of a class that is distinguished, and of one that is not learned
_LEAST_EFFECT = 0.01  # share of the variance of drawn images that is due to labels
_WORSE = 1.05  # ratio of the last val_loss to the lowest, above which it is reported
_NAMED = 8  # classes in a line


def unlearned(
    model: Any, train: tuple, held_out: tuple, history: dict, made: int, steps: int, recipe: Recipe
) -> list[str]:
    """Return sentences about what a training did not learn, each with advice; often none.

    Args:
        model: the trained model.
        train, held_out: images [n, ...] and labels or None.
        history: losses by epoch.
        made: the number of training steps that were made. steps: the number in the recipe; 0 if it
            is unknown.
        recipe: the recipe of the training.
    """
    found = [*_too_few_steps(made, steps), *_unused_codes(model, *held_out)]
    x, y = train
    if y is not None and np.ndim(y) == 1 and model.num_classes:
        found += _labels_without_images(model, y)
        found += _classes_not_recognized(model, x, y)
        if model.conditional and model.can_generate and not model.label_shape:
            found += _classes_not_drawn(model, x, y)
    if recipe.keep == "last":
        found += _learned_by_heart(model, history, recipe.epochs)
    return found


def _too_few_steps(made, steps) -> Iterator[str]:
    if 2 * made < steps:
        yield (
            f"{made:,} steps are few: the recipe makes {steps:,}. Leave out --epochs and "
            "--batch-size to make as many."
        )


def _unused_codes(model, x, y) -> Iterator[str]:
    """Report codes that hardly differ between images; for a VAE, `fit` reports this."""
    if not hasattr(model, "encode") or hasattr(model, "posterior_moments") or len(x) < 2:
        return
    labels = (y[:256],) if model.conditional and "x" in model.label_inputs else ()
    codes = model.encode(np.asarray(x[:256]), *labels).reshape(min(len(x), 256), -1)
    used = int(np.sum(np.std(codes, axis=0) > 1e-3 * max(1.0, np.abs(codes).max())))
    if used <= codes.shape[1] // 10:
        yield (
            f"The codes are hardly used: {used} of {codes.shape[1]} values differ between images. "
            "Train longer, with a lower learning rate, or without a penalty on codes."
        )


def _labels_without_images(model, y) -> Iterator[str]:
    missing = sorted({*range(model.num_classes)} - {*np.unique(y).tolist()})
    if missing:
        yield (
            f"No training image has {_labels(missing)}, so images and predictions for it mean "
            "nothing. Add images, or number the classes from 0 without gaps."
        )


def _classes_not_recognized(model, x, y) -> Iterator[str]:
    """Report labels that a classifier does not even predict for labeled training images."""
    if not hasattr(model, "predict_labels") or not model.semi_supervised:
        return
    known = np.flatnonzero(np.asarray(y) >= 0)[:_MOST]
    right = model.predict_labels(np.asarray(x[known])) == y[known]
    missed = [c for c in np.unique(y[known]) if right[y[known] == c].mean() < _WRONG]
    if missed:
        yield (
            f"The classifier does not predict {_labels(missed)}, not even for "
            "labeled training images: train longer, or give more labels of these classes."
        )


def _classes_not_drawn(model, x, y) -> Iterator[str]:
    """Report classes that the model does not draw, by the labels of the nearest training images.

    Only classes whose training images have a nearest neighbor of the same class are checked. If
    these are few, the label must at least change the drawn image.
    """
    from sklearn.neighbors import NearestNeighbors

    known = np.flatnonzero(np.asarray(y) >= 0)
    known = np.random.default_rng(0).permutation(known)[:_MOST]
    classes, y = np.unique(y[known], return_inverse=True)
    if len(classes) < 2 or len(known) < 2 * len(classes):
        return
    flat = np.asarray(x[np.sort(known)], "float32").reshape(len(known), -1)
    if model.likelihood.takes_missing:  # a row's distance needs all values: means of the others
        flat = np.where(np.isnan(flat), np.nan_to_num(np.nanmean(flat, axis=0)), flat)
    y = y[np.argsort(known)]
    nearest = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(flat)
    same = y[nearest.kneighbors(return_distance=False)[:, 0]] == y
    told = [c for c in range(len(classes)) if same[y == c].mean() >= _RIGHT]
    each = max(2, min(_DRAWN, _MOST_DRAWN // len(classes)))
    asked = np.repeat(np.arange(len(classes)), each)
    drawn = model.generate(labels=classes[asked], seed=0).reshape(len(asked), -1)
    right = y[nearest.kneighbors(drawn, 1, return_distance=False)[:, 0]] == asked
    missed = [c for c in told if right[asked == c].mean() < _WRONG]
    if missed:
        yield (
            f"Images drawn with {_labels(classes[missed])} look like other classes "
            f"({right.mean():.0%} of all drawn images are nearest to a training image of their "
            f"class, and {same.mean():.0%} of the training images): train longer."
        )
    elif 2 * len(told) < len(classes):
        means = drawn.reshape(len(classes), each, -1)
        effect = means.mean(1).var(0).sum() / max(1e-12, means.var((0, 1)).sum()) - 1 / each
        if effect < _LEAST_EFFECT:
            yield "The label hardly changes the drawn images: train longer."


def _learned_by_heart(model, history, epochs) -> Iterator[str]:
    losses = np.asarray(history.get("val_loss", ()))
    if model.updates or len(losses) < 2 or not 0 < losses.min() * _WORSE < losses[-1]:
        return
    best = epochs - len(losses) + int(losses.argmin()) + 1  # resumed trainings lack the first
    words = (
        f"val_loss was lowest in epoch {best} of {epochs} ({losses.min():.5g}), but is "
        f"{losses[-1]:.5g} at the end"
    )
    if model.conditional:
        yield (
            f"{words}: reconstructions of new images got worse. Images drawn by label may still "
            "have improved: compare pictures before you train for fewer --epochs."
        )
    else:
        yield f"{words}: the model is overfitted. Use --keep best to keep that epoch."


def _labels(labels) -> str:
    names = [str(int(label)) for label in labels]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"the label{'s' if len(names) > 1 else ''} {', '.join(names[:_NAMED])}{more}"
