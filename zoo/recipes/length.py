"""The length of a training on other data than the recipe's: as many steps, in more epochs."""

from __future__ import annotations

import math
from dataclasses import replace

from zoo import data
from zoo.nn.proportions import suited_batch_size
from zoo.recipes import Recipe


def steps_per_epoch(recipe: Recipe) -> int:
    """Return the number of steps per epoch that the epochs of a recipe are meant for, or 0.

    It is the number on the recipe's data set, unless the recipe states it.
    """
    if recipe.steps_per_epoch:
        return recipe.steps_per_epoch
    source = data.SOURCES.get(recipe.data)
    n = source.images if source else 0
    if recipe.validation < n:  # a user's recipe may keep the default, 10,000
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
    """Return a recipe that makes at least as many steps on `n` items as on its own data.

    For few items, batches are smaller and epochs are more, also in pre-training. If there are more
    items than in the recipe's data, the number of epochs stays the same.

    Args:
        recipe: the recipe before adaptation.
        n: the number of training items. what: the kind of items, such as "images".
        epochs, batch_size: the user's choices, which stay unchanged, or None.

    Returns:
        the recipe, and a line that says what was changed, or "".
    """
    before = steps_per_epoch(recipe)
    if not before:  # a user's recipe: its numbers stay unchanged
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
    aim = f", to make the recipe's {recipe.epochs * before:,} steps"
    return changed, f"{n:,} {what}: {', '.join(said)}{aim if epochs is None else ''}"


def _longer(epochs, before, now) -> int:
    """Return the number of epochs of `now` steps that make at least `epochs * before` steps."""
    return max(epochs, -(-epochs * before // now))
