"""How a detector trains its model: on all items, then without those that look like anomalies."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.anomaly import retraining
from zoo.checks.arguments import number
from zoo.nn.networks import LINEAR_PATH
from zoo.nn.proportions import suited_batch_size, suited_epochs
from zoo.pretraining.pca_start import start_at_pca
from zoo.training.monitors import check_finite

STEPS = 1500  # default length of a training on images or signals, in at least 20 epochs
EPOCHS, BATCH_SIZE = 20, 128
LEARNING_RATE = 3e-4  # for training that starts at PCA; higher rates lose this start
_LEAST_HELD_OUT = 10  # held-out items that early stopping needs


def is_trained(model: Any) -> bool:
    """Return whether a model comes unchanged from a preset, or has made a training step."""
    if model.based_on and not getattr(model, "has_new_weights", False):  # of `other_sizes`
        return True
    return bool(model.compiled and int(ops.convert_to_numpy(model.optimizer.iterations)))


def hold_out(x: Any, share: float, seed: int) -> tuple[Any, Any]:
    """Return items to train on, and held-out items for the threshold, drawn by a seed, or None.

    Raises:
        ValueError: a share outside of [0, 1), or too few items in one of the two sets.
    """
    count = round(number("validation_split", share, least=0, below=1) * len(x))
    if count == 0:
        return x, None
    if len(x) - count < 2 or count < 2:
        raise ValueError(
            f"validation_split={share:g} of {len(x)} items leaves {len(x) - count} to train on "
            f"and {count} for the threshold; each needs at least 2."
        )
    order = np.random.default_rng(seed).permutation(len(x))
    return x[np.sort(order[count:])], x[np.sort(order[:count])]


def train(
    detector: Any,
    x: np.ndarray,
    kept: np.ndarray,
    *,
    trim: float,
    epochs: int | None,
    batch_size: int | None,
    optimizer: Any,
    new: bool = False,
    **options,
) -> tuple[dict, np.ndarray]:
    """Train the model of a detector on checked items [n, ...].

    A network also learns to reconstruct the anomalies in its training data, and then gives them low
    scores. So a share `trim` of the items is left out: of rows of numbers those that are farthest
    from a few others, from the start; of other items those with the highest scores after the first
    half of the epochs, in the second half.

    A detector that was fitted before takes smaller steps, by Adam with 1e-4, and a tenth of the
    items is held out: the best epoch gives the weights; the earlier weights are kept if no epoch
    lowers the loss of the held-out items.

    Args:
        kept: which items are used for training, bool [n]; `joined.near` excludes some.
        trim: the share, in [0, 0.5]; 0 for normal data, which are all used.
        epochs: by default 20 for rows. For images and signals, by default as many as make 1,500
            steps, at least 20; training stops when the loss on a held-out tenth of the items has
            not fallen for a tenth of the epochs; the weights of the best epoch are kept.
        batch_size: by default 128 for rows, else a twentieth of the images, from 16 to 128.
        optimizer: by default the one that the model is compiled with, or Adam.
        new: whether the detector has just made the model, which may start at PCA.
        options: of `model.fit`.

    Returns:
        the history, and which items were used to the end, bool [n].

    Source: Shen and Sanghavi 2019 (arXiv 1810.11874), iterative trimmed loss minimization, here
    with one trimming.
    """
    model = detector.model
    if model.learns_labels:
        raise ValueError(
            f"{type(model).__name__} also learns from labels: train it with model.fit(x, y) "
            "first, then make a detector of it."
        )
    seen = detector.standardized(x)
    at_pca = new and model.network == LINEAR_PATH and len(x) > model.latent_dim
    if at_pca:
        start_at_pca(model, seen)
    in_use = detector.threshold is not None and not new
    if optimizer is not None or not model.compiled or in_use:
        rate = retraining.LEARNING_RATE if in_use else LEARNING_RATE if at_pca else 1e-3
        model.compile(optimizer or keras.optimizers.Adam(rate))
    again = retraining.Again(detector, x, seen, trim) if in_use else None
    rows = len(model.image_shape) == 1
    if batch_size is None:
        batch_size = BATCH_SIZE if rows else suited_batch_size(len(x), BATCH_SIZE)
    count, held_out = EPOCHS if epochs is None else epochs, np.zeros(len(x), bool)
    if epochs is None and not rows:
        count = suited_epochs(len(x), batch_size, STEPS, EPOCHS)
        if len(x) >= 10 * _LEAST_HELD_OUT:
            order = np.random.default_rng(detector.seed).permutation(len(x))
            held_out[order[: len(x) // 10]] = True
    if again:
        held_out = again.held_out

    def fit(kept, start, end):
        chosen = {"epochs": end, "initial_epoch": start, "batch_size": batch_size, **options}
        if held_out.any():
            stopping = keras.callbacks.EarlyStopping(
                "val_loss", patience=max(3, count // 10), restore_best_weights=True
            )
            chosen["callbacks"] = [*(chosen.get("callbacks") or ()), stopping]
            chosen["validation_data"] = (seen[np.flatnonzero(kept & held_out)],)
        learned = kept & ~held_out
        history = model.fit(
            seen if learned.all() else seen[np.flatnonzero(learned)], **chosen
        ).history
        check_finite(model)
        return history

    kept = kept | held_out & bool(again)  # these were chosen among usual items
    left_out = round(trim * len(x)) if kept.all() else 0
    second = count // 2 if left_out else 0
    history = fit(kept, 0, count - second)
    if second:
        kept[np.argsort(detector.scores(x))[len(x) - left_out :]] = False
        kept |= held_out & bool(again)
        rest = fit(kept, count - second, count)
        history = {name: values + rest[name] for name, values in history.items()}
    if again:
        again.end(detector)
    return history, kept
