"""TensorFlow: replicas of a model, each with a part of every batch.

All replicas together compute the same as one device with the whole batch: they divide by the total
number of rows. Noise is drawn for the whole batch, and each replica takes its rows of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def count() -> int:
    """Return the number of replicas in the current step; 1 outside of a step."""
    if tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_of_all(values: tf.Tensor) -> tf.Tensor:
    """Sum values over all replicas; gradients flow back to each of them."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def share_of_mean(term: tf.Tensor) -> tf.Tensor:
    """Return this replica's share of the mean of a term; see `Backend.share_of_mean`."""
    if count() == 1:
        return tf.reduce_mean(term)
    if not term.shape.rank:
        return term / count()
    rows = tf.cast(tf.shape(term)[0], term.dtype)
    return tf.reduce_sum(term) / sum_of_all(rows)


def batch_mean(values: tf.Tensor) -> tf.Tensor:
    """Return the mean over the rows of all replicas, [batch, ...] -> [...]."""
    if count() == 1:
        return tf.reduce_mean(values, axis=0)
    rows = tf.cast(tf.shape(values)[0], values.dtype)
    return sum_of_all(tf.reduce_sum(values, axis=0)) / sum_of_all(rows)


def local_shard(values: tf.Tensor) -> tf.Tensor:
    """Return this replica's rows of a batch that all replicas have.

    Raises:
        ValueError: there are fewer rows than replicas.
    """
    every, rows = count(), len(values)
    if every == 1:
        return values
    if rows < every:
        raise ValueError(f"{rows} rows cannot be shared among {every} replicas.")
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return values[rows * replica // every : rows * (replica + 1) // every]


def part_of_a_draw(draw: Callable, shape: tuple) -> tf.Tensor:
    """Draw for all replicas with `draw`, and return this replica's rows, which have `shape`."""
    if count() == 1:
        return draw(shape)
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    rows = sum_of_all(tf.one_hot(replica, count()) * tf.cast(shape[0], "float32"))
    first = tf.cast(tf.cumsum(rows, exclusive=True)[replica], "int32")
    total = tf.cast(tf.reduce_sum(rows), "int32")
    return draw((total, *shape[1:]))[first : first + shape[0]]


def parts_of_batches(
    made_in: tf.distribute.Strategy, source: Any, batch_size: int
) -> tf.distribute.DistributedDataset:
    """Return an endless stream of batches, each split evenly among all replicas.

    Args:
        made_in: the strategy that the model was made in.
        source: a `RowSource`.
        batch_size: rows in a batch of all replicas together; the last batch of a pass may be
            smaller.

    Returns:
        a `tf.distribute.DistributedDataset`, with the attribute `steps_per_pass`.

    Raises:
        ValueError: a batch has fewer rows than there are replicas.
    """
    rows, every = source.rows, made_in.num_replicas_in_sync
    if batch_size < every:
        raise ValueError(
            f"{batch_size} images cannot be shared among {every} replicas; give at least {every}."
        )
    # If the last batch of a pass is too small to share, its rows go to the batch before it.
    steps = rows // batch_size + (rows % batch_size >= every)
    source.endless = True

    def of_a_worker(context):
        here = every // context.num_input_pipelines
        source.calls_of_a_pass = here * steps
        mine = context.input_pipeline_id * here + tf.range(here)

        def parts(numbers):
            edges = tf.concat([tf.range(steps) * batch_size, [rows]], axis=0)
            starts, sizes = edges[:-1], edges[1:] - edges[:-1]
            first, last = (
                tf.reshape(starts[:, None] + sizes[:, None] * edge // every, (-1,))
                for edge in (mine, mine + 1)
            )
            pieces = tf.data.Dataset.from_tensor_slices((first, last))
            return pieces.map(lambda start, stop: without_none(source.gather(numbers[start:stop])))

        orders = tf.data.Dataset.range(1).repeat().map(source.numbers)
        options = tf.data.Options()
        options.autotune.enabled = False
        return orders.flat_map(parts).prefetch(2).with_options(options)

    dataset = made_in.distribute_datasets_from_function(of_a_worker)
    dataset.source = source  # keep the source alive as long as the data set
    dataset.steps_per_pass = steps
    return dataset


def without_none(columns: tuple) -> tuple:
    """Replace None by (), as replicas cannot take None."""
    return tuple(() if column is None else column for column in columns)


def with_none(data: tuple) -> tuple:
    """Replace () by None again; the inverse of `without_none`."""
    return tuple(None if isinstance(column, tuple) else column for column in data)


def step_of_all(step: Callable, function: Callable, model: Any) -> Callable:
    """Return a function of an iterator that takes one step on all replicas.

    Keras's `function` takes the steps for other data, such as a single batch. The returned logs are
    from the first local replica; the logs of an epoch come from the metrics.

    Raises:
        ValueError: the model was compiled for several steps per execution.
    """
    if model.steps_per_execution != 1:
        raise ValueError(
            f"steps_per_execution is {model.steps_per_execution}, but under a strategy each "
            "execution takes one step: leave it out."
        )

    def own_step(data):
        return step(with_none(data) if isinstance(data, tuple) else data)

    def run(iterator):
        made_in = model._distribute_strategy
        logs = made_in.run(own_step, args=(iterator.get_next(),))
        return {name: made_in.experimental_local_results(log)[0] for name, log in logs.items()}

    run_all = run if model.run_eagerly else tf.function(run, reduce_retracing=True)

    def take(iterator):
        distributed = isinstance(iterator, tf.distribute.DistributedIterator)
        return (run_all if distributed else function)(iterator)

    return take
