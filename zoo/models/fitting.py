"""What users call to train and to evaluate, with their data checked first."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from zoo import engine
from zoo.models import checks
from zoo.models.training import Trained


class Fitted(Trained):
    """Keras's `fit`, `evaluate` and the like, for arrays and for streams of batches."""

    def own_callbacks(self) -> list:
        """Return what the model itself does in the course of `fit`, besides a user's callbacks."""
        return []

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
                a `keras.utils.PyDataset` or a generator of batches.
            y: integer labels [n] for models that learn from them, else None.
            batch_size: 128 by default for arrays.
            epochs: how often to go through the data.
            sample_weight: float [n]; the terms of an image are multiplied by its weight.
            class_weight: a dict of weights by label, 1 for labels that it lacks; for conditional
                models, and instead of `sample_weight`.
            Others: as in `keras.Model.fit`.

        Raises:
            TypeError, ValueError: data that the model cannot learn from, with the way to mend it.
        """
        if not self.compiled:
            raise ValueError("Call compile() before fit().")
        own = self.own_callbacks()
        if class_weight and not self.learns_labels:
            raise ValueError("class_weight needs labels; this model has none. Use sample_weight.")
        x = self._checked(x, y, sample_weight)
        held_out = None
        if validation_data is not None:
            held_out = _unpack(validation_data)
            held_out = (self._checked(*held_out, prefix="validation_"), *held_out[1:])
        self._follow_trainable()
        size = batch_size or 128
        limited = any(kwargs.get(name) for name in ("steps_per_epoch", "validation_steps"))
        if checks.is_array(x):
            if class_weight:
                sample_weight = checks.weights_by_class(class_weight, y, sample_weight)
            columns = (x, y, sample_weight)
            if validation_split and held_out is None:
                columns, held_out = _split(columns, validation_split)
            batches = -(-len(columns[0]) // size)
            self._bundle(1 if limited else batches // 10, size)
            order = _Order(len(columns[0]), batches) if shuffle else None
            own += [order] if order else []
            x = self._stream(columns, size, order)
            if steps := engine.steps_of(x):
                kwargs["steps_per_epoch"] = kwargs.get("steps_per_epoch") or steps
                if order:
                    order.batches = steps
            y = batch_size = sample_weight = class_weight = None
            validation_split, shuffle = 0.0, False
        else:
            self._bundle(1 if limited else engine.batches_of(x) // 10, size)
        if held_out is not None:
            size = kwargs.pop("validation_batch_size", None) or size
            stored = checks.is_array(held_out[0])
            validation_data = self._stream(held_out, size, None) if stored else held_out[0]
            if steps := engine.steps_of(validation_data):
                kwargs["validation_steps"] = kwargs.get("validation_steps") or steps
        with engine.closing(x, validation_data):
            return super().fit(
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

    def evaluate(
        self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, **kwargs
    ):
        """Compute the terms of the loss; `keras.Model.evaluate` with the data checked first."""
        inside_fit = kwargs.get("_use_cached_eval_dataset")
        if not inside_fit:
            x = self._checked(x, y, sample_weight)
            if kwargs.get("steps"):
                self._bundle(1)
        if checks.is_array(x):
            x = self._stream((x, y, sample_weight), batch_size or 128, None)
            y = batch_size = sample_weight = None
            if steps := engine.steps_of(x):
                kwargs["steps"] = kwargs.get("steps") or steps
        if inside_fit:
            return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)
        with engine.closing(x):
            return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)

    def predict(self, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
        """Reconstruct images; `keras.Model.predict` with arrays checked first."""
        if not self.conditional and checks.is_array(x):
            checks.check_images(x, self.image_shape, self.likelihood)
        if self.conditional and checks.is_array(x):
            raise ValueError('predict() of a conditional model takes {"x": images, "label": y}.')
        if steps:
            self._bundle(1)
        return super().predict(x, batch_size, verbose, steps, callbacks)

    def train_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Train on one batch; `keras.Model.train_on_batch` with the batch checked first."""
        x = self._checked(x, y, sample_weight)
        self._follow_trainable()
        return super().train_on_batch(x, y, sample_weight, **kwargs)

    def test_on_batch(self, x, y=None, sample_weight=None, **kwargs):
        """Evaluate one batch; `keras.Model.test_on_batch` with the batch checked first."""
        x = self._checked(x, y, sample_weight)
        return super().test_on_batch(x, y, sample_weight, **kwargs)

    def make_train_function(self, force=False):
        with engine.traced_anew(self, "train_step"):
            super().make_train_function(force)
        self.train_function = self._bundled(self.train_step, self.train_function)

    def make_test_function(self, force=False):
        with engine.traced_anew(self, "test_step"):
            super().make_test_function(force)
        self.test_function = self._bundled(self.test_step, self.test_function)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Build the optimizer of a model with a strategy, without Keras's look at a batch."""
        with engine.scope_of(self) as strategy:
            if strategy and self.compiled and not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)

    def _bundled(self, step, function):
        if getattr(function, "takes_bundles", False):
            return function
        function = engine.bundled(
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
        return engine.stream(columns, size, order, self.steps_per_execution, self)

    def _bundle(self, steps: int, size: int = 128):
        """Run several steps per execution where the choice is ours, yet show some progress.

        Keras reads the number when it makes its functions, so all are made again.
        """
        if self._compile_arguments["steps_per_execution"] != "auto" or self.run_eagerly:
            return
        most = self._fastest(size)["steps_per_execution"]
        steps = max(1, min(most, steps))
        if steps != self.steps_per_execution:
            self.steps_per_execution = steps
            self.train_function = self.test_function = self.predict_function = None

    def _checked(self, x, y=None, weight=None, prefix=""):
        """Check data before a graph sees it, and return `x`; a generator comes back whole."""
        if x is None or isinstance(x, (tuple, dict)):
            came = "nothing" if x is None else f"a {type(x).__name__}"
            raise TypeError(
                f"{prefix}x is {came}; {type(self).__name__} takes an array of images, a data set "
                "or a generator of batches."
            )
        if not checks.is_array(x):
            batch, x = checks.first_batch(x)
            if batch is not None:
                self._checked(*_unpack(batch))
            return x
        self._check_targets(y)
        x = checks.check_images(x, self.image_shape, self.likelihood, prefix + "x")
        if self.learns_labels:
            checks.check_labels(
                ops.convert_to_numpy(y),
                len(x),
                self.num_classes,
                prefix + "y",
                unlabelled=self.semi_supervised,
            )
        if weight is not None:
            checks.check_weights(weight, len(x))
        return x


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
