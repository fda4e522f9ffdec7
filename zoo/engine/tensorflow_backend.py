"""TensorFlow: gradient tapes, and variables that are assigned in place."""

import contextlib
import functools
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from zoo.engine import tensorflow_replicas as replicas
from zoo.engine.array_batches import as_column
from zoo.engine.tensorflow_rows import Rows, closing  # noqa: F401

BUNDLE_BYTES = 2**26  # of the images of an execution; several such are on their way
# XLA takes 2 to 4 s to compile a step on two cores, and saves 0.4 to 3 ms of each after that.
STEPS_THAT_PAY = 1000


def minimize(loss_fn, variables, optimizer, state):
    """Change `variables` by one optimizer step down the gradient of a loss.

    Args:
        loss_fn: a function without arguments that returns `(loss, aux)`: a scalar, and any
            nest of tensors.
        variables: the variables to change; none is fine and changes nothing.
        optimizer: a Keras optimizer built on exactly these variables.
        state: every variable that `loss_fn` may read or assign (used by JAX alone).

    Returns:
        `aux`, computed before the step.
    """
    del state
    with tf.GradientTape() as tape:
        loss, aux = loss_fn()
        scaled = optimizer.scale_loss(loss)
    if variables:
        with _one_operation_a_variable(optimizer):
            optimizer.apply(tape.gradient(scaled, variables), variables)
    return aux


@contextlib.contextmanager
def _one_operation_a_variable(optimizer):
    """Let Keras's Adam take its step by TensorFlow's own operation: the same step, faster."""
    if type(optimizer) is not keras.optimizers.Adam or optimizer.amsgrad:
        yield
        return
    optimizer.update_step = functools.partial(_adam_step, optimizer)
    try:
        yield
    finally:
        del optimizer.update_step


def _adam_step(optimizer, gradient, variable, learning_rate):
    """Do what `keras.optimizers.Adam.update_step` does."""
    if isinstance(gradient, tf.IndexedSlices) or tf.distribute.has_strategy():
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


def vector_jacobian_product(function, x, vectors):
    """Return v^T df/dx: how `sum(v * f(x))` changes with x, of the shape of `x`.

    Args:
        function: of a tensor alone, which must not depend on a state that it changes.
        x: where; no gradient flows back into it.
        vectors: of the shape of `function(x)`.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = function(x)
    return tape.gradient(outputs, x, vectors)


def keras_step(method):
    """Return `method` as it is: Keras calls it with the data alone."""
    return method


def normal(shape, seed, shared: bool = False):
    """Draw from N(0, 1). Philox by name: under XLA the default generator is 100 times slower."""
    return _drawn(tf.random.stateless_normal, shape, seed, shared)


def uniform(shape, seed, shared: bool = False):
    """Draw from U[0, 1)."""
    return _drawn(tf.random.stateless_uniform, shape, seed, shared)


def _drawn(function, shape, seed: keras.random.SeedGenerator, shared):
    key = tf.cast(tf.math.floormod(seed.next(), tf.int32.max - 1), tf.int32)

    def draw(shape):
        return function(shape, seed=key, alg="philox")

    if shared or replicas.count() == 1:
        return draw(shape)
    return replicas.part_of_a_draw(draw, shape)


def share_of_mean(term):
    """Return what this replica adds to the mean of a term over the batch: all of it, if alone."""
    return tf.reduce_mean(term) if replicas.count() == 1 else replicas.share_of_mean(term)


def batch_mean(values):
    """Return the mean over the rows of the batch, of all replicas, [batch, ...] -> [...]."""
    return tf.reduce_mean(values, axis=0) if replicas.count() == 1 else replicas.batch_mean(values)


def own_part(values):
    """Return this replica's rows of what all have alike: all of them, if alone."""
    return values if replicas.count() == 1 else replicas.own_part(values)


def compiled(function, variables):
    """Compile a function of arrays for inference, once for all batch sizes of a shape."""
    del variables
    traced = {}

    def run(*args):
        shapes = tuple(tuple(arg.shape[1:]) for arg in args)
        if shapes not in traced:
            specs = [tf.TensorSpec([None, *arg.shape[1:]], arg.dtype) for arg in args]
            traced[shapes] = tf.function(function).get_concrete_function(*specs)
        return traced[shapes](*args)

    return run


def traced_anew(model, name: str):
    """Do nothing: a function is always traced anew here."""
    return contextlib.nullcontext()


class Bundle(NamedTuple):
    """The batches of one execution, as images, labels and weights, each perhaps None.

    `full` has batches of one size, [bundle, batch_size, ...], of which the first `count` are to be
    used; `rest` is what follows them, [less than batch_size, ...].
    """

    count: Any
    full: Any
    rest: Any


