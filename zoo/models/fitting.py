"""What users call to train and to evaluate, with their data checked first."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from zoo.backend import backend
from zoo.models import checks, streams
from zoo.models.monitors import DivergenceMonitor
from zoo.models.training import Trained


class Fitted(Trained):
    """Keras's `fit`, `evaluate` and the like, for arrays and for streams of batches."""

    def own_callbacks(self) -> list:
        """Return what the model itself does in the course of `fit`, besides a user's callbacks."""
        return [DivergenceMonitor()]

    def before_fit(self, x, y):
        """See up to 256 images that a training starts with, and their labels or None."""
        del y
        if len(self.image_shape) == 3 and self.image_shape[-1] == 1:
            self.cmap = None if _is_drawn(x) else "gray"

    def after_fit(self, x, y):
        """See the same when a training has ended."""

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **kwargs,
    ):
        """Train; `keras.Model.fit` with the data checked first.

        After layers were frozen or thawed, the model is compiled again with an optimizer of the
        same settings: its step count stays, its other states start afresh.

        Args:
            x: images [n, *input_shape], float, in the likelihood's range; or a `tf.data.Dataset`,
                a `keras.utils.PyDataset`, a PyTorch `DataLoader` or a generator of batches. Of
                these every batch is checked when it is fetched.
            y: integer labels [n] for models that learn from them; else None, or `x` once more.
            batch_size: at least 1; 128 by default for arrays.
            epochs: how often to go through the data.
            sample_weight: float [n]; the terms of an image are multiplied by its weight.
            class_weight: a dict of weights by label, 1 for labels that it lacks; for conditional
                models, and instead of `sample_weight`.
            Others: as in `keras.Model.fit`.

        Raises:
            TypeError, ValueError: data that the model cannot learn from, with the way to mend it.

        A training whose loss becomes NaN or infinite ends with a warning.
        """
        if not self.compiled:
            raise ValueError("Call compile() before fit().")
        own = self.own_callbacks()
        if class_weight and not self.learns_labels:
            raise ValueError("class_weight needs labels; this model has none. Use sample_weight.")
        if class_weight:
            checks.check_class_weight(
                class_weight, self.num_classes, unlabelled=self.semi_supervised
            )
        size = _size(batch_size, 128)
        validation_size = _size(kwargs.pop("validation_batch_size", None), size)
        inspection = streams.Inspection()
        x, y, few = self._checked(x, y, sample_weight, inspection)
        held_out = None
        if validation_data is not None:
            held_out = _unpack(validation_data)
            checked = self._checked(*held_out, inspection, prefix="validation_")
            held_out = (*checked[:2], held_out[2])
        if few:
            self.before_fit(*few)
        self._follow_trainable()
        self._leave_licence()
        limited = any(kwargs.get(name) for name in ("steps_per_epoch", "validation_steps"))
        if checks.is_array(x):
            if class_weight:
                sample_weight = checks.weights_by_class(class_weight, y, sample_weight)
            columns = (x, y, sample_weight)
            if validation_split and held_out is None:
                columns, held_out = _split(columns, validation_split)
            batches = -(-len(columns[0]) // size)
            per_pass = kwargs.get("steps_per_epoch") or batches
            self._choose_how_to_run(per_pass * epochs, 1 if limited else batches // 10, size)
            order = _Order(len(columns[0]), batches) if shuffle else None
            own += [order] if order else []
            x = self._stream(columns, size, order)
            if steps := backend.steps_per_pass(x):
                kwargs["steps_per_epoch"] = kwargs.get("steps_per_epoch") or steps
                if order:
                    order.batches = steps
            y = batch_size = sample_weight = class_weight = None
            validation_split, shuffle = 0.0, False
        else:
            batches = backend.count_batches(x)
            per_pass = kwargs.get("steps_per_epoch") or batches
            self._choose_how_to_run(per_pass * epochs, 1 if limited else batches // 10, size)
        if held_out is not None:
            stored = checks.is_array(held_out[0])
            validation_data = (
                self._stream(held_out, validation_size, None) if stored else held_out[0]
            )
            if steps := backend.steps_per_pass(validation_data):
                kwargs["validation_steps"] = kwargs.get("validation_steps") or steps
        with inspection.speaking(), backend.drain(x, validation_data):
            history = super().fit(
                x,
                y,
                batch_size,
                epochs,
                verbose,
                self._with_own(callbacks, own),
                validation_split,
                validation_data,
                shuffle,
                class_weight,
                sample_weight,
                **kwargs,
            )
        if few:
            self.after_fit(*few)
        return history

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **kwargs
    ):
        """Compute the terms of the loss; `keras.Model.evaluate` with the data checked first."""
        inside_fit = kwargs.get("_use_cached_eval_dataset")
        inspection, size = streams.Inspection(), _size(batch_size, 128)
        if not inside_fit:
            x, y, _ = self._checked(x, y, sample_weight, inspection)
            stored = checks.is_array(x)
            batches = -(-len(x) // size) if stored else backend.count_batches(x)
            self._choose_how_to_run(
                kwargs.get("steps") or batches, 1 if kwargs.get("steps") else None
            )
        if checks.is_array(x):
            x = self._stream((x, y, sample_weight), size, None)
            y = batch_size = sample_weight = None
            if steps := backend.steps_per_pass(x):
                kwargs["steps"] = kwargs.get("steps") or steps
        if inside_fit:
            return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)
        with inspection.speaking(), backend.drain(x):
            return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Reconstruct images; `keras.Model.predict` with arrays checked first."""
        _size(batch_size, 32)
        if not self.conditional and checks.is_array(x):
            checks.check_images(x, self.image_shape, self.likelihood)
        if self.conditional and checks.is_array(x):
            raise ValueError('predict() of a conditional model takes {"x": images, "label": y}.')
        if steps:
            self._choose_how_to_run(steps, 1)
        return super().predict(x, batch_size, verbose, steps, callbacks)

    def export(
        self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs
    ):
        """Write how the model reconstructs, as one file or folder; `keras.Model.export`.

        `export.export_model` writes encoder and decoder apart, and proves them equal to Keras.
        """
        if input_signature is None:
            inputs = {"x": keras.InputSpec(dtype="float32", shape=(None, *self.image_shape))}
            if self.conditional:
                inputs["label"] = keras.InputSpec(dtype="int32", shape=(None,))
            input_signature = [inputs if self.conditional else inputs["x"]]
        return super().export(filepath, format, verbose, input_signature, **kwargs)

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Train on one batch; `keras.Model.train_on_batch` with the batch checked first."""
        x, y, _ = self._checked(x, y, sample_weight)
        self._follow_trainable()
        self._leave_licence()
        return super().train_on_batch(x, y, sample_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Evaluate one batch; `keras.Model.test_on_batch` with the batch checked first."""
        x, y, _ = self._checked(x, y, sample_weight)
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    def _leave_licence(self):
        """Take the preset's licence off weights that are to change; one that a user set stays."""
        if self.licence is self.licence_of_preset:  # the same object: equal text may be the user's
            self.licence = None

    def make_train_function(self, force=False):
        with backend.fresh_trace(self, "train_step"):
            super().make_train_function(force)
        self.train_function = self._bundled(self.train_step, self.train_function)

    def make_test_function(self, force=False):
        with backend.fresh_trace(self, "test_step"):
            super().make_test_function(force)
        self.test_function = self._bundled(self.test_step, self.test_function)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Build the optimizer, without Keras's look at a batch.

        TensorFlow traces a step once more that makes variables.
        """
        with backend.strategy_scope(self):
            if self.compiled and not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)

    def _bundled(self, step, function):
        if getattr(function, "takes_bundles", False):
            return function
        function = backend.bundled(
            step,
            function,
            model=self,
            jit_compile=self.jit_compile,
            run_eagerly=self.run_eagerly,
        )
        function.takes_bundles = True
        return function

    def _with_own(self, callbacks, own: list):
        """Put the model's own callbacks after a user's: one, a list, a CallbackList or None."""
        if isinstance(callbacks, keras.callbacks.CallbackList):
            for callback in own:
                callback.set_model(self)
                callbacks.callbacks.append(callback)
            return callbacks
        if isinstance(callbacks, keras.callbacks.Callback):
            callbacks = [callbacks]
        return [*(callbacks or []), *own]

    def _stream(self, columns, size, order):
        return backend.stream(columns, size, order, self.steps_per_execution, self)

    def _choose_how_to_run(self, steps: int, bundle: int | None, size: int = 128):
        """Decide what `compile` left open, now that it is known how much there is to do.

        Args:
            steps: how many are to be taken; 0 where nobody knows, which counts as many. What was
                taken before counts as well: a fit in a loop is a long one.
            bundle: the most steps to take at a time, so that some progress can be shown; None for
                as many as before.
            size: of a batch.
        """
        if not self.compiled or self.run_eagerly:
            return
        chosen = self._compile_arguments
        self.steps_asked_for += steps or math.inf
        fast = self._fastest(size, self.steps_asked_for)
        ways = self.steps_per_execution, self.jit_compile
        if chosen["steps_per_execution"] == "auto" and bundle is not None:
            self.steps_per_execution = max(1, min(fast["steps_per_execution"], bundle))
        if chosen["jit_compile"] == "auto":
            self.jit_compile = fast["jit_compile"]
        if ways != (self.steps_per_execution, self.jit_compile):
            # Keras reads both when it makes its functions.
            self.train_function = self.test_function = self.predict_function = None

    def _checked(self, x, y=None, weight=None, inspection=None, prefix=""):
        """Check data before a graph sees it.

        Returns:
            x: arrays as they are; a stream that gives the same batches, each of them checked when
                it is fetched. y: labels, or None where targets are the images. And up to 256 of the
                images with their labels, or None where looking would use them up.
        """
        if x is None or isinstance(x, (tuple, dict)):
            came = "nothing" if x is None else f"a {type(x).__name__}"
            raise TypeError(
                f"{prefix}x is {came}; {type(self).__name__} takes an array of images, a data set "
                "or a generator of batches."
            )
        if checks.is_array(x):
            x = self._checked_batch(x, y, weight, prefix)
            y = y if self.learns_labels else None
            return x, y, checks.few_rows(x, y)
        found, few = streams.kind(x), None
        batch, x = streams.first_batch(x)
        if batch is not None:
            images, labels, weights = _unpack(batch)
            images = self._checked_batch(images, labels, weights, prefix, found)
            few = checks.few_rows(images, labels if self.learns_labels else None)
        labels = (-1 if self.semi_supervised else 0, self.num_classes or 0)
        limits = streams.Limits(
            tuple(self.image_shape),
            self.likelihood.low,
            self.likelihood.high,
            labels if self.learns_labels else None,
        )
        look = (inspection or streams.Inspection()).of
        return look(x, lambda b: self._checked_batch(*_unpack(b), prefix, found), limits), y, few

    def _checked_batch(self, x, y, weight, prefix="", kind="array"):
        self._check_targets(x, y, kind)
        x = checks.check_images(x, self.image_shape, self.likelihood, prefix + "x")
        if self.learns_labels:
            checks.check_labels(
                y,
                len(x),
                self.num_classes,
                prefix + "y",
                unlabelled=self.semi_supervised,
            )
        if weight is not None:
            checks.check_weights(weight, len(x))
        return x


def _size(batch_size, default: int) -> int:
    return default if batch_size is None else checks.positive(batch_size, "batch_size")


def _is_drawn(images) -> bool:
    """Say whether images [n, height, width, 1] are drawings: the most of their border is empty."""
    border = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    low, high = images.min(), images.max()
    return bool(np.median(border) <= low + 0.1 * (high - low))


class _Order(keras.callbacks.Callback):
    """The order of the rows in each pass: a matter of the model's seed and of the steps so far.

    A training that goes on from a backup knows both, and sees what an unharmed one does. It comes
    after the callback that restores them.
    """

    def __init__(self, rows: int, batches: int):
        super().__init__()
        self.rows, self.batches = rows, batches
        self.seed = self.steps = None

    def on_train_begin(self, logs=None):
        self.seed = int(ops.convert_to_numpy(self.model.seed_generator.state)[0])
        self.steps = int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def __call__(self):
        if self.steps is None:  # Keras looks at the first batches beforehand
            return np.arange(self.rows)
        order = np.random.default_rng([self.seed, self.steps]).permutation(self.rows)
        self.steps += self.batches
        return order


def _split(columns, split):
    """Set the last part of the data apart for validation, as Keras does."""
    rows = len(columns[0])
    cut = int(rows * (1.0 - split))
    if not 0 < cut < rows:
        raise ValueError(
            f"validation_split={split} of {rows} images leaves {cut} for training and "
            f"{rows - cut} for validation; both need at least one."
        )
    first = tuple(None if column is None else column[:cut] for column in columns)
    last = tuple(None if column is None else column[cut:] for column in columns)
    return first, last


def _unpack(data):
    return keras.utils.unpack_x_y_sample_weight(data)
