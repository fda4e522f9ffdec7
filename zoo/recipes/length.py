"""How long a recipe trains on other data than its own: as many steps, in more epochs."""

from __future__ import annotations

import math
from dataclasses import replace

from zoo import data
from zoo.nn.proportions import suited_batch_size
from zoo.recipes import Recipe


def steps_per_epoch(recipe: Recipe) -> int:
    """Return how many steps an epoch had for which the epochs of a recipe are meant, or 0.

    They are those on the recipe's data set, unless the recipe says them.
    """
    if recipe.steps_per_epoch:
        return recipe.steps_per_epoch
    source = data.SOURCES.get(recipe.data)
    n = source.images if source else 0
    if recipe.validation < n:  # a recipe of a user's own may leave the default, of 10,000
        n -= recipe.validation
    return math.ceil(n / recipe.batch_size)


def fitted(
    recipe: Recipe,
    n: int,
    what: str,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
) -> tuple[Recipe, str]:
    """Return a recipe that makes at least as many steps on `n` items as on the data it is for.

    Batches of few items are smaller, and there are more epochs of them, also of a pre-training.
    More items than those of the recipe are trained for as many epochs.

    Args:
        recipe: as it was written.
        n: how many items a model learns from. what: their name, such as "images".
        epochs, batch_size: as a user asked, which are taken as they are.

    Returns:
        the recipe, and what was changed as one line, or "".
    """
    before = steps_per_epoch(recipe)
    if not before:  # a user's own recipe: its numbers are what was asked for
        given = {"epochs": epochs, "batch_size": batch_size}
        return replace(recipe, **{k: v for k, v in given.items() if v is not None}), ""
    size = recipe.batch_size if batch_size is None else batch_size
    if batch_size is None and math.ceil(n / size) < before:
        size = suited_batch_size(n, size)
    now = math.ceil(n / size)
    length = _longer(recipe.epochs, before, now) if epochs is None else epochs
    pretraining = dict(recipe.pretraining)
    if epochs is None and "epochs" in pretraining:
        pretraining["epochs"] = _longer(pretraining["epochs"], before, now)
    changed = replace(
        recipe,
        batch_size=size,
        epochs=length,
        pretraining=pretraining,
        steps_per_epoch=now,
    )
    said = []
    if batch_size is None and size != recipe.batch_size:
        said.append(f"batches of {size} instead of {recipe.batch_size}")
    if epochs is None and length != recipe.epochs:
        said.append(f"{length:,} epochs instead of {recipe.epochs}")
    if not said:
        return changed, ""
    aim = f", so that the recipe's {recipe.epochs * before:,} steps are made"
    return changed, f"{n:,} {what}: {', '.join(said)}{aim if epochs is None else ''}"


def _longer(epochs, before, now) -> int:
    """Return how many epochs of `now` steps make as many steps as those of `before`, or more."""
    return max(epochs, -(-epochs * before // now))
