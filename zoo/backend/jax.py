"""JAX: the same stateful code, run inside stateless scopes."""

import contextlib
import functools

import jax
import keras

from zoo.backend.base import Backend


class JaxBackend(Backend):
    """JAX; a program sees the whole batch, and XLA splits it over several devices."""

    def minimize(self, loss_fn, variables, optimizer, state):
        """Change `variables` by one optimizer step; see `Backend.minimize`.

        The loss is evaluated in a scope of its own over every variable, so that `jax` sees a pure
        function; what it assigned (seeds, moving statistics) is handed to the scope around it.
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

    def vector_jacobian_product(self, function, x, vectors):
        _, product = jax.vjp(function, x)
        return product(vectors)[0]

    def keras_step(self, method):
        """Make `method(self, data)` answer Keras's call `(self, state, data)`.

        Called with the data alone, as `super().train_step(data)` does inside a scope that is open
        already, it is the plain method.
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

    def compiled(self, function, variables):
        """Compile a function of arrays for inference, once for every batch size."""

        @jax.jit
        def pure(values, *args):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(*args)

        return lambda *args: pure([v.value for v in variables], *args)

    def make_step_function(self, make, model, name: str):
        """Give Keras another function than before, to compile as `model.<name>`.

        `jax.jit` finds an earlier trace by equality, and bound methods of one object are equal: as
        long as the earlier function is alive, what has changed since would go unseen.
        """
        method = getattr(model, name)
        model.__dict__[name] = lambda *args: method(*args)
        try:
            make()
        finally:
            del model.__dict__[name]

    def fastest(self, convolutional: bool, batch_bytes: int, steps: float) -> dict:
        """Return XLA always, as JAX is made for it; more steps an execution are a Python loop."""
        return {"jit_compile": True, "steps_per_execution": 1}

    def stream(self, arrays, batch_size: int, order, bundle: int, model=None):
        if not isinstance(keras.distribution.distribution(), _DataParallel):
            _check_even(len(arrays[0]), batch_size)
        return super().stream(arrays, batch_size, order, bundle, model)

    @contextlib.contextmanager
    def strategy(self, name: str):
        """Distribute over all devices what happens in the context; there is one strategy."""
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(_DataParallel())
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _check_even(rows: int, batch_size: int):
    """Refuse batches that Keras's distribution cannot split, before a step fails on one."""
    devices = getattr(keras.distribution.distribution(), "num_model_replicas", 1)
    last = rows % batch_size
    if min(batch_size, rows) % devices:
        raise ValueError(
            f"Batches of {min(batch_size, rows)} images do not split evenly over {devices} "
            f"devices; choose a batch_size that is a multiple of {devices}."
        )
    if last % devices:
        raise ValueError(
            f"The last batch, of {last} images, does not split evenly over {devices} devices. "
            'Within zoo.strategy("data_parallel") it is given to each of them whole.'
        )


class _DataParallel(keras.distribution.DataParallel):
    """One that hands whole batches to the devices; `_spread` splits them inside a step.

    Keras's own fails at a last batch that does not split evenly.
    """

    def get_data_layout(self, data_shape):
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


def _spread(data):
    """Split the rows of a batch among the devices where they split evenly; else all have all."""
    distribution = keras.distribution.distribution()
    if not isinstance(distribution, _DataParallel):
        return data

    def spread(array):
        layout = super(_DataParallel, distribution).get_data_layout(array.shape)
        if array.shape[0] % distribution.num_model_replicas:
            return array
        return jax.lax.with_sharding_constraint(array, layout.backend_layout)

    return jax.tree.map(spread, data)
