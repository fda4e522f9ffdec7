"""The interface of backends, with defaults for backends that give a program the whole batch."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Callable
from typing import Any

import keras

from zoo.backend.array_batches import ArrayBatches


class Backend(abc.ABC):
    """The functions that differ between TensorFlow, JAX and PyTorch; each has a subclass.

    The methods that are not abstract are for backends that take one step at a time, and on which a
    single program has the whole batch, on any number of devices.
    """

    # Inside a step

    @abc.abstractmethod
    def minimize(
        self, loss_fn: Callable, variables: list, optimizer: keras.Optimizer, state: list
    ) -> Any:
        """Take one optimizer step on a loss, which changes `variables`.

        Args:
            loss_fn: a function without arguments that returns `(loss, aux)`: a scalar, and any
                nested structure of tensors.
            variables: the variables to train; if there are none, only the loss is computed.
            optimizer: a Keras optimizer built on exactly these variables.
            state: every variable that `loss_fn` may read or assign. Only JAX needs it.

        Returns:
            `aux`, computed before the variables change.
        """

    @abc.abstractmethod
    def vector_jacobian_product(self, function: Callable, x: Any, vectors: Any) -> Any:
        """Return v^T df/dx, the gradient of `sum(v * f(x))` with respect to x, shaped like `x`.

        The result can be differentiated again, with respect to variables that `function` uses.

        Args:
            function: a function of one tensor; it must not change any state that it depends on.
            x: the point at which to differentiate; no gradient flows back into it.
            vectors: v, a tensor of the shape of `function(x)`.
        """

    def keras_step(self, method: Callable) -> Callable:
        """Decorate `method(self, data)` so that Keras can call it as `train_step` or `test_step`.

        The method can be written as if variables were assigned in place, on every backend.
        """
        return method

    def before_assignment(self, model: keras.Model) -> None:
        """Prepare a model for the assignment of a variable outside of its steps."""
        return

    def normal(self, shape: tuple, seed: keras.random.SeedGenerator, shared: bool = False) -> Any:
        """Draw float32 numbers from N(0, 1) inside a step.

        Args:
            shape: its first dimension is the batch of this replica, unless `shared`.
            seed: a `keras.random.SeedGenerator`.
            shared: give all replicas the same numbers. Otherwise numbers are drawn for the whole
                batch, and each replica gets the numbers for its own rows.
        """
        return keras.random.normal(shape, seed=seed)

    def uniform(self, shape: tuple, seed: keras.random.SeedGenerator, shared: bool = False) -> Any:
        """Draw float32 numbers from U[0, 1) inside a step; see `normal`."""
        return keras.random.uniform(shape, seed=seed)

    def share_of_mean(self, term: Any) -> Any:
        """Return this replica's share of the mean of a term over the batch of all replicas.

        Args:
            term: [batch], or a scalar for the whole batch.
        """
        return keras.ops.mean(term)

    def batch_mean(self, values: Any) -> Any:
        """Return the mean over the rows of all replicas, [batch, ...] -> [...]."""
        return keras.ops.mean(values, axis=0)

    def local_shard(self, values: Any) -> Any:
        """Return this replica's rows of a batch that all replicas have."""
        return values

    # Compiling

    @abc.abstractmethod
    def compiled(self, function: Callable, variables: list) -> Callable:
        """Compile a function of arrays for inference.

        Args:
            function: a function that changes no variable.
            variables: all variables that it reads.
        """

    def make_step_function(self, make: Callable, model: keras.Model, name: str) -> None:
        """Let Keras make its function for a step, and extend it for the batches of `stream`.

        The function is traced again, so that changes since an earlier trace take effect. For
        "train_step" the optimizer is built, if Keras has not built it.

        Args:
            make: Keras's `make_train_function` or `make_test_function`, without arguments.
            name: the name of the step: "train_step" or "test_step". Keras stores the function as
                `train_function` or `test_function`.
        """
        make()

    @abc.abstractmethod
    def device(self) -> str:
        """Return the name of the GPU that computes, such as "NVIDIA H100 80GB HBM3", or "CPU"."""

    @abc.abstractmethod
    def fastest(self, convolutional: bool, batch_bytes: int, steps: float) -> dict:
        """Return the fastest values for settings that are "auto" in `compile()`.

        Args:
            convolutional: whether the model has convolutions.
            batch_bytes: the size of the images in a batch.
            steps: how many steps will be taken; may be infinite.

        Returns:
            `jit_compile` and `steps_per_execution`.
        """

    # Data

    def stream(
        self,
        arrays: list | tuple,
        batch_size: int,
        order: Callable | None,
        bundle: int,
        model: keras.Model | None = None,
    ) -> Any:
        """Return batches of rows of arrays, for Keras to iterate over.

        Args:
            arrays: `(x, y, sample_weight)`; the last two may be None.
            batch_size: rows in a batch; the last batch may be smaller.
            order: a function that returns the order of the rows in a pass, a permutation [rows];
                None keeps the order of the arrays.
            bundle: how many batches the function of `make_step_function` takes at a time.
            model: the model to train, which may have been made in the scope of a strategy.

        Returns:
            a stream that ends after a pass; or an endless stream with the attribute
            `steps_per_pass`, as Keras must then know the number of steps.
        """
        return ArrayBatches(arrays, batch_size, order)

    def count_batches(self, data: Any) -> int:
        """Return the number of batches in a pass; 0 if it is unknown.

        The number limits the steps per execution. Backends with one step per execution do not need
        it.
        """
        return 1

    def drain(self, *streams) -> contextlib.AbstractContextManager:
        """Return a context manager; after its end, no thread reads from the streams."""
        return contextlib.nullcontext()

    # Several devices

    def strategy(self, name: str) -> contextlib.AbstractContextManager:
        """Return a context for training on several devices; see `zoo.strategy`.

        `zoo.strategy` refuses the strategies of other backends. PyTorch has none.
        """
        raise NotImplementedError(f"{type(self).__name__} trains on one device.")

    def strategy_scope(self, model: keras.Model) -> contextlib.AbstractContextManager:
        """Return a context in which new variables belong to the model's strategy."""
        return contextlib.nullcontext()

    def is_chief(self, model: keras.Model) -> bool:
        """Return whether this process is the first of the processes that train the model."""
        return True
