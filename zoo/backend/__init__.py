"""The current backend of Keras; only this package checks which one it is.

`backend` is an instance of TensorFlow's, JAX's or PyTorch's subclass of `Backend` (see `base.py`,
which documents the methods).
"""

import sys

import keras

from zoo.files.version import __version__

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


def versions() -> dict[str, str]:
    """Return the versions of the zoo, of Keras and of its backend, for records of what they made.

    Examples:
        >>> list(zoo.backend.versions())[:2]
        ['autoencoder-zoo', 'keras']
    """
    modules = {"keras": keras, _NAME: sys.modules[_NAME]}
    found = {name: module.__version__ for name, module in modules.items()}
    return {"autoencoder-zoo": __version__, **found}
