"""The training of all models: compile, fit, evaluate, minimize, track."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from zoo.backend import backend
from zoo.backend.optimizer_group import clone_optimizer, group_of
from zoo.checks.class_weights import check_class_weight, weights_by_class
from zoo.checks.data import Data, check_targets, positive
from zoo.training.monitors import DivergenceMonitor, PassOrder, appended, unlisted_metric

DEFAULT_BATCH_SIZE = 128


class Batch(NamedTuple):
    """A batch of a step: x, its labels or None, weights or None, and what noisy x should become."""

    x: Any
    label: Any = None
    weight: Any = None
    clean: Any = None

    @property
    def target(self) -> Any:
        """What reconstructions are compared with."""
        return self.x if self.clean is None else self.clean


class Losses:
    """The loss of a step, and its metrics.

    Args:
        summands: of the loss, each [batch] or a scalar; the loss is the sum of their batch means.
        metrics: by name, [batch] or scalars.
    """

    def __init__(self, *summands, **metrics):
        self.summands, self.metrics = summands, metrics

    def plus(self, *summands, **metrics) -> Losses:
        """Return these losses with further summands and metrics."""
        return self + Losses(*summands, **metrics)

    def __add__(self, other: Losses) -> Losses:
        return Losses(*self.summands, *other.summands, **self.metrics, **other.metrics)

    def weighted(self, weight: Any) -> Losses:
        """Return these losses times sample weights [batch]; scalars do not change."""
        if weight is None:
            return self
        summands = [weighted(summand, weight) for summand in self.summands]
        return Losses(*summands, **{k: weighted(v, weight) for k, v in self.metrics.items()})


def weighted(values: Any, weight: Any) -> Any:
    """Return values [batch] times sample weights [batch] or None; a scalar does not change."""
    return values if weight is None or not len(values.shape) else values * weight


class Trainer(keras.Model):
    """A Keras model whose steps run on every backend.

    A model with one update defines `losses`. A model with several updates defines `train_step`,
    with one `self.minimize(...)` for each update, and lists in `updates` what each of them trains.

    Attributes of the class:
        metric_names: the metrics of a step besides `loss`, in order.
        updates: for each update, the attributes (networks, a likelihood) that it trains.
        monitors: classes of callbacks that are part of every training.
    """

    metric_names: tuple[str, ...] = ()
    monitors: tuple[type, ...] = (DivergenceMonitor,)
    updates: dict[str, tuple[str, ...]] = {}  # noqa: RUF012  replaced, never changed

    def __init_subclass__(cls, **kwargs):
        """Make the steps of a subclass run on every backend."""
        super().__init_subclass__(**kwargs)
        for name in ("train_step", "test_step"):
            if name in vars(cls):
                setattr(cls, name, backend.keras_step(vars(cls)[name]))

    # One step

    def losses(self, batch: Batch, training: bool) -> Losses:
        """Return the loss of a batch and its metrics; see `Losses`."""
        raise NotImplementedError(f"{type(self).__name__} defines neither losses nor train_step.")

    @backend.keras_step
    def train_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        metrics = self.minimize(lambda: self.losses(batch, training=True), batch)
        self.after_step(batch, metrics)
        return self.track(metrics)

    @backend.keras_step
    def test_step(self, data: Any) -> dict:
        batch = self.unpack(data)
        losses = self.losses(batch, training=False).weighted(batch.weight)
        return self.track({"loss": sum(losses.summands), **losses.metrics})

    def minimize(self, loss_fn: Callable, batch: Batch, update: str | None = None) -> dict:
        """Take one optimizer step on a loss.

        Args:
            loss_fn: returns the `Losses` of the batch. batch: for its sample weights.
            update: a name in `updates`, whose networks are trained; None trains all variables.

        Returns:
            `loss` and the metrics before the step, [batch] or scalars.
        """
        optimizer = self.optimizer if update is None else self.optimizer.members[update]

        def scalar_and_metrics():
            losses = loss_fn().weighted(batch.weight)
            # The batch mean of each; of several replicas, the part that this one adds to it.
            scalar = sum(map(backend.share_of_mean, losses.summands))
            return scalar, {"loss": sum(losses.summands), **losses.metrics}

        state = [*self.variables, *self.optimizer.variables]
        variables = self.trained_by(update) if update else self.trainable_variables
        return backend.minimize(scalar_and_metrics, variables, optimizer, state)

    def trained_by(self, update: str) -> list:
        """Return the variables that an update trains."""
        trained = (getattr(self, name) for name in self.updates[update])
        return [variable for part in trained for variable in part.trainable_variables]

    def after_step(self, batch: Batch, metrics: dict) -> None:
        """Do something after each step of training; by default nothing."""
        return  # AutoGraph cannot read a function that is only a docstring

    def unpack(self, data: Any) -> Batch:
        """Return the data of a step as a batch of inputs, labels or clean images, and weights."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        check_targets(self, x, y)
        label = ops.cast(y, self.label_dtype) if self.learns_labels else None
        if weight is not None:
            weight = ops.reshape(ops.cast(weight, "float32"), (-1,))
        pairs = self.takes_pairs and not self.learns_labels and y is not None
        clean = ops.cast(y, "float32") if pairs else None
        return Batch(ops.cast(x, "float32"), label, weight, clean)

    def track(self, metrics: dict) -> dict:
        """Add the loss and the metrics of a batch, [batch] or scalars, to the means of the epoch.

        Returns:
            the means so far, by name.
        """
        if unknown := metrics.keys() - self.trackers.keys():
            raise unlisted_metric(type(self), min(unknown))
        # A scalar metric counts for every row of the batch, as the others do.
        ones = ops.ones_like(next((v for v in metrics.values() if len(v.shape)), metrics["loss"]))
        for name, values in metrics.items():
            self.trackers[name].update_state(values * ones)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    @property
    def metrics(self) -> list:
        return [*self.trackers.values()]

    # Compiling

    def compile(
        self,
        optimizer: Any = "adam",
        *,
        run_eagerly: bool = False,
        steps_per_execution: int | str = "auto",
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **unknown,
    ) -> None:
        """Choose the optimizer, and how to run.

        Args:
            optimizer: a name or a Keras optimizer. For a model with several updates it may be a
                dict with an optimizer for each (`model.updates` has their names); a single
                optimizer is copied for each update.
            run_eagerly: for debugging. auto_scale_loss: dynamic loss scale for `mixed_float16`.
            steps_per_execution, jit_compile: "auto" picks the fastest for this model and machine.

        Raises:
            TypeError: arguments that a model does not take, such as `loss`.
            ValueError: less than one step per execution.
        """
        if unknown:
            raise TypeError(
                f"{type(self).__name__}.compile() does not take {', '.join(unknown)}: a model has "
                "its own loss and metrics. Choose the likelihood when you make the model."
            )
        if steps_per_execution != "auto":
            positive(steps_per_execution, "steps_per_execution")
        with backend.strategy_scope(self):
            scale = auto_scale_loss and self.dtype_policy.name == "mixed_float16"
            if self.updates:
                optimizer = group_of(optimizer, self.updates)
                if scale:
                    optimizer.scale_losses()
                optimizer.build_members({name: self.trained_by(name) for name in self.updates})
            optimizer = keras.optimizers.get(optimizer)
            how = {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
            chosen = {"optimizer": optimizer, "run_eagerly": run_eagerly}
            self._compile_arguments = {**chosen, "auto_scale_loss": auto_scale_loss, **how}
            self.steps_asked_for, self.steps_are_eager = 0, run_eagerly
            fast = {"steps_per_execution": 1, "jit_compile": False}
            if not run_eagerly:
                fast = self.fastest(DEFAULT_BATCH_SIZE)
            super().compile(
                optimizer=optimizer,
                run_eagerly=run_eagerly,
                auto_scale_loss=scale and not self.updates,
                **{name: fast[name] if value == "auto" else value for name, value in how.items()},
            )
        self.trained_at_compile = [id(v) for v in self.trainable_variables]

    def fastest(self, size: int, steps: float = math.inf) -> dict:
        """Return the fastest settings of `compile` for a number of batches of a size."""
        raise NotImplementedError

    # Whole data

    def before_training(self, data: Data | None) -> None:
        """Prepare a training, given its checked data, or None for a single batch."""

    def after_fit(self, x: Any, y: Any) -> None:
        """Check a finished training, given up to 256 of its rows and their labels or None."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        **kwargs,
    ) -> keras.callbacks.History:
        """Train; `keras.Model.fit` with the data checked first.

        If layers were frozen or unfrozen, the optimizer's state is reset, except for its step
        count. If the loss becomes NaN or infinite, training ends with a warning.

        Args:
            x: inputs [n, *input_shape], float, in the range that the model takes; or a stream of
                batches: a `tf.data.Dataset`, `keras.utils.PyDataset`, PyTorch `DataLoader` or
                generator, whose batches are checked when they are fetched.
            y: labels, integers [n] or floats [n, *label_shape], if it has any. Else None, or `x`;
                or for models that take pairs, fit(noisy, clean), the clean inputs of noisy ones.
            batch_size: at least 1; 128 by default for arrays.
            sample_weight: float [n], factors of the losses; their mean is over rows, not weights.
            class_weight: a dict of weights by label, 1 for labels that are not in it; for models
                with labels, instead of `sample_weight`.
            Others: as in `keras.Model.fit`.

        Raises:
            TypeError, ValueError: data that the model cannot learn from, and how to fix it.
        """
        if not self.compiled:
            raise ValueError("Call compile() before fit().")
        size = positive(DEFAULT_BATCH_SIZE if batch_size is None else batch_size, "batch_size")
        given = kwargs.pop("validation_batch_size", None)
        validation_size = positive(size if given is None else given, "validation_batch_size")
        if class_weight:
            check_class_weight(self, class_weight)
        data = Data(self, x, y, sample_weight, training=True)
        if class_weight and data.is_array:
            data.columns[2] = weights_by_class(class_weight, data.y, sample_weight)
        held_out = None
        if validation_data is not None or validation_split:
            held_out = data.validation(validation_data, validation_split)
        self.before_training(data)
        if [id(v) for v in self.trainable_variables] != self.trained_at_compile:
            self._compile_again()
        steps = kwargs.get("steps_per_epoch")
        batches = -(-len(data.x) // size) if data.is_array else backend.count_batches(data.x)
        if not self.run_eagerly:
            most = 1 if steps or kwargs.get("validation_steps") else batches // 10
            self._choose_how_to_run((steps or batches) * epochs, most, size)
        train, validate, order = data.x, held_out and held_out.x, None
        if data.is_array:
            # A callback, which knows the steps so far, and the function that gives the order.
            order = PassOrder(len(data.x), batches) if shuffle else None
            train = backend.stream(data.columns, size, order, self.steps_per_execution, self)
        if held_out and held_out.is_array:
            per_call = self.steps_per_execution
            validate = backend.stream(held_out.columns, validation_size, None, per_call, self)
        if found := getattr(train, "steps_per_pass", None):
            kwargs["steps_per_epoch"] = steps or found
            if order:
                order.batches = found
        if found := getattr(validate, "steps_per_pass", None):
            kwargs["validation_steps"] = kwargs.get("validation_steps") or found
        options = {"y": y, "sample_weight": sample_weight, "class_weight": class_weight}
        options |= {"batch_size": batch_size, "validation_split": validation_split}
        own = [monitor() for monitor in self.monitors] + ([order] if order else [])
        with data.own_errors, backend.drain(train, validate):
            history = super().fit(
                train,
                epochs=epochs,
                verbose=verbose,
                callbacks=appended(callbacks, own, self),
                validation_data=validate,
                shuffle=shuffle and not data.is_array,
                **({} if data.is_array else options),
                **kwargs,
            )
        if data.few is not None:
            self.after_fit(*data.few)
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        **kwargs,
    ) -> Any:
        """Compute the loss and its metrics; `keras.Model.evaluate` with the data checked first."""
        if kwargs.get("_use_cached_eval_dataset"):  # inside of `fit`
            return super().evaluate(x, y, batch_size, verbose, sample_weight, **kwargs)
        size = positive(DEFAULT_BATCH_SIZE if batch_size is None else batch_size, "batch_size")
        data = Data(self, x, y, sample_weight)
        batches = -(-len(data.x) // size) if data.is_array else backend.count_batches(data.x)
        self._choose_how_to_run(kwargs.get("steps") or batches, 1 if kwargs.get("steps") else None)
        options = {"y": y, "batch_size": batch_size, "sample_weight": sample_weight}
        stream, per_call = data.x, self.steps_per_execution
        if data.is_array:
            stream, options = backend.stream(data.columns, size, None, per_call, self), {}
        if found := getattr(stream, "steps_per_pass", None):
            kwargs["steps"] = kwargs.get("steps") or found
        with data.own_errors, backend.drain(stream):
            return super().evaluate(stream, verbose=verbose, **options, **kwargs)

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, **kwargs) -> Any:
        """Train on one batch; `keras.Model.train_on_batch` with the batch checked first."""
        data = Data(self, x, y, sample_weight, training=True)
        if [id(v) for v in self.trainable_variables] != self.trained_at_compile:
            self._compile_again()
        self.before_training(None)
        return super().train_on_batch(*data.one_batch(), **kwargs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, **kwargs) -> Any:
        """Evaluate one batch; `keras.Model.test_on_batch` with the batch checked first."""
        data = Data(self, x, y, sample_weight)
        return super().test_on_batch(*data.one_batch(), **kwargs)

    def make_train_function(self, force: bool = False) -> None:
        make = functools.partial(super().make_train_function, force)
        backend.make_step_function(make, self, "train_step")

    def make_test_function(self, force: bool = False) -> None:
        make = functools.partial(super().make_test_function, force)
        backend.make_step_function(make, self, "test_step")

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Take no batch from the data to build with: `make_train_function` builds the optimizer."""

    def _choose_how_to_run(self, steps: int, most: int | None, size: int = DEFAULT_BATCH_SIZE):
        """Choose the settings that are "auto" in `compile`, by the number of steps.

        Args:
            steps: how many will be taken; 0 if the number is unknown, which counts as many.
                Earlier steps are added, as `fit` may be called in a loop.
            most: steps per execution, for progress; None changes nothing. size: of a batch.
        """
        if not self.compiled or self.run_eagerly:
            return
        chosen = self._compile_arguments
        self.steps_asked_for += steps or math.inf
        fast = self.fastest(size, self.steps_asked_for)
        before = self.steps_per_execution, self.jit_compile
        if chosen["steps_per_execution"] == "auto" and most is not None:
            self.steps_per_execution = max(1, min(fast["steps_per_execution"], most))
        if chosen["jit_compile"] == "auto":
            self.jit_compile = fast["jit_compile"]
        if before != (self.steps_per_execution, self.jit_compile):
            # Keras reads both settings when it makes these functions.
            self.train_function = self.test_function = self.predict_function = None

    def _compile_again(self):
        """Compile again with a new optimizer state, as layers were frozen or unfrozen."""
        with backend.strategy_scope(self):
            optimizer = clone_optimizer(self.optimizer)
        self.compile(**{**self._compile_arguments, "optimizer": optimizer})
