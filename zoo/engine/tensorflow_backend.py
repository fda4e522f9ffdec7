"""TensorFlow: gradient tapes, and variables that are assigned in place."""

import keras
import numpy as np
import tensorflow as tf


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
        optimizer.apply(tape.gradient(scaled, variables), variables)
    return aux


def keras_step(method):
    """Return `method` as it is: Keras calls it with the data alone."""
    return method


def normal(shape, seed):
    """Draw from N(0, 1). Philox by name: under XLA the default generator is 100 times slower."""
    return tf.random.stateless_normal(shape, seed=_next(seed), alg="philox")


def uniform(shape, seed):
    """Draw from U[0, 1)."""
    return tf.random.stateless_uniform(shape, seed=_next(seed), alg="philox")


def _next(seed: keras.random.SeedGenerator):
    return tf.cast(tf.math.floormod(seed.next(), tf.int32.max - 1), tf.int32)


def compiled(function, variables):
    """Compile a function of arrays for inference, once for batches of any size."""
    del variables
    traced = []

    def run(*args):
        if not traced:
            specs = [tf.TensorSpec([None, *arg.shape[1:]], arg.dtype) for arg in args]
            traced.append(tf.function(function).get_concrete_function(*specs))
        return traced[0](*args)

    return run


def stream(arrays, batch_size: int, shuffle: bool):
    """Batch arrays through a pipeline of row numbers.

    Keras's own pipeline for arrays, and any with automatic tuning, stalls for seconds now and
    then where there are few cores.

    Args:
        arrays: `(x, y, sample_weight)`, the latter two perhaps None.
        batch_size: rows in a batch; the last one may be smaller.
        shuffle: whether to take a new order at every pass.

    Returns:
        a `tf.data.Dataset` of what is not None: `x`, `(x, y)`, or all three.
    """
    while arrays[-1] is None:
        arrays = arrays[:-1]
    columns = [
        array if array is None or tf.is_tensor(array) else tf.convert_to_tensor(np.asarray(array))
        for array in arrays
    ]
    rows = len(columns[0])
    batches = -(-rows // batch_size)

    def one_pass(number):
        order = tf.range(rows)
        if shuffle:
            seed = tf.stack([number, number])
            order = tf.random.experimental.stateless_shuffle(order, seed)
        starts = tf.data.Dataset.range(0, rows, batch_size, output_type=tf.int32)
        return starts.map(lambda start: order[start : start + batch_size])

    def gather(batch):
        picked = [column if column is None else tf.gather(column, batch) for column in columns]
        return picked[0] if len(picked) == 1 else tuple(picked)

    # A random op of its own would start anew, and give the same order, at every pass.
    seed = np.random.randint(2**31)
    numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    dataset = numbers.flat_map(one_pass).map(gather)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(4)
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def batches_of(data) -> int:
    """Count the batches of a pass; 0 where that cannot be known."""
    if isinstance(data, tf.data.Dataset):
        count = int(data.cardinality())
    elif isinstance(data, keras.utils.PyDataset):
        count = len(data)
    else:
        count = -1
    return max(count, 0)


def fastest(convolutional: bool) -> dict:
    """XLA makes dense networks faster everywhere and convolutions slower on a CPU."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return {"jit_compile": on_gpu or not convolutional, "steps_per_execution": 32}
