"""PyTorch: autograd, eager, and variables that are assigned in place."""

import contextlib

import keras
import torch

from zoo.engine.array_batches import ArrayBatches


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


def normal(shape, seed, shared: bool = False):
    """Draw from N(0, 1)."""
    return keras.random.normal(shape, seed=seed)


def uniform(shape, seed, shared: bool = False):
    """Draw from U[0, 1)."""
    return keras.random.uniform(shape, seed=seed)


def share_of_mean(term):
    """Return the mean of a term over the batch."""
    return keras.ops.mean(term)


def batch_mean(values):
    """Return the mean over the rows of the batch, [batch, ...] -> [...]."""
    return keras.ops.mean(values, axis=0)


def own_part(values):
    """Return all values: replicas that a program sees are TensorFlow's alone."""
    return values


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


def closing(*streams):
    """Do nothing: no thread takes rows."""
    return contextlib.nullcontext()


def steps_of(data):
    """Return None: a stream ends with a pass."""
    return None


def bundled(step, function, **settings):
    """Return Keras's function as it is."""
    del step, settings
    return function


def batches_of(data) -> int:
    """Return 1: several steps per execution have no use here."""
    del data
    return 1


def fastest(convolutional: bool, batch_bytes: int) -> dict:
    """Eager: compiling needs a C++ compiler on the user's machine."""
    del convolutional, batch_bytes
    return {"jit_compile": False, "steps_per_execution": 1}


def scope_of(model):
    """Return an empty context: a model's variables need none here."""
    return contextlib.nullcontext()


def is_chief(model) -> bool:
    """Say that this process is the first, and the only one."""
    return True


strategy = None  # `zoo.strategy` says so
