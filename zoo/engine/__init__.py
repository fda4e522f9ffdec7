"""The only code that knows which backend runs.

Each backend module offers the same functions:

- `minimize(loss_fn, variables, optimizer, state)`: one gradient step.
- `vector_jacobian_product(function, x, vectors)`: v^T df/dx, which can be differentiated again.
- `keras_step(method)`: what Keras calls as `train_step` or `test_step`, made of a method
  that reads as if variables could simply be assigned.
- `normal(shape, seed)` and `uniform(shape, seed)`: seeded float32 draws inside a step.
- `compiled(function, variables)`: a compiled inference function of arrays.
- `traced_anew(model, name)`: a context in which Keras makes its function of a step.
- `stream(arrays, batch_size, order, bundle)`: batches of arrays, for Keras to go through.
- `bundled(step, function, jit_compile, run_eagerly)`: Keras's function, several batches at a time.
- `batches_of(data)`: how many batches a pass has.
- `fastest(convolutional)`: what `compile()` picks by default.
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
compiled = _implementation.compiled
traced_anew = _implementation.traced_anew
stream = _implementation.stream
bundled = _implementation.bundled
batches_of = _implementation.batches_of
fastest = _implementation.fastest
