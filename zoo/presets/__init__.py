"""Presets: trained models by name, as folders of a card, a configuration and weights.

`catalog` (which there are) and `card` (what one says) need neither Keras nor NumPy; `loading`,
`saving` and `training` (from a recipe to a preset) start the backend. What users need of them is
in `zoo`: `zoo.list_models`, `zoo.card`, `zoo.load`, `zoo.save` and `zoo.recipes`.
"""
