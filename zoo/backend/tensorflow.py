"""TensorFlow: gradient tapes; variables are assigned in place."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from zoo.backend import tensorflow_replicas as replicas
from zoo.backend.base import Backend

BUNDLE_BYTES = 2**26  # size of the images in one execution; memory holds several such bundles
# On two cores, XLA takes 2 to 4 s to compile a step, and then saves 0.4 to 3 ms per step.
STEPS_THAT_PAY = 1000
QUIET = 0.05  # seconds; after this time without a call, a pipeline's buffer is full and it waits


class Bundle(NamedTuple):
    """The batches of one execution: images, labels and weights; labels and weights may be None.

    `full` holds batches of one size, [bundle, batch_size, ...]; only the first `count` are used.
    `rest` is the smaller batch after them, [less than batch_size, ...].
    """

    count: Any
    full: Any
    rest: Any


class TensorFlowBackend(Backend):
    """TensorFlow on one device, and on several under a strategy of `tf.distribute`.

    `_distribute_strategy` of a model is the strategy in whose scope it was made, or None.
    """

    def minimize(
        self, loss_fn: Callable, variables: list, optimizer: keras.Optimizer, state: list
    ) -> Any:
        with tf.GradientTape() as tape:
            loss, aux = loss_fn()
            scaled = optimizer.scale_loss(loss)
        if not variables:
            return aux
        gradients = tape.gradient(scaled, variables)
        # Not under a strategy: there all replicas share the optimizer, and take turns in `apply`.
        plain_adam = type(optimizer) is keras.optimizers.Adam and not optimizer.amsgrad
        fused = plain_adam and not tf.distribute.has_strategy()
        if fused:
            optimizer.update_step = functools.partial(_adam_step, optimizer)
        try:
            optimizer.apply(gradients, variables)
        finally:
            if fused:
                del optimizer.update_step
        return aux

    def vector_jacobian_product(self, function: Callable, x: Any, vectors: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = function(x)
        return tape.gradient(outputs, x, vectors)

    def _draw(self, function, shape, seed: keras.random.SeedGenerator, shared: bool = False):
        """Draw with Philox, as the default generator is 100 times slower with XLA on a CPU."""
        key = tf.cast(tf.math.floormod(seed.next(), tf.int32.max - 1), tf.int32)
        draw = functools.partial(function, seed=key, alg="philox")
        if tf.distribute.has_strategy() and not shared:
            return replicas.part_of_a_draw(draw, shape)
        return draw(shape)

    normal: Any = functools.partialmethod(_draw, tf.random.stateless_normal)
    uniform: Any = functools.partialmethod(_draw, tf.random.stateless_uniform)

    def share_of_mean(self, term: Any) -> Any:
        if tf.distribute.has_strategy():
            return replicas.share_of_mean(term)
        return tf.reduce_mean(term)

    def batch_mean(self, values: Any) -> Any:
        if tf.distribute.has_strategy():
            return replicas.batch_mean(values)
        return tf.reduce_mean(values, axis=0)

    def local_shard(self, values: Any) -> Any:
        if tf.distribute.has_strategy():
            return replicas.local_shard(values)
        return values

    def compiled(self, function: Callable, variables: list) -> Callable:
        """Compile a function of arrays for inference, once per shape for all batch sizes."""
        traced = {}

        def run(*args):
            shapes = tuple(tuple(arg.shape[1:]) for arg in args)
            if shapes not in traced:
                specs = [tf.TensorSpec([None, *arg.shape[1:]], arg.dtype) for arg in args]
                traced[shapes] = tf.function(function).get_concrete_function(*specs)
            return traced[shapes](*args)

        return run

    def device(self) -> str:
        found = tf.config.list_physical_devices("GPU")
        if not found:
            return "CPU"
        return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU")

    def fastest(self, convolutional: bool, batch_bytes: int, steps: float) -> dict:
        """Choose XLA if it is faster, and as many steps per execution as memory allows.

        XLA makes dense networks faster everywhere and convolutions slower on a CPU. Compiling takes
        seconds, which is not worth it for few steps on a CPU. XLA cannot compile communication
        between replicas. Memory holds all batches of an execution at once.
        """
        if tf.distribute.has_strategy():
            return {"jit_compile": False, "steps_per_execution": 1}
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        bundle = max(1, min(32, BUNDLE_BYTES // batch_bytes))
        pays = not convolutional and steps >= STEPS_THAT_PAY
        return {"jit_compile": on_gpu or pays, "steps_per_execution": bundle}

    def stream(
        self,
        arrays: list | tuple,
        batch_size: int,
        order: Callable | None,
        bundle: int,
        model: keras.Model | None = None,
    ) -> Any:
        """Batch arrays through a pipeline of row numbers; see `Backend.stream`.

        On few cores, Keras's own pipeline for arrays, and any pipeline with automatic tuning,
        sometimes stalls for seconds.

        Returns:
            a `tf.data.Dataset` of bundles, or of batches if steps run eagerly; its cardinality is
            the number of batches, for Keras's progress bar. Under a strategy, an endless data set
            of batches.
        """
        source = RowSource(arrays, order)
        rows, gather = source.rows, source.gather
        batch_size = min(batch_size, rows)
        made_in = getattr(model, "_distribute_strategy", None)
        if made_in is not None:
            return replicas.parts_of_batches(made_in, source, batch_size)
        if tf.distribute.has_strategy():
            raise ValueError(
                "A strategy is in scope, but the model was made outside of it: make or load the "
                "model, and compile it, inside the scope."
            )
        by_batch = model is not None and model.run_eagerly  # Keras's own step takes batches
        size = batch_size if by_batch else bundle * batch_size

        def pieces(numbers):
            starts = tf.data.Dataset.range(0, rows, size, output_type=tf.int32)
            return starts.map(lambda start: numbers[start : start + size])

        def bundle_of(numbers):
            count = tf.size(numbers) // batch_size
            full = tf.reshape(numbers[: count * batch_size], (count, batch_size))
            full = tf.pad(full, [[0, bundle - count], [0, 0]])
            full = tf.ensure_shape(full, (bundle, batch_size))
            return Bundle(count, gather(full), gather(numbers[count * batch_size :]))

        source.calls_of_a_pass = (1 if by_batch else 2) * -(-rows // size)
        orders = tf.data.Dataset.range(1).map(source.numbers)
        dataset = orders.flat_map(pieces).map(gather if by_batch else bundle_of).prefetch(2)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(-(-rows // batch_size)))
        options = tf.data.Options()
        options.autotune.enabled = False
        dataset: Any = dataset.with_options(options)
        dataset.source = source  # keep the source alive as long as the data set
        return dataset

    def count_batches(self, data: Any) -> int:
        if isinstance(data, tf.data.Dataset):
            return max(int(data.cardinality()), 0)
        return len(data) if isinstance(data, keras.utils.PyDataset) else 0

    def make_step_function(self, make: Callable, model: keras.Model, name: str) -> None:
        """Make Keras's function of an iterator take bundles as well.

        One compiled loop takes all full batches of a bundle, so that XLA keeps the variables in
        place, instead of copying them at every step. XLA does not compile the step for the smaller
        last batch, as compiling takes a second for every size.
        """
        made, made_in = name.replace("step", "function"), model._distribute_strategy
        if model.steps_are_eager != model.run_eagerly:  # it was changed after `compile`
            model.train_function = model.test_function = None
            model.steps_are_eager = model.run_eagerly
        if name == "train_step" and not model.optimizer.built:
            with made_in.scope() if made_in else contextlib.nullcontext():
                model.optimizer.build(model.trainable_variables)
        before = getattr(model, made)
        make()
        step, function = getattr(model, name), getattr(model, made)
        if function is before:
            return
        if made_in is not None:
            setattr(model, made, replicas.step_of_all(step, function, model))
            return
        if model.run_eagerly:
            return
        jit_compile = model.jit_compile

        def batch_of(full, i):
            return tuple(None if column is None else column[i] for column in full)

        @tf.function(reduce_retracing=True, autograph=False)
        def step_over(batch):
            return step(batch)

        @tf.function(jit_compile=jit_compile, autograph=False)
        def loop_over(count, full, logs, step):
            start = (tf.constant(0), logs)
            _, logs = tf.while_loop(
                lambda i, _: i < count,
                lambda i, _: (i + 1, step(batch_of(full, i))),
                start,
                parallel_iterations=1,
            )
            return logs

        @tf.function(reduce_retracing=True, autograph=False)
        def run(iterator):
            count, full, rest = iterator.get_next()
            traced = step_over.get_concrete_function(rest)
            logs = tf.nest.map_structure(
                lambda output: tf.zeros(output.shape, output.dtype), traced.structured_outputs
            )
            # XLA needs its own trace; without XLA, one trace serves batches of all sizes.
            each = step if jit_compile else traced
            logs = tf.cond(count > 0, lambda: loop_over(count, full, logs, each), lambda: logs)
            return tf.cond(tf.size(rest[0]) > 0, lambda: traced(rest), lambda: logs)

        def take(iterator):
            bundled = isinstance(getattr(iterator, "element_spec", None), Bundle)
            return run(iterator) if bundled else function(iterator)

        setattr(model, made, take)

    @contextlib.contextmanager
    def drain(self, *streams) -> Iterator[None]:
        """Stop the pipelines of `stream` at the end of a training or evaluation, also after errors.

        When TensorFlow deletes an iterator, it holds Python's global interpreter lock and waits for
        the prefetching thread. If that thread waited for the lock, both would wait forever; so it
        is stopped first.
        """
        try:
            yield
        finally:
            for data in streams:
                if isinstance(getattr(data, "source", None), RowSource):
                    data.source.close()

    def strategy(self, name: str) -> contextlib.AbstractContextManager:
        if name == "mirrored":
            kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
            devices = [device.name for device in tf.config.list_logical_devices(kind)]
            return tf.distribute.MirroredStrategy(devices).scope()
        if "cluster" not in json.loads(os.environ.get("TF_CONFIG") or "{}"):
            raise ValueError(
                "The strategy 'workers' needs the environment variable TF_CONFIG in every process, "
                'such as {"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": '
                '"worker", "index": 0}}, with the index of the process.'
            )
        return tf.distribute.MultiWorkerMirroredStrategy().scope()

    def strategy_scope(self, model: keras.Model) -> contextlib.AbstractContextManager:
        made_in = model._distribute_strategy
        return made_in.scope() if made_in else contextlib.nullcontext()

    def is_chief(self, model: keras.Model) -> bool:
        made_in = model._distribute_strategy
        resolver = made_in.cluster_resolver if made_in else None
        if resolver is None or not resolver.cluster_spec():
            return True
        if "chief" in resolver.cluster_spec().jobs:
            return resolver.task_type == "chief"
        return resolver.task_id == 0


def _adam_step(optimizer, gradient, variable, learning_rate):
    """Compute `keras.optimizers.Adam.update_step`, but faster, with one TensorFlow operation."""
    if isinstance(gradient, tf.IndexedSlices):
        keras.optimizers.Adam.update_step(optimizer, gradient, variable, learning_rate)
        return
    index = optimizer._get_variable_index(variable)
    step = tf.cast(optimizer.iterations.value + 1, variable.dtype)
    beta_1, beta_2, rate = (
        tf.cast(value, variable.dtype)
        for value in (optimizer.beta_1, optimizer.beta_2, learning_rate)
    )
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=optimizer._momentums[index].value.handle,
        v=optimizer._velocities[index].value.handle,
        beta1_power=beta_1**step,
        beta2_power=beta_2**step,
        lr=rate,
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, variable.dtype),
        grad=tf.cast(gradient, variable.dtype),
    )


class RowSource:
    """Arrays that are not copied, and the order of their rows in a pass.

    A tensor of all the data would take the same memory again; for arrays on disk, it would load the
    whole file.

    Args:
        columns: `(x, y, sample_weight)`; the last two may be None.
        order: a function that returns the order of a pass, a permutation [rows]; None keeps the
            order of the arrays.

    Attributes:
        rows: how many rows the arrays have.
        calls_of_a_pass: how many times `take` is called in a pass; the pipeline sets it.
        endless: whether one pass follows another endlessly; the pipeline sets it.
    """

    def __init__(self, columns: list | tuple, order: Callable | None):
        self.columns, self.order = columns, order
        self.given = [column for column in columns if column is not None]
        self.rows = len(self.given[0])
        self.calls_of_a_pass = self.left = self.calls = self.running = 0
        self.endless = self.closed = False
        self.lock = threading.Lock()

    def take(self, numbers: np.ndarray) -> list[np.ndarray]:
        with self._counted():
            try:
                if self.closed:  # these rows are not used
                    return [np.zeros((*numbers.shape, *c.shape[1:]), c.dtype) for c in self.given]
                return [np.take(column, numbers, axis=0) for column in self.given]
            finally:
                with self.lock:
                    self.left -= 1

    @contextlib.contextmanager
    def _counted(self):
        with self.lock:
            self.calls, self.running = self.calls + 1, self.running + 1
        try:
            yield
        finally:
            with self.lock:
                self.running -= 1

    def close(self) -> None:
        """Wait until no thread takes rows; `take` returns only zeros from then on."""
        self.closed, seen = True, -1
        while (self.left or self.endless) and (self.running or seen != self.calls):
            seen = self.calls
            time.sleep(QUIET)

    def order_of_a_pass(self) -> np.ndarray:
        with self._counted():
            with self.lock:
                self.left += self.calls_of_a_pass
            rows = np.arange(self.rows) if self.order is None else self.order()
            return rows.astype("int32")

    def gather(self, numbers: tf.Tensor) -> tuple:
        """Return the rows with these indices as tensors; None for a column without an array."""
        dtypes = [tf.as_dtype(column.dtype) for column in self.given]
        values = tf.numpy_function(_weakly(self.take), [numbers], dtypes, stateful=False)
        for value, column in zip(values, self.given, strict=True):
            value.set_shape([*numbers.shape, *column.shape[1:]])
        values = iter(values)
        return tuple(None if column is None else next(values) for column in self.columns)

    def numbers(self, _: tf.Tensor) -> tf.Tensor:
        """Return the order of a pass as a tensor."""
        numbers = tf.numpy_function(_weakly(self.order_of_a_pass), [], tf.int32)
        return tf.ensure_shape(numbers, (self.rows,))


def _weakly(method):
    """Return a function with a weak reference: TensorFlow never releases a Python function."""
    reference = weakref.WeakMethod(method)

    def call(*args):
        found = reference()
        if found is None:
            raise RuntimeError("The data set was deleted while TensorFlow was reading it.")
        return found(*args)

    return call
