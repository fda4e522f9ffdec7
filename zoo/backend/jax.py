"""JAX: run the stateful code of models inside stateless scopes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras

from zoo.backend.base import Backend


class JaxBackend(Backend):
    """JAX; a program has the whole batch, and XLA splits it over several devices."""

    def minimize(
        self, loss_fn: Callable, variables: list, optimizer: keras.Optimizer, state: list
    ) -> Any:
        """Change `variables` by one optimizer step; see `Backend.minimize`.

        The loss is evaluated in its own scope over every variable, so that it is a pure function
        for JAX. Values that the loss assigns (seeds, moving statistics) are copied to the outer
        scope.
        """
        variables = list(variables)
        trained = {id(v) for v in variables}
        others = [v for v in [*state, *optimizer.variables] if id(v) not in trained]

        def pure_loss(values, other_values):
            mapping = list(zip(variables + others, values + other_values, strict=True))
            with keras.StatelessScope(state_mapping=mapping) as scope:
                loss, aux = loss_fn()
                scaled = optimizer.scale_loss(loss)
            return scaled, (aux, [scope.get_current_value(v) for v in others])

        gradients, (aux, other_values) = jax.grad(pure_loss, has_aux=True)(
            [v.value for v in variables], [v.value for v in others]
        )
        _assign(others, other_values)
        if variables:
            values, slots = optimizer.stateless_apply(
                [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
            )
            _assign(variables, values)
            _assign(optimizer.variables, slots)
        return aux

    def vector_jacobian_product(self, function: Callable, x: Any, vectors: Any) -> Any:
        _, product = jax.vjp(function, x)
        return product(vectors)[0]

    def keras_step(self, method: Callable) -> Callable:
        """Decorate `method(self, data)` so that Keras can call it with `(self, state, data)`.

        A call with only the data, such as `super().train_step(data)` inside an open scope, calls
        the method itself.
        """

        @functools.wraps(method)
        def step(model, *args):
            if len(args) == 1:
                return method(model, *args)
            state, data = args
            data = _spread(data)
            groups = [
                model.trainable_variables,
                model.non_trainable_variables,
                model.metrics_variables,
            ]
            if len(state) == 4:
                groups.insert(2, model.optimizer.variables)
            mapping = [
                pair
                for group, values in zip(groups, state, strict=True)
                for pair in zip(group, values, strict=True)
            ]
            with keras.StatelessScope(state_mapping=mapping) as scope:
                logs = method(model, data)
            return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

        return step

    def before_assignment(self, model: keras.Model) -> None:
        """Copy the values of the running training to the variables, which it then reads again."""
        model.jax_state_sync()

    def compiled(self, function: Callable, variables: list) -> Callable:
        """Compile a function of arrays for inference, once for every batch size."""

        @jax.jit
        def pure(values, *args):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(*args)

        return lambda *args: pure([v.value for v in variables], *args)

    def make_step_function(self, make: Callable, model: keras.Model, name: str) -> None:
        """Give Keras a new function object to compile as `model.<name>`.

        `jax.jit` finds earlier traces by equality, and bound methods of the same object are equal:
        as long as the old function exists, `jit` would use its trace, without later changes.
        """
        method = getattr(model, name)
        model.__dict__[name] = lambda *args: method(*args)
        try:
            make()
        finally:
            del model.__dict__[name]

    def device(self) -> str:
        device = jax.devices()[0]
        return "CPU" if device.platform == "cpu" else device.device_kind

    def fastest(self, convolutional: bool, batch_bytes: int, steps: float) -> dict:
        """Choose XLA, and one step per execution, as several steps would be a Python loop."""
        return {"jit_compile": True, "steps_per_execution": 1}

    def stream(
        self,
        arrays: list | tuple,
        batch_size: int,
        order: Callable | None,
        bundle: int,
        model: keras.Model | None = None,
    ) -> Any:
        if not isinstance(keras.distribution.distribution(), _DataParallel):
            _check_even(len(arrays[0]), batch_size)
        return super().stream(arrays, batch_size, order, bundle, model)

    @contextlib.contextmanager
    def strategy(self, name: str) -> Iterator[None]:
        """Distribute the training in the context over all devices; there is one strategy."""
        before = keras.distribution.distribution()
        # Every process gives all the data, so Keras must not divide them among processes.
        keras.distribution.set_distribution(_DataParallel(auto_shard_dataset=False))
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)

    def is_chief(self, model: keras.Model) -> bool:
        alone = keras.distribution.distribution() is None  # each process trains its own model
        return alone or jax.process_index() == 0


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _check_even(rows: int, batch_size: int):
    """Refuse batches that Keras's distribution cannot split, before a step fails."""
    devices = getattr(keras.distribution.distribution(), "num_model_replicas", 1)
    last = rows % batch_size
    if min(batch_size, rows) % devices:
        raise ValueError(
            f"Batches of {min(batch_size, rows)} images do not split evenly over {devices} "
            f"devices; choose a batch_size that is a multiple of {devices}."
        )
    if last % devices:
        raise ValueError(
            f"The last batch has {last} images and does not split evenly over {devices} devices. "
            'With zoo.strategy("data_parallel"), each device gets the whole batch.'
        )


class _DataParallel(keras.distribution.DataParallel):
    """Keras's distribution, but it gives whole batches to the devices; `_spread` splits them.

    Keras's own class fails for a last batch that does not split evenly. With several processes it
    joins the batches of all into one; here all have the same whole batch.
    """

    def get_data_layout(self, data_shape):
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


def _spread(data):
    """Split the rows of a batch evenly among the devices; if this fails, each gets all rows."""
    distribution = keras.distribution.distribution()
    if not isinstance(distribution, _DataParallel):
        return data

    def spread(array):
        layout = super(_DataParallel, distribution).get_data_layout(array.shape)
        if array.shape[0] % distribution.num_model_replicas:
            return array
        return jax.lax.with_sharding_constraint(array, layout.backend_layout)

    return jax.tree.map(spread, data)
