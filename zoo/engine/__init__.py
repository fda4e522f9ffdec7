"""The only code that knows which backend runs.

Each backend module offers the same functions:

- `minimize(loss_fn, variables, optimizer, state)`: one gradient step.
- `vector_jacobian_product(function, x, vectors)`: v^T df/dx, which can be differentiated again.
- `keras_step(method)`: what Keras calls as `train_step` or `test_step`, made of a method
  that reads as if variables could simply be assigned.
- `normal(shape, seed, shared)` and `uniform(...)`: seeded float32 draws inside a step, a row for
  each of the batch; the same for all replicas where `shared`.
- `share_of_mean(term)` and `batch_mean(values)`: means over the batch of all replicas.
- `own_part(values)`: this replica's rows of a batch that all have.
- `compiled(function, variables)`: a compiled inference function of arrays.
- `traced_anew(model, name)`: a context in which Keras makes its function of a step.
- `stream(arrays, batch_size, order, bundle, model)`: batches of arrays, for Keras to go through.
- `steps_of(data)`: the steps of a pass of such a stream, if it goes on after it; else None.
- `closing(*streams)`: a context at whose end they rest.
- `bundled(step, function, ...)`: Keras's function, several batches at a time.
- `batches_of(data)`: how many batches a pass has.
- `fastest(convolutional, batch_bytes, steps)`: what is picked where `compile()` leaves it open.
- `strategy(name)`: a context to train in, on several devices; None where there is none.
- `scope_of(model)`, `is_chief(model)`: what a model made in that context needs.
"""

import keras

_BACKEND = keras.backend.backend()

if _BACKEND == "tensorflow":
    from zoo.engine import tensorflow_backend as _implementation
elif _BACKEND == "jax":
    from zoo.engine import jax_backend as _implementation
elif _BACKEND == "torch":
    from zoo.engine import torch_backend as _implementation
else:
    raise ImportError(
        f"autoencoder-zoo runs on the Keras backends tensorflow, jax and torch; KERAS_BACKEND is "
        f"{_BACKEND!r}."
    )

minimize = _implementation.minimize
vector_jacobian_product = _implementation.vector_jacobian_product
keras_step = _implementation.keras_step
normal = _implementation.normal
uniform = _implementation.uniform
share_of_mean = _implementation.share_of_mean
batch_mean = _implementation.batch_mean
own_part = _implementation.own_part
compiled = _implementation.compiled
traced_anew = _implementation.traced_anew
stream = _implementation.stream
steps_of = _implementation.steps_of
closing = _implementation.closing
bundled = _implementation.bundled
batches_of = _implementation.batches_of
fastest = _implementation.fastest
strategy = _implementation.strategy
scope_of = _implementation.scope_of
is_chief = _implementation.is_chief
