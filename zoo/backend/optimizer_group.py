"""Group optimizers into one optimizer for Keras, and copy optimizers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class OptimizerGroup(keras.optimizers.Optimizer):
    """The optimizers of a model with several updates, each with its own variables and state.

    Keras trains, saves and restores one optimizer per model. The group is this optimizer: its
    variables are the variables of its members. Members (`group["generator"]`) take the steps, never
    the group.

    Args:
        members: a dict from update names to Keras optimizers.
        name: the name of the group.
    """

    def __init__(self, members: dict, name: str = "optimizer_group"):
        super().__init__(learning_rate=0.0, name=name)
        self.members = dict(members)
        self.first_rates = {update: _rate(member) for update, member in members.items()}
        self.trained = {}

    def __getitem__(self, update: str):
        return self.members[update]

    def build_members(self, variables: dict) -> None:
        """Build every member with its variables: a dict from update names to lists of them."""
        for update, member in self.members.items():
            member.build(variables[update])
            self.trained[update] = [id(v) for v in variables[update]]
        self.built = True

    def scale_losses(self) -> None:
        """Give every member its own dynamic loss scale, for `mixed_float16`."""
        for update, member in self.members.items():
            if not isinstance(member, keras.optimizers.LossScaleOptimizer):
                self.members[update] = keras.optimizers.LossScaleOptimizer(member)

    def build(self, variables: list) -> None:
        """Do nothing for a built group; Keras calls this before training and loading."""
        del variables
        if not self.built:
            raise RuntimeError("An OptimizerGroup is built by the compile() of its model.")

    @property
    def variables(self) -> list:
        return [v for member in self.members.values() for v in member.variables]

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        raise RuntimeError(f"Apply gradients through one of the members: {list(self.members)}.")

    @property
    def iterations(self) -> Any:
        return next(iter(self.members.values())).iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the first member. Setting it scales all rates by the same factor."""
        return next(iter(self.members.values())).learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        first = next(iter(self.first_rates.values()))
        for update, member in self.members.items():
            member.learning_rate = float(rate) * self.first_rates[update] / first

    def finalize_variable_values(self, var_list: list) -> None:
        """Let every member that keeps averages of the weights write them into the model."""
        by_id = {id(v): v for v in var_list}
        for update, member in self.members.items():
            member.finalize_variable_values([by_id[key] for key in self.trained[update]])

    def save_own_variables(self, store: Any) -> None:
        """Store nothing: Keras visits the members, which store their own variables."""

    def load_own_variables(self, store: Any) -> None:
        """Load nothing: Keras visits the members, which load their own variables."""

    def get_config(self) -> dict:
        return {
            "members": {
                update: keras.saving.serialize_keras_object(member)
                for update, member in self.members.items()
            },
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> OptimizerGroup:
        members = {
            update: keras.saving.deserialize_keras_object(member, custom_objects=custom_objects)
            for update, member in config["members"].items()
        }
        return cls(members, name=config["name"])


def group_of(optimizer: Any, updates: Iterable[str]) -> OptimizerGroup:
    """Return a group with an optimizer for each update.

    Args:
        optimizer: a group, a dict with an optimizer for every update, or one optimizer (or its
            name) that is copied for each update.
        updates: the names of the updates.

    Raises:
        ValueError: the dict lacks an update, or has an unknown one.
    """
    if isinstance(optimizer, OptimizerGroup):
        return optimizer
    if isinstance(optimizer, dict) and "class_name" not in optimizer:
        if set(optimizer) != set(updates):
            raise ValueError(
                f"optimizer has entries for {', '.join(map(repr, optimizer))}; the model's updates"
                f" are {', '.join(map(repr, updates))}."
            )
        return OptimizerGroup({name: keras.optimizers.get(optimizer[name]) for name in updates})
    return OptimizerGroup(
        {name: clone_optimizer(keras.optimizers.get(optimizer)) for name in updates}
    )


def clone_optimizer(optimizer: keras.Optimizer) -> keras.Optimizer:
    """Return an optimizer with the same settings and step count, but no other state."""
    if isinstance(optimizer, OptimizerGroup):
        return OptimizerGroup(
            {name: clone_optimizer(member) for name, member in optimizer.members.items()}
        )
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return clone_optimizer(optimizer.inner_optimizer)  # compile() wraps it again
    new = type(optimizer).from_config(optimizer.get_config())
    if hasattr(new.iterations, "assign"):
        # Copy a number, not the tensor: JAX would share it, and cannot train shared tensors.
        new.iterations.assign(int(keras.ops.convert_to_numpy(optimizer.iterations)))
    return new


def normalize_config(config: Any) -> Any:
    """Give optimizers in a serialized config the module names that all backends know.

    On PyTorch, Keras writes the module of its PyTorch implementation, which other backends do not
    know.
    """
    if isinstance(config, list | tuple):
        return [normalize_config(value) for value in config]
    if not isinstance(config, dict):
        return config
    config = {key: normalize_config(value) for key, value in config.items()}
    if str(config.get("module")).startswith("keras.src.backend.torch.optimizers"):
        config |= {"module": "keras.optimizers", "registered_name": None}
    return config


def _rate(optimizer) -> float:
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
