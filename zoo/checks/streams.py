"""Streams of batches: data sets, data loaders and generators, checked batch by batch.

A batch is checked before a step gets it, so that the model never learns from invalid data.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar, cast

import keras
import numpy as np

Method = TypeVar("Method", bound=Callable)

IMAGES_ALONE = {
    "array": "call fit(x)",
    "tf.data": "take the images of a data set of pairs, dataset.map(lambda x, y: x)",
    "PyDataset": "let __getitem__ return (x,)",
    "DataLoader": "let its data set give images only, as TensorDataset(x) does",
    "generator": "let it yield (x,)",
    "other": "let its batches be images only",
}
"""How to leave out the targets, by kind of data."""


class Limits(NamedTuple):
    """The limits of valid batches, which a `tf.data.Dataset` checks without calling Python.

    Attributes:
        shape: the shape of an image. bounds: the range of its values, or None if all are valid.
        labels: None without labels. Else the shape of a label, the lowest label, and the highest
            label plus 1; the last is None if labels are images, with the same range of values.
        pairs: whether targets may be clean images, within the same limits.
        whole: whether values must be whole numbers.
        by_value: whether the likelihood checks the values itself, in Python.
    """

    shape: tuple[int, ...]
    bounds: tuple[float, float] | None
    labels: tuple[tuple[int, ...], int, int | None] | None
    pairs: bool = False
    whole: bool = False
    by_value: bool = False


def kind(data: Any) -> str:
    """Return the kind of a stream: "tf.data", "PyDataset", "DataLoader", "generator" or "other"."""
    if isinstance(data, keras.utils.PyDataset):
        return "PyDataset"
    if isinstance(data, types.GeneratorType):
        return "generator"
    if hasattr(data, "cardinality") and hasattr(data, "element_spec"):
        return "tf.data"
    parents = {(parent.__module__, parent.__name__) for parent in type(data).__mro__}
    if ("torch.utils.data.dataloader", "DataLoader") in parents:
        return "DataLoader"
    return "other"


def first_batch(data: Any) -> tuple:
    """Return the first batch of a stream, and a stream that still has this batch.

    Returns:
        the batch, or None if reading would use it up, and the stream to continue with.
    """
    found = kind(data)
    if found == "PyDataset":
        return data[0], data
    # A data set of unknown length may come from a generator, which can be read only once.
    if found == "other" or (found == "tf.data" and int(data.cardinality()) == -2):
        return None, data
    batches = data if found == "generator" else iter(data)
    batch = next(batches, None)
    if batch is None:
        raise ValueError(f"x is a {found} without batches; give at least one.")
    return batch, _put_back(batch, data) if found == "generator" else data


def _put_back(batch, generator):
    yield from itertools.chain([batch], generator)


def by_batch(method: Method) -> Method:
    """Decorate a method that takes arrays and labels, so that it also takes streams of batches.

    The results are concatenated. If batches are pairs, conditional models take the labels from
    them; other models ignore these labels.
    """

    @functools.wraps(method)
    def of_all(self, *arguments, **options):
        if not arguments or kind(arguments[0]) == "other":
            return method(self, *arguments, **options)
        x, *beside = arguments
        if any(labels is not None for labels in (*beside, options.pop("labels", None))):
            raise ValueError("Give the labels of a stream in its batches, as pairs (x, y).")
        if options.get("seed") is not None:  # one random generator for all batches
            options["seed"] = np.random.default_rng(options["seed"])
        results = []
        for batch in _one_pass(x):
            values, label, _ = keras.utils.unpack_x_y_sample_weight(batch)
            beside = (label,) if self.conditional else ()
            results.append(method(self, values, *beside, **options))
        if not results:
            raise ValueError(f"x is a {kind(x)} without batches; give at least one.")
        return np.concatenate(results)

    return cast(Method, of_all)


def _one_pass(data):
    """Return the batches of a stream that ends."""
    endless = kind(data) == "tf.data" and int(data.cardinality()) == -1
    if kind(data) == "PyDataset":
        endless = data.num_batches is None
        data = data if endless else map(data.__getitem__, range(data.num_batches))
    if endless:
        raise ValueError("x is an endless stream; give one with a finite number of batches.")
    return data


class Inspection:
    """Keep the error of an invalid batch, which pipelines would replace by their own error."""

    def __init__(self):
        self.refusal = None

    @contextlib.contextmanager
    def speaking(self) -> Iterator[None]:
        """Raise this error instead of the error of a pipeline."""
        try:
            yield
        except Exception as error:
            if self.refusal is None or self.refusal is error:
                raise
            raise self.refusal from None

    def of(self, data: Any, check: Callable, limits: Limits | None = None) -> Any:
        """Return a stream of the same batches, each checked and made NumPy arrays when fetched.

        Args:
            data: a `tf.data.Dataset`, `keras.utils.PyDataset`, PyTorch `DataLoader` or generator;
                anything else is returned unchanged.
            check: a function of a batch that returns it as a tuple of arrays, or raises a
                ValueError or a TypeError.
            limits: batches of a `tf.data.Dataset` within these limits need no other check.
        """

        def seen(batch):
            try:
                return check(batch)
            except (TypeError, ValueError) as error:
                self.refusal = error
                raise

        watch_over = {
            "PyDataset": _WatchedDataset,
            "generator": _watched_generator,
            "DataLoader": _watched_loader,
            "tf.data": lambda data, seen: _watched_pipeline(data, seen, limits),
        }.get(kind(data))
        return watch_over(data, seen) if watch_over else data


class _WatchedDataset(keras.utils.PyDataset):
    """Wrap a data set, and check its batches."""

    def __init__(self, data, seen):
        super().__init__(data.workers, data.use_multiprocessing, data.max_queue_size)
        self.data, self.seen = data, seen

    def __getitem__(self, index):
        return self.seen(self.data[index])

    def __len__(self):
        return len(self.data)

    @property
    def num_batches(self):
        return self.data.num_batches

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()

    def __reduce__(self):
        """Send only the data set to processes that are not forked; they check nothing."""
        return _as_it_is, (self.data,)


def _as_it_is(data):
    return data


def _watched_generator(batches, seen):
    yield from map(seen, batches)


def _watched_loader(loader, seen):
    import torch

    class Watched(type(loader)):
        def __iter__(self):
            for batch in super().__iter__():
                yield tuple(map(torch.as_tensor, seen(batch)))  # Keras expects tensors

    watched = copy.copy(loader)
    watched.__class__ = Watched
    return watched


def _watched_pipeline(data, seen, limits):
    """Check batches in TensorFlow, and call Python only for batches outside of the limits.

    So most batches do not need Python's global interpreter lock: see `zoo.backend`.
    """
    import tensorflow as tf

    specs = tf.nest.flatten(data.element_spec)
    if not all(isinstance(spec, tf.TensorSpec) for spec in specs):
        return data
    reference = weakref.ref(seen)  # TensorFlow never releases a Python function

    def see(*leaves):
        if (check := reference()) is not None:
            check(tf.nest.pack_sequence_as(data.element_spec, leaves))
        return True

    @tf.autograph.experimental.do_not_convert
    def look(*batch):
        batch = batch if isinstance(data.element_spec, tuple) else batch[0]
        fine = tf.cond(
            _is_plainly_fine(batch, limits),
            lambda: True,
            lambda: tf.numpy_function(see, tf.nest.flatten(batch), tf.bool),
        )
        with tf.control_dependencies([fine]):
            return tf.nest.map_structure(tf.identity, batch)

    watched = data.map(look)
    watched.seen = seen  # lives as long as the data set
    return watched


def _is_plainly_fine(batch, limits: Limits):
    """Return whether a batch of TensorFlow is within the limits, as a tensor."""
    import tensorflow as tf

    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    known = tf.is_tensor(x) and x.dtype.is_floating and x.shape[1:] == limits.shape
    if limits.by_value or not known:
        return tf.constant(False)
    conditions = [_is_in_range(x, limits)]
    if y is None:
        conditions.append(limits.labels is None)
    elif limits.labels is None:
        same = y.dtype == x.dtype and y.shape[1:] == x.shape[1:]
        if same and limits.pairs:
            conditions += [_is_in_range(y, limits), tf.shape(x)[0] == tf.shape(y)[0]]
        else:
            conditions.append(tf.reduce_all(tf.equal(x, y)) if same else False)
    else:
        shape, lowest, end = limits.labels
        right = y.dtype.is_floating if end is None else y.dtype.is_integer
        if not right or y.shape.rank is None or y.shape[1:] != shape:
            conditions.append(False)
        elif end is None:
            conditions += [_is_in_range(y, limits), tf.shape(x)[0] == tf.shape(y)[0]]
        else:
            labels = tf.cast(y, tf.int64)
            conditions += [tf.reduce_min(labels) >= lowest, tf.reduce_max(labels) < end]
            conditions.append(tf.shape(x)[0] == tf.shape(y)[0])
    if weight is not None:
        plain = weight.dtype.is_floating and weight.shape.rank == 1
        conditions.append(tf.reduce_all(tf.math.is_finite(weight)) if plain else False)
    return tf.reduce_all(tf.stack([tf.convert_to_tensor(one) for one in conditions]))


def _is_in_range(x, limits):
    import tensorflow as tf

    low, high = tf.reduce_min(x), tf.reduce_max(x)
    if limits.bounds is not None:
        finite = tf.math.is_finite(low) & tf.math.is_finite(high)
        whole = tf.reduce_all(tf.equal(x, tf.floor(x))) if limits.whole else True
        return (low >= limits.bounds[0]) & (high <= limits.bounds[1]) & finite & whole
    bytes_ = (low >= 0) & (high > 16) & (high <= 255)
    return tf.math.is_finite(low) & tf.math.is_finite(high) & tf.logical_not(bytes_)