def stream(arrays, batch_size: int, order, bundle: int, model=None):
    """Batch arrays through a pipeline of row numbers.

    Keras's own pipeline for arrays, and any with automatic tuning, stalls for seconds now and then
    where there are few cores.

    Args:
        arrays: `(x, y, sample_weight)`, the latter two perhaps None.
        batch_size: rows in a batch; the last one may be smaller.
        order: a function that returns the order of a pass, a permutation [rows]; None leaves the
            rows in theirs.
        bundle: how many batches `bundled` takes at a time.
        model: the one to train, which may have been made in the scope of a strategy.

    Returns:
        a `tf.data.Dataset` of bundles that counts as many elements as there are batches, for
        Keras's progress; under a strategy one of batches without an end: see `steps_of`.
    """
    source = Rows([as_column(array) for array in arrays], order)
    rows, gather = len(source), source.gather
    batch_size = min(batch_size, rows)
    made_in = replicas.strategy_of(model)
    if made_in is not None:
        return replicas.parts_of_batches(made_in, source, batch_size)
    if tf.distribute.has_strategy():
        raise ValueError(
            "A strategy is in scope, and the model was made outside of it: make or load, and "
            "compile it inside."
        )

    def pieces(numbers, size):
        starts = tf.data.Dataset.range(0, rows, size, output_type=tf.int32)
        return starts.map(lambda start: numbers[start : start + size])

    def bundle_of(numbers):
        count = tf.size(numbers) // batch_size
        full = tf.reshape(numbers[: count * batch_size], (count, batch_size))
        full = tf.ensure_shape(tf.pad(full, [[0, bundle - count], [0, 0]]), (bundle, batch_size))
        return Bundle(count, gather(full), gather(numbers[count * batch_size :]))

    orders = tf.data.Dataset.range(1).map(source.numbers)
    size = bundle * batch_size
    source.calls_of_a_pass = 2 * -(-rows // size)
    dataset = orders.flat_map(lambda numbers: pieces(numbers, size)).map(bundle_of).prefetch(2)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(-(-rows // batch_size)))
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = dataset.with_options(options)
    dataset.source = source  # lives as long as the data set, and no longer
    return dataset


def steps_of(data) -> int | None:
    """Return the steps of a pass of a stream that goes on after it, which Keras must be told."""
    source = getattr(data, "source", None)
    return source.steps if isinstance(source, Rows) else None


def bundled(step, function, *, model, jit_compile: bool, run_eagerly: bool):
    """Make Keras's function of an iterator take what `stream` gives, too.

    All full batches of a bundle are one compiled loop: XLA then keeps the variables in place, where
    it would copy them at every step. The rest is not compiled by XLA, as that takes a second for
    every size that there is.

    Args:
        step: what to do with a batch; returns a dict of scalars.
        function: Keras's, for all other data.
        model: whose step it is.
        jit_compile, run_eagerly: as in `compile`.
    """
    if replicas.strategy_of(model) is not None:
        return replicas.step_of_all(step, function, model, run_eagerly=run_eagerly)

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
        outputs = traced.structured_outputs
        logs = tf.nest.map_structure(lambda output: tf.zeros(output.shape, output.dtype), outputs)
        # XLA wants a trace of its own; without it one serves batches of all sizes.
        each = step if jit_compile else traced
        logs = tf.cond(count > 0, lambda: loop_over(count, full, logs, each), lambda: logs)
        return tf.cond(tf.size(rest[0]) > 0, lambda: traced(rest), lambda: logs)

    def run_step_by_step(iterator):
        count, full, rest = iterator.get_next()
        batches = [batch_of(full, i) for i in range(int(count))]
        for batch in [*batches, rest] if len(rest[0]) else batches:
            logs = step(batch)
        return logs

    def take(iterator):
        if not isinstance(getattr(iterator, "element_spec", None), Bundle):
            return function(iterator)
        return run_step_by_step(iterator) if run_eagerly else run(iterator)

    return take


def batches_of(data) -> int:
    """Count the batches of a pass; 0 where that cannot be known."""
    if isinstance(data, tf.data.Dataset):
        count = int(data.cardinality())
    elif isinstance(data, keras.utils.PyDataset):
        count = len(data)
    else:
        count = -1
    return max(count, 0)


def fastest(convolutional: bool, batch_bytes: int, steps: float) -> dict:
    """XLA makes dense networks faster everywhere and convolutions slower on a CPU.

    It takes seconds to compile, which few steps on a CPU do not make up for, and compiles nothing
    in which replicas talk to each other. The batches of an execution, of `batch_bytes` each, are in
    memory together.
    """
    if tf.distribute.has_strategy():
        return {"jit_compile": False, "steps_per_execution": 1}
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    bundle = max(1, min(32, BUNDLE_BYTES // batch_bytes))
    pays = not convolutional and steps >= STEPS_THAT_PAY
    return {"jit_compile": on_gpu or pays, "steps_per_execution": bundle}


strategy, scope_of, is_chief = replicas.strategy, replicas.scope_of, replicas.is_chief
