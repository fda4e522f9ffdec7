"""PyTorch: autograd, eager, and variables that are assigned in place."""

import contextlib

import keras
import torch

from zoo.engine.array_batches import ArrayBatches
from zoo.engine.whole_batches import *  # noqa: F403


def minimize(loss_fn, variables, optimizer, state):
    """Change `variables` by one optimizer step; see the TensorFlow module for the contract."""
    del state
    with torch.enable_grad():
        loss, aux = loss_fn()
        scaled = optimizer.scale_loss(loss)
    if variables:
        gradients = torch.autograd.grad(scaled, [v.value for v in variables], allow_unused=True)
        with torch.no_grad():
            optimizer.apply(list(gradients), list(variables))
    return keras.tree.map_structure(lambda tensor: tensor.detach(), aux)


def vector_jacobian_product(function, x, vectors):
    """Return v^T df/dx; see the TensorFlow module."""
    learning = torch.is_grad_enabled()
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(function(x), x, vectors, create_graph=learning)[0]


def keras_step(method):
    """Return `method` as it is: Keras calls it with the data alone."""
    return method


def compiled(function, variables):
    """Run a function of arrays without gradients."""
    del variables
    return torch.no_grad()(function)


def traced_anew(model, name: str):
    """Do nothing: a function is never traced here."""
    return contextlib.nullcontext()


def stream(arrays, batch_size: int, order, bundle: int, model=None):
    """Batch arrays; see `ArrayBatches`."""
    return ArrayBatches(arrays, batch_size, order)


def fastest(convolutional: bool, batch_bytes: int, steps: float) -> dict:
    """Eager: compiling needs a C++ compiler on the user's machine."""
    del convolutional, batch_bytes, steps
    return {"jit_compile": False, "steps_per_execution": 1}


strategy = None  # `zoo.strategy` says so
