"""The current backend of Keras; only this package checks which one it is.

`backend` is an instance of TensorFlow's, JAX's or PyTorch's subclass of `Backend` (see `base.py`,
which documents the methods).
"""

import keras

_NAME = keras.backend.backend()

if _NAME == "tensorflow":
    from zoo.backend.tensorflow import TensorFlowBackend as _ChosenBackend
elif _NAME == "jax":
    from zoo.backend.jax import JaxBackend as _ChosenBackend
elif _NAME == "torch":
    from zoo.backend.torch import TorchBackend as _ChosenBackend
else:
    raise ImportError(
        f"KERAS_BACKEND is {_NAME!r}; autoencoder-zoo runs on the Keras backends tensorflow, jax "
        "and torch."
    )

backend = _ChosenBackend()
