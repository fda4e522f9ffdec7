"""TensorFlow: replicas of a model that each see a part of every batch, and learn as one.

What replicas do together equals what one device does with the whole batch: they divide by the rows
of all, and take their rows' part of the noise that is drawn for all.
"""

import contextlib
import json
import os

import tensorflow as tf


def strategy(name: str):
    """Return the scope of the strategy "mirrored" or "workers"; see `zoo.strategy`."""
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


def strategy_of(model):
    """Return the strategy in whose scope a model was made, or None."""
    return getattr(model, "_distribute_strategy", None)


def scope_of(model):
    """Return a context in which the model's variables belong to its strategy, which it gives."""
    made_in = strategy_of(model)
    return made_in.scope() if made_in else contextlib.nullcontext()


def is_chief(model) -> bool:
    """Say whether this process is the first of those that train a model."""
    made_in = strategy_of(model)
    resolver = made_in.cluster_resolver if made_in else None
    if resolver is None or not resolver.cluster_spec():
        return True
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_id == 0


def count() -> int:
    """Return how many replicas run the step that is being traced."""
    if tf.distribute.in_cross_replica_context():
        return 1
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_of_all(values):
    """Add up what the replicas have; gradients flow back to all of them."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def share_of_mean(term):
    """Return what this replica adds to the mean of a term, [batch] or a number for all."""
    if not term.shape.rank:
        return term / count()
    rows = tf.cast(tf.shape(term)[0], term.dtype)
    return tf.reduce_sum(term) / sum_of_all(rows)


def batch_mean(values):
    """Return the mean over the rows that all replicas have, [batch, ...] -> [...]."""
    rows = tf.cast(tf.shape(values)[0], values.dtype)
    return sum_of_all(tf.reduce_sum(values, axis=0)) / sum_of_all(rows)


def own_part(values):
    """Return this replica's rows of what all replicas have alike.

    Raises:
        ValueError: less rows than replicas.
    """
    if len(values) < count():
        raise ValueError(f"{len(values)} rows cannot be shared among {count()} replicas.")
    replica, rows = tf.distribute.get_replica_context().replica_id_in_sync_group, len(values)
    return values[rows * replica // count() : rows * (replica + 1) // count()]


def part_of_a_draw(draw, shape):
    """Draw for all replicas, by `draw(shape)`, and return the rows of this one, of `shape`."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    rows = sum_of_all(tf.one_hot(replica, count()) * tf.cast(shape[0], "float32"))
    first = tf.cast(tf.cumsum(rows, exclusive=True)[replica], "int32")
    total = tf.cast(tf.reduce_sum(rows), "int32")
    return draw((total, *shape[1:]))[first : first + shape[0]]


def parts_of_batches(made_in, source, batch_size: int):
    """Return batches without an end, pass after pass, each split evenly among all replicas.

    Args:
        made_in: the strategy.
        source: `numbers(_)`, the order of a pass, and `gather(numbers)`, the rows.
        batch_size: of all replicas together; the last batch of a pass may be smaller.

    Returns:
        a `tf.distribute.DistributedDataset`; the source is told the steps of a pass.

    Raises:
        ValueError: less rows in a batch than replicas.
    """
    rows, every = len(source), made_in.num_replicas_in_sync
    if batch_size < every:
        raise ValueError(
            f"{batch_size} images cannot be shared among {every} replicas; give as many at least."
        )
    # What is too little to share at the end of a pass goes with the batch before.
    steps = source.steps = rows // batch_size + (rows % batch_size >= every)

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
    dataset.source = source  # lives as long as the data set, and no longer
    return dataset


def without_none(columns):
    """Write () for None, which no replica can be given."""
    return tuple(() if column is None else column for column in columns)


def with_none(data):
    """Undo `without_none`."""
    return tuple(None if isinstance(column, tuple) else column for column in data)


def step_of_all(step, function, model, *, run_eagerly: bool):
    """Return a function that takes a step of all replicas from a distributed iterator.

    Keras's `function` takes those of other data, such as a single batch.

    The logs are those of the first replica here; Keras asks the metrics for those of an epoch.

    Raises:
        ValueError: the model was compiled for several steps per execution.
    """
    if model.steps_per_execution != 1:
        raise ValueError(
            f"steps_per_execution is {model.steps_per_execution}; under a strategy steps are taken "
            "one by one: leave it out."
        )

    def own_step(data):
        return step(with_none(data) if isinstance(data, tuple) else data)

    def run(iterator):
        made_in = strategy_of(model)
        logs = made_in.run(own_step, args=(iterator.get_next(),))
        return {name: made_in.experimental_local_results(log)[0] for name, log in logs.items()}

    run_all = run if run_eagerly else tf.function(run, reduce_retracing=True)

    def take(iterator):
        distributed = isinstance(iterator, tf.distribute.DistributedIterator)
        return (run_all if distributed else function)(iterator)

    return take
