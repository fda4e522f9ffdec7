"""PyTorch: autograd and eager execution; variables are assigned in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import torch

from zoo.backend.base import Backend


class TorchBackend(Backend):
    """PyTorch on one device, without compilation."""

    def minimize(
        self, loss_fn: Callable, variables: list, optimizer: keras.Optimizer, state: list
    ) -> Any:
        with torch.enable_grad():
            loss, aux = loss_fn()
            scaled = optimizer.scale_loss(loss)
        if variables:
            gradients = torch.autograd.grad(scaled, [v.value for v in variables], allow_unused=True)
            with torch.no_grad():
                optimizer.apply(list(gradients), list(variables))
        return keras.tree.map_structure(lambda tensor: tensor.detach(), aux)

    def vector_jacobian_product(self, function: Callable, x: Any, vectors: Any) -> Any:
        learning = torch.is_grad_enabled()
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(function(x), x, vectors, create_graph=learning)[0]

    def compiled(self, function: Callable, variables: list) -> Callable:
        """Return the function so that it runs without gradients."""
        return torch.no_grad()(function)

    def device(self) -> str:
        return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"

    def fastest(self, convolutional: bool, batch_bytes: int, steps: float) -> dict:
        """Choose eager execution, as compilation needs a C++ compiler on the user's machine."""
        return {"jit_compile": False, "steps_per_execution": 1}
