"""What is said when a training fails: it diverges, or its codes say nothing."""

import math
import warnings

import keras
import numpy as np

from zoo.models import checks

FEW_STEPS = 100  # after which codes need not say anything yet


class DivergenceMonitor(keras.callbacks.Callback):
    """Warn of terms or weights that are no numbers any more, and end the training."""

    def on_train_begin(self, logs=None):
        self.said = False

    def on_epoch_end(self, epoch, logs=None):
        names = [*self.model.trackers, *(f"val_{name}" for name in self.model.trackers)]
        lost = [name for name in names if not math.isfinite((logs or {}).get(name, 0.0))]
        if lost and not self.said:
            self._end(f"in epoch {epoch + 1}: {', '.join(lost)} became NaN or infinite")

    def on_train_end(self, logs=None):
        if not self.said and checks.not_finite(self.model):
            self._end("in its last steps")

    def _end(self, how):
        self.said = self.model.stop_training = True
        spoiled = checks.not_finite(self.model)
        state = (
            f"Its weights are NaN or infinite, too ({spoiled[0]} and {len(spoiled) - 1} more), and "
            "cannot be saved: make or load the model anew."
            if spoiled
            else "Its weights are still numbers."
        )
        warnings.warn(
            f"{type(self.model).__name__} diverged {how}, and training ends. {state} Lower the "
            "learning rate, or clip gradients (clipnorm=1.0).",
            stacklevel=2,
        )


def active_units(model, x, labels=None, *, threshold: float = 0.01) -> int:
    """Count the latent dimensions that say something of the image.

    A dimension is active if the variance over images of its posterior mean exceeds `threshold`;
    with a prior that depends on the label, of the mean in units of that prior.

    Args:
        model: of the variational family.
        x: images [n, *input_shape]. labels: integers [n] for conditional models.

    Source: Burda, Grosse and Salakhutdinov 2015 (arXiv 1509.00519), section 5.2.
    """
    mean, _ = model.posterior(x, labels)
    if model.conditional:
        mean = model.style(mean, labels)
    return int(np.sum(np.var(mean, axis=0) > threshold))


def warn_of_collapse(model, x, labels):
    """Warn where hardly any dimension of a trained model's codes says something of images."""
    steps = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
    if steps < FEW_STEPS or checks.not_finite(model):
        return
    active = active_units(model, x, labels)
    if active <= model.latent_dim // 10:
        warnings.warn(
            f"{type(model).__name__} hardly uses its codes: {active} of {model.latent_dim} "
            "dimensions are active, the others are the same for all images (posterior collapse). "
            "Train longer, lower beta=, or give free_bits=. Under "
            'likelihood="squared_error" or a fixed zoo.Gaussian(stddev) errors may cost too '
            'little: likelihood="gaussian" calibrates them. Until then encode(x, sample=True) '
            "may give better images than the mean code that reconstruct() decodes.",
            stacklevel=4,
        )
