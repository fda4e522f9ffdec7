"""Names of settings in presets that were written before 0.2, and what they are called now."""

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


def with_new_names(cls: type, config: dict) -> dict:
    """Return a config with the names of today, but for settings that the class itself calls so."""
    own = cls.__signature__.parameters
    return {
        name if name in own else OLD_NAMES.get(name, name): value for name, value in config.items()
    }
