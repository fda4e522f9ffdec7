"""Names of settings in files that version 0.1 wrote, and what they are called now."""

from __future__ import annotations

OLD_NAMES = {
    "hidden": "hidden_units",
    "tied": "tie_weights",
    "draws": "num_corruptions",
    "by_class": "conditional_discriminator",
    "generator_repeats": "generator_steps",
    "labelled_batch": "labeled_batch_size",
    "label_noise": "instance_noise",
    "fooling_weight": "generator_weight",
    "decoder_hidden": "decoder_hidden_units",
    "discriminator_hidden": "discriminator_hidden_units",
    "classifier_hidden": "classifier_hidden_units",
}


def with_new_names(config: dict) -> dict:
    """Return a model's config with the names of today."""
    return {OLD_NAMES.get(name, name): value for name, value in config.items()}
