"""Configurations of models that version 0.2 saved, changed into those of this version.

In version 0.2 every class listed all settings of its base class, including those that it did not
accept. Those had only one possible value, which had no effect.
"""

from __future__ import annotations

from typing import Any

from zoo.checks.constructors import arguments_of

_WITHOUT_EFFECT: dict[str, tuple] = {
    "beta": (1.0,),
    "binarize": (None,),
    "code_activation": (None,),
    "conditional_discriminator": (False,),
    "corruption": (None,),
    "decoder": (None,),
    "discriminator": (None,),
    "dropout": (0.0,),
    "encoder": (None,),
    "filters": ((), []),
    "free_bits": (0.0,),
    "generator_steps": (1,),
    "hidden_units": (None, (), []),
    "input_dropout": (0.0,),
    "input_shape": (None,),
    "latent_dim": (None,),
    "likelihood": ("bernoulli",),
    "margin": (None,),
    "network": (None,),
    "posterior": ("deterministic",),
    "pulling_away_weight": (0.0,),
    "samples": (1,),
    "tie_weights": (False, True),
}


def renewed(cls: type, config: dict) -> dict:
    """Return a saved configuration with the names of this version, and only accepted settings.

    Args:
        cls: the class of the model. config: the arguments of its constructor, as JSON holds them.
    """
    takes = arguments_of(cls)
    config = {
        name: value
        for name, value in config.items()
        if name in takes or (name != "cmap" and not _has_no_effect(name, value))
    }
    if "conditional_discriminator" in takes:  # an old SemiSupervisedAAE may lack it
        config.setdefault("conditional_discriminator", False)
    if "masses" in config and "masses" not in takes and "probabilities" in takes:
        config["probabilities"] = config.pop("masses")
    return {name: _with_probabilities(value) for name, value in config.items()}


def _has_no_effect(name: str, value: Any) -> bool:
    return any(
        value == neutral and type(value) is type(neutral)
        for neutral in _WITHOUT_EFFECT.get(name, ())
    )


def _with_probabilities(value: Any) -> Any:
    """Rename `masses`, the probabilities of components, in the configurations of the zoo's priors.

    Objects of a user's own are left as they are: they may have an argument of that name.
    """
    if isinstance(value, list):
        return [_with_probabilities(one) for one in value]
    if not isinstance(value, dict):
        return value
    value = {name: _with_probabilities(one) for name, one in value.items()}
    config = value.get("config")
    of_the_zoo = str(value.get("registered_name")).startswith("zoo>")
    if of_the_zoo and isinstance(config, dict) and "masses" in config:
        names = {"masses": "probabilities"}
        value["config"] = {names.get(name, name): one for name, one in config.items()}
    return value
