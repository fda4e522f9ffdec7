"""Names of settings in files that version 0.1 wrote, and what they are called now."""

from __future__ import annotations

OLD_NAMES = {
    "hidden_units": "hidden_units",
    "tie_weights": "tie_weights",
    "draws": "num_corruptions",
    "conditional_discriminator": "conditional_discriminator",
    "generator_steps": "generator_steps",
    "labeled_batch_size": "labeled_batch_size",
    "instance_noise": "instance_noise",
    "generator_weight": "generator_weight",
    "decoder_hidden_units": "decoder_hidden_units",
    "discriminator_hidden_units": "discriminator_hidden_units",
    "classifier_hidden_units": "classifier_hidden_units",
}


def with_new_names(config: dict) -> dict:
    """Return a model's config with the names of today."""
    return {OLD_NAMES.get(name, name): value for name, value in config.items()}
