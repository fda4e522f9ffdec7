"""Callbacks that monitor a training: NaN losses, a saturated discriminator, mode collapse."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

USUALLY = (
    "Lower the discriminator's learning rate or raise the generator's, or smooth labels "
    "(label_smoothing=0.1); with an AAE you can repeat the generator's update (generator_steps=)."
)


class DivergenceMonitor(keras.callbacks.Callback):
    """Warn about NaN or infinite losses or weights, and end the training."""

    said = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        names = [*self.model.trackers, *(f"val_{name}" for name in self.model.trackers)]
        lost = [name for name in names if not math.isfinite((logs or {}).get(name, 0.0))]
        spoiled = not_finite(self.model)
        if self.said or not (lost or spoiled):
            return
        self.said = self.model.stop_training = True
        how = f": {', '.join(lost)} became NaN or infinite" if lost else ", in its last steps"
        state = (
            f"Its weights are NaN or infinite, too ({spoiled[0]} and {len(spoiled) - 1} more), and "
            "cannot be saved: make or load the model again."
            if spoiled
            else "Its weights are still finite."
        )
        warnings.warn(
            f"{type(self.model).__name__} diverged in epoch {epoch + 1}{how}, and training ends. "
            f"{state} Lower the learning rate, or clip gradients (clipnorm=1.0).",
            stacklevel=2,
        )


class DiscriminatorMonitor(keras.callbacks.Callback):
    """Warn once about a saturated discriminator.

    A discriminator is saturated if it was always right in an epoch: then its gradient is of little
    use for the generator. A model with several discriminators lists the accuracies of each in
    `accuracies`.
    """

    said = False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs, name = logs or {}, type(self.model).__name__
        every = tuple(term for term in logs if term.startswith("accuracy_on_"))
        for sides in getattr(self.model, "accuracies", (every,)):
            if self.said or not sides or min(logs[term] for term in sides) < 1.0:
                continue
            self.said = True
            right = sorted(
                "every " + term.split("_on_")[1].removesuffix("s").replace("_", " ")
                for term in sides
            )
            warnings.warn(
                f"The discriminator of {name} was right about {' and '.join(right)} in epoch "
                f"{epoch + 1}, so its gradient is of little use for the generator. {USUALLY}",
                stacklevel=2,
            )


class ModeCollapseMonitor(keras.callbacks.Callback):
    """Warn once about a generator whose samples are nearly all alike for two epochs."""

    epochs, said = 0, False

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        share = (logs or {}).get("variance_of_samples", 1.0)
        self.epochs = self.epochs + 1 if share < 0.05 else 0
        if self.epochs == 2 and not self.said:  # in the first epoch it may pass
            self.said = True
            setting = getattr(self.model, "diversity_setting", None)
            warnings.warn(
                f"The samples of {type(self.model).__name__} are nearly all alike: in the epochs "
                f"{epoch} and {epoch + 1} a value of them varied less than 5 % as much as in the "
                f"data (the last variance: {100 * share:.1g} %). Lower the learning rate"
                + (f", or raise {setting}=." if setting else ", or try zoo.EBGAN or zoo.BEGAN."),
                stacklevel=2,
            )


class PassOrder(keras.callbacks.Callback):
    """The order of the rows in each pass, which depends on the model's seed and the steps so far.

    A backup restores the seed and the number of steps, so that a resumed training has the same
    order as an uninterrupted one. This callback must come after the callback that restores them.
    """

    def __init__(self, rows: int, batches: int):
        super().__init__()
        self.rows, self.batches = rows, batches
        self.seed, self.steps = 0, None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.seed = int(ops.convert_to_numpy(self.model.seed_generator.state)[0])
        self.steps = int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def __call__(self):
        if self.steps is None:  # Keras reads a batch before training, for its shape
            return np.arange(self.rows)
        order = np.random.default_rng([self.seed, self.steps]).permutation(self.rows)
        self.steps += self.batches
        return order


def appended(callbacks: Any, own: list, model: keras.Model) -> Any:
    """Return a user's callbacks (one, a list, a CallbackList or None) with the model's appended."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        for callback in own:
            callback.set_model(model)
            callbacks.callbacks.append(callback)
        return callbacks
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    return [*(callbacks or []), *own]


def not_finite(model: Any) -> list[str]:
    """Return the names of the variables of a model that hold NaN or infinite values."""
    names = {
        id(variable): f"{network}/{variable.path}"
        for network in model.network_names
        for variable in getattr(model, network).variables
    }
    return [
        names.get(id(variable)) or str(variable.path)
        for variable in model.variables
        if not np.isfinite(np.asarray(keras.ops.convert_to_numpy(variable), "float32")).all()
    ]


def check_finite(model: Any) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        ValueError: names the variables.
    """
    if lost := not_finite(model):
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise ValueError(
            f"{', '.join(lost[:3])}{more} hold NaN or infinite values, so the model cannot be "
            "used: its training diverged, or the values were changed later. Train a new model "
            "with a lower learning rate, or with clipped gradients (clipnorm=1.0)."
        )


def unlisted_metric(cls: type, name: str) -> ValueError:
    """Return the error for a metric that a model's class does not list."""
    return ValueError(
        f"The losses have a metric {name!r} which {cls.__name__}.metric_names does not list; write "
        f'in the class: metric_names = (*{cls.__mro__[1].__name__}.metric_names, "{name}").'
    )
