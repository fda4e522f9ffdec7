"""What a backend offers, and how it behaves where a single program sees the whole batch."""

import abc
import contextlib

import keras

from zoo.backend.array_batches import ArrayBatches


class Backend(abc.ABC):
    """What TensorFlow, JAX and PyTorch do differently; each has a subclass.

    The methods that are not abstract suit a backend on which a single program sees the whole batch,
    on however many devices, and which takes one step at a time.
    """

    # Inside a step

    @abc.abstractmethod
    def minimize(self, loss_fn, variables, optimizer, state):
        """Change `variables` by one optimizer step down the gradient of a loss.

        Args:
            loss_fn: a function without arguments that returns `(loss, aux)`: a scalar, and any
                nest of tensors.
            variables: the variables to change; with none, the loss is computed and nothing changes.
            optimizer: a Keras optimizer built on exactly these variables.
            state: every variable that `loss_fn` may read or assign. JAX alone needs to know.

        Returns:
            `aux`, computed before the step.
        """

    @abc.abstractmethod
    def vector_jacobian_product(self, function, x, vectors):
        """Return v^T df/dx, the gradient of `sum(v * f(x))` with respect to x, of the shape of `x`.

        The result can be differentiated again, with respect to variables that `function` uses.

        Args:
            function: of one tensor; it must not change any state that it depends on.
            x: where to take the derivative; no gradient flows back into it.
            vectors: of the shape of `function(x)`.
        """

    def keras_step(self, method):
        """Decorate `method(self, data)` so that Keras can call it as `train_step` or `test_step`.

        The method is written as if variables could simply be assigned, on every backend.
        """
        return method

    def normal(self, shape, seed, shared: bool = False):
        """Draw float32 numbers from N(0, 1) inside a step.

        Args:
            shape: its first dimension is the batch that this replica sees, unless `shared`.
            seed: a `keras.random.SeedGenerator`.
            shared: draw the same numbers for all replicas. Otherwise numbers are drawn for the
                batch of all replicas together, and each gets those of its own rows.
        """
        return keras.random.normal(shape, seed=seed)

    def uniform(self, shape, seed, shared: bool = False):
        """Draw float32 numbers from U[0, 1) inside a step; see `normal`."""
        return keras.random.uniform(shape, seed=seed)

    def share_of_mean(self, term):
        """Return what this replica adds to the mean of a term over the batch of all replicas.

        Args:
            term: [batch], or a scalar that stands for the whole batch.
        """
        return keras.ops.mean(term)

    def batch_mean(self, values):
        """Return the mean over the rows of all replicas, [batch, ...] -> [...]."""
        return keras.ops.mean(values, axis=0)

    def local_shard(self, values):
        """Return this replica's rows of a batch that all replicas hold alike."""
        return values

    # Compiling

    @abc.abstractmethod
    def compiled(self, function, variables):
        """Compile a function of arrays for inference.

        Args:
            function: it changes no variable.
            variables: all that it reads.
        """

    def make_step_function(self, make, model, name: str):
        """Have Keras make its function of a step, and extend it for the batches of `stream`.

        The function is traced anew, and sees what has changed since an earlier one was traced.

        Args:
            make: Keras's `make_train_function` or `make_test_function`, without arguments.
            name: of the step: "train_step" or "test_step". Keras keeps its function under
                `train_function` or `test_function`.
        """
        make()

    @abc.abstractmethod
    def fastest(self, convolutional: bool, batch_bytes: int, steps: float) -> dict:
        """Return the settings that `compile()` leaves open, as they are fastest here.

        Args:
            convolutional: whether the model has convolutions.
            batch_bytes: the size of the images of a batch.
            steps: how many steps are to be taken, perhaps infinite.

        Returns:
            `jit_compile` and `steps_per_execution`.
        """

    # Data

    def stream(self, arrays, batch_size: int, order, bundle: int, model=None):
        """Return batches of the rows of arrays, for Keras to iterate over.

        Args:
            arrays: `(x, y, sample_weight)`, the latter two perhaps None.
            batch_size: rows in a batch; the last one may be smaller.
            order: a function that returns the order of the rows in a pass, a permutation [rows];
                None leaves them as they are.
            bundle: how many batches the function of `make_step_function` takes at a time.
            model: the one to train, which may have been made in the scope of a strategy.
        """
        return ArrayBatches(arrays, batch_size, order)

    def steps_per_pass(self, data) -> int | None:
        """Return the steps in a pass of a stream that goes on after it, which Keras must be told.

        None for a stream that ends with the pass, and for all other data.
        """
        return None

    def count_batches(self, data) -> int:
        """Count the batches in a pass; 0 where the number is unknown.

        It limits the steps per execution. Where there is one step in each, no count is needed.
        """
        return 1

    def drain(self, *streams):
        """Return a context; at its end no thread reads from the streams any more."""
        return contextlib.nullcontext()

    # Several devices

    def strategy(self, name: str):
        """Return a context to train in, on several devices; see `zoo.strategy`.

        `zoo.strategy` refuses the strategies of other backends, and PyTorch has none.
        """
        raise NotImplementedError(f"{type(self).__name__} trains on one device.")

    def strategy_scope(self, model):
        """Return a context in which variables belong to the strategy that the model was made in."""
        return contextlib.nullcontext()

    def is_chief(self, model) -> bool:
        """Say whether this process is the first of those that train the model."""
        return True
