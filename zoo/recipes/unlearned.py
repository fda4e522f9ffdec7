"""What a finished training did not learn, and what to do: labels, codes, too few steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.recipes import Recipe

_MOST = 2000  # images that drawn ones are compared with
_DRAWN, _MOST_DRAWN = 10, 1000  # images of a class, and of all
_RIGHT, _WRONG = 0.6, 0.3  # shares of a class that is told apart, and of one that is not learned
_LEAST_EFFECT = 0.01  # share of the variance of drawn images that is due to labels
_WORSE = 1.05  # the last val_loss over the lowest, from which on it is said
_NAMED = 8  # classes in a line


def unlearned(
    model: Any, train: tuple, held_out: tuple, history: dict, made: int, steps: int, recipe: Recipe
) -> list[str]:
    """Return what a training did not learn, each in a sentence that says what to do; often none.

    Args:
        model: as it was trained.
        train, held_out: images [n, ...] and labels or None.
        history: losses by epoch.
        made: how many steps of training there were. steps: how many the recipe makes; 0 if that is
            unknown.
        recipe: of the training.
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
    """Say that codes hardly differ between images; a VAE says so itself, at the end of `fit`."""
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
            f"No image to learn from has {_labels(missing)}: what the model makes of it means "
            "nothing. Add images, or count the classes from 0 without gaps."
        )


def _classes_not_recognized(model, x, y) -> Iterator[str]:
    """Say which labels a classifier does not even give to the images that have them."""
    if not hasattr(model, "predict_labels") or not model.semi_supervised:
        return
    known = np.flatnonzero(np.asarray(y) >= 0)[:_MOST]
    right = model.predict_labels(np.asarray(x[known])) == y[known]
    missed = [c for c in np.unique(y[known]) if right[y[known] == c].mean() < _WRONG]
    if missed:
        yield (
            f"The classifier does not know {_labels(missed)}, not even of images that have it: "
            "train longer, or give more labels of these classes."
        )


def _classes_not_drawn(model, x, y) -> Iterator[str]:
    """Say which classes cannot be asked for: by the labels of the nearest training images.

    Only classes count whose training images have a nearest neighbor of their own class. Where there
    are few of these, the label must at least change the drawn image.
    """
    from sklearn.neighbors import NearestNeighbors

    known = np.flatnonzero(np.asarray(y) >= 0)
    known = np.random.default_rng(0).permutation(known)[:_MOST]
    classes, y = np.unique(y[known], return_inverse=True)
    if len(classes) < 2 or len(known) < 2 * len(classes):
        return
    flat = np.asarray(x[np.sort(known)], "float32").reshape(len(known), -1)
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
    best = epochs - len(losses) + int(losses.argmin()) + 1  # a resumed training has a part of all
    words = (
        f"val_loss was lowest in epoch {best} of {epochs} ({losses.min():.5g}), and is "
        f"{losses[-1]:.5g} at the end"
    )
    if model.conditional:
        yield (
            f"{words}: reconstructions of new images got worse. Images drawn by label may have got "
            "better all the same: compare pictures before you train for fewer --epochs."
        )
    else:
        yield f"{words}: the model knows its images by heart. --keep best takes that epoch."


def _labels(labels) -> str:
    names = [str(int(label)) for label in labels]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"the label{'s' if len(names) > 1 else ''} {', '.join(names[:_NAMED])}{more}"
