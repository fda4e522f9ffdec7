"""Compile, fit and evaluate a model; the data are checked first.

These functions are methods of `zoo.models.base.BaseModel` under the same names.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from zoo.backend import backend
from zoo.backend.optimizer_group import clone_optimizer, group_of
from zoo.checks.arguments import whole
from zoo.checks.array_types import ArrayLike, Labels
from zoo.checks.class_weights import check_class_weight, weights_by_class
from zoo.checks.data import Data
from zoo.training.handed_in import check_trained
from zoo.training.monitors import PassOrder, appended

DEFAULT_BATCH_SIZE = 128


def compile(
    model: Any,
    optimizer: Any = "adam",
    *,
    run_eagerly: bool = False,
    steps_per_execution: int | str = "auto",
    jit_compile: bool | str = "auto",
    auto_scale_loss: bool = True,
    **unknown,
) -> None:
    """Choose the optimizer and how steps are run.

    Args:
        optimizer: a name or a Keras optimizer. For a model with several updates it may be a dict
            with an optimizer for each update (`model.updates` has their names); a single optimizer
            is copied for each update.
        run_eagerly: whether steps run eagerly, for debugging. auto_scale_loss: whether the loss is
            scaled dynamically with `mixed_float16`.
        steps_per_execution, jit_compile: "auto" picks the fastest for this model and machine.

    Raises:
        TypeError: an argument that models do not accept, such as `loss`.
        ValueError: less than one step per execution; or no update trains the variables of an object
            that was given to the constructor.
    """
    check_trained(model)
    if unknown:
        raise TypeError(
            f"{type(model).__name__}.compile() does not take {', '.join(unknown)}: a model has "
            "its own loss and metrics. Choose the likelihood when you make the model."
        )
    if steps_per_execution != "auto":
        steps_per_execution = whole("steps_per_execution", steps_per_execution, least=1)
    with backend.strategy_scope(model):
        scale = auto_scale_loss and model.dtype_policy.name == "mixed_float16"
        if model.updates:
            optimizer = group_of(optimizer, model.updates)
            if scale:
                optimizer.scale_losses()
            optimizer.build_members({name: model.trained_by(name) for name in model.updates})
        optimizer = keras.optimizers.get(optimizer)
        how = {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        chosen = {"optimizer": optimizer, "run_eagerly": run_eagerly}
        model._compile_arguments = {**chosen, "auto_scale_loss": auto_scale_loss, **how}
        model.steps_asked_for, model.steps_are_eager = 0, run_eagerly
        fast = {"steps_per_execution": 1, "jit_compile": False}
        if not run_eagerly:
            fast = model.fastest(DEFAULT_BATCH_SIZE)
        keras.Model.compile(
            model,
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            auto_scale_loss=scale and not model.updates,
            **{name: fast[name] if value == "auto" else value for name, value in how.items()},
        )
    model.trained_at_compile = [id(v) for v in model.trainable_variables]


def fit(
    model: Any,
    x: ArrayLike = None,
    y: Labels = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict | None = None,
    sample_weight: ArrayLike = None,
    **kwargs,
) -> keras.callbacks.History:
    """Train the model, as `keras.Model.fit` does; the data are checked first.

    If layers were frozen or unfrozen, the optimizer's state is reset, except for its step
    count. If the loss becomes NaN or infinite, training ends with a warning.

    Args:
        x: inputs [n, *input_shape], float, in the range that the model accepts; or a stream of
            batches: a `tf.data.Dataset`, `keras.utils.PyDataset`, PyTorch `DataLoader` or
            generator, whose batches are checked when they are fetched.
        y: labels, integers [n] or floats [n, *label_shape], if the model learns from labels; for
            models that learn from pairs, fit(noisy, clean), the clean inputs; else None or `x`.
        batch_size: at least 1; 128 by default for arrays.
        sample_weight: float [n], factors of the losses; the mean of the loss divides by the number
            of rows, not by the sum of the weights.
        class_weight: a dict of weights by label, for models with labels, instead of
            `sample_weight`; labels that are not in it have weight 1.
        Others: as in `keras.Model.fit`.

    Raises:
        TypeError, ValueError: the model cannot learn from the data; the error says how to fix it.
    """
    if not model.compiled:
        raise ValueError("Call compile() before fit().")
    size = whole("batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size, least=1)
    epochs = whole("epochs", epochs)
    given = kwargs.pop("validation_batch_size", None)
    validation_size = whole("validation_batch_size", size if given is None else given, least=1)
    if class_weight:
        check_class_weight(model, class_weight)
    data = Data(model, x, y, sample_weight, training=True)
    if class_weight and data.is_array:
        data.columns[2] = weights_by_class(class_weight, data.y, sample_weight)
    held_out = None
    if validation_data is not None or validation_split:
        held_out = data.validation(validation_data, validation_split)
    rows = model.data_of_batches(data)  # may refuse the labels, before anything changes
    model.before_training(data)
    data = rows
    if [id(v) for v in model.trainable_variables] != model.trained_at_compile:
        _compile_again(model)
    steps = kwargs.get("steps_per_epoch")
    batches = -(-len(data.x) // size) if data.is_array else backend.count_batches(data.x)
    if not model.run_eagerly:
        most = 1 if steps or kwargs.get("validation_steps") else batches // 10
        choose_how_to_run(model, (steps or batches) * epochs, most, size)
    train, validate, order = data.x, held_out and held_out.x, None
    if data.is_array:
        # PassOrder counts the steps so far, as a callback, and returns the order, as a function.
        order = PassOrder(len(data.x), batches) if shuffle else None
        train = backend.stream(data.columns, size, order, model.steps_per_execution, model)
    if held_out and held_out.is_array:
        per_call = model.steps_per_execution
        validate = backend.stream(held_out.columns, validation_size, None, per_call, model)
    if found := getattr(train, "steps_per_pass", None):
        kwargs["steps_per_epoch"] = steps or found
        if order:
            order.batches = found
    if found := getattr(validate, "steps_per_pass", None):
        kwargs["validation_steps"] = kwargs.get("validation_steps") or found
    options = {"y": y, "sample_weight": sample_weight, "class_weight": class_weight}
    options |= {"batch_size": batch_size, "validation_split": validation_split}
    own = [monitor() for monitor in model.monitors] + ([order] if order else [])
    with data.own_errors, backend.drain(train, validate):
        history = keras.Model.fit(
            model,
            train,
            epochs=epochs,
            verbose=verbose,
            callbacks=appended(callbacks, own, model),
            validation_data=validate,
            shuffle=shuffle and not data.is_array,
            **({} if data.is_array else options),
            **kwargs,
        )
    if data.few is not None:
        model.after_fit(*data.few)
    return history


def evaluate(
    model: Any,
    x: ArrayLike = None,
    y: Labels = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: ArrayLike = None,
    **kwargs,
) -> Any:
    """Compute the loss and the metrics, as `keras.Model.evaluate`; the data are checked first."""
    if kwargs.get("_use_cached_eval_dataset"):  # inside `fit`
        return keras.Model.evaluate(model, x, y, batch_size, verbose, sample_weight, **kwargs)
    size = whole("batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size, least=1)
    data = Data(model, x, y, sample_weight)
    batches = -(-len(data.x) // size) if data.is_array else backend.count_batches(data.x)
    choose_how_to_run(model, kwargs.get("steps") or batches, 1 if kwargs.get("steps") else None)
    options = {"y": y, "batch_size": batch_size, "sample_weight": sample_weight}
    stream, per_call = data.x, model.steps_per_execution
    if data.is_array:
        stream, options = backend.stream(data.columns, size, None, per_call, model), {}
    if found := getattr(stream, "steps_per_pass", None):
        kwargs["steps"] = kwargs.get("steps") or found
    with data.own_errors, backend.drain(stream):
        return keras.Model.evaluate(model, stream, verbose=verbose, **options, **kwargs)


def train_on_batch(
    model: Any, x: ArrayLike, y: Labels = None, sample_weight: ArrayLike = None, **kwargs
) -> Any:
    """Train on one batch, as `keras.Model.train_on_batch`; the batch is checked first."""
    data = Data(model, x, y, sample_weight, training=True)
    if [id(v) for v in model.trainable_variables] != model.trained_at_compile:
        _compile_again(model)
    model.data_of_batches(None)
    model.before_training(None)
    return keras.Model.train_on_batch(model, *data.one_batch(), **kwargs)


def evaluate_on_batch(
    model: Any, x: ArrayLike, y: Labels = None, sample_weight: ArrayLike = None, **kwargs
) -> Any:
    """Evaluate one batch, as `keras.Model.test_on_batch`; the batch is checked first."""
    data = Data(model, x, y, sample_weight)
    return keras.Model.test_on_batch(model, *data.one_batch(), **kwargs)


def choose_how_to_run(
    model: Any, steps: int, most: int | None, size: int = DEFAULT_BATCH_SIZE
) -> None:
    """Choose the settings that are "auto" in `compile`, by the number of steps.

    Args:
        steps: how many steps will be taken; 0 if the number is unknown, which is treated as a large
            number. Earlier steps are added, because `fit` may be called in a loop.
        most: the most steps per execution, so that progress is shown; None keeps the current
            number. size: the size of a batch.
    """
    if not model.compiled or model.run_eagerly:
        return
    chosen = model._compile_arguments
    model.steps_asked_for += steps or math.inf
    fast = model.fastest(size, model.steps_asked_for)
    before = model.steps_per_execution, model.jit_compile
    if chosen["steps_per_execution"] == "auto" and most is not None:
        model.steps_per_execution = max(1, min(fast["steps_per_execution"], most))
    if chosen["jit_compile"] == "auto":
        model.jit_compile = fast["jit_compile"]
    if before != (model.steps_per_execution, model.jit_compile):
        compile_steps_anew(model)  # Keras reads both settings when it makes these functions
        model.predict_function = None


def compile_steps_anew(model: Any) -> None:
    """Let Keras make the step functions again, because a value that they contain has changed."""
    model.train_function = model.test_function = None


def _compile_again(model: Any):
    """Compile again with a new optimizer state, because layers were frozen or unfrozen."""
    with backend.strategy_scope(model):
        optimizer = clone_optimizer(model.optimizer)
    model.compile(**{**model._compile_arguments, "optimizer": optimizer})
