"""Presets: trained models with names; a preset is a folder with a card, a config and weights.

`catalog` (the names) and `card` (the records) need neither Keras nor NumPy; `loading` and `saving`
start the backend. Users find them in `zoo`: `zoo.list_models`, `zoo.card`, `zoo.load`, `zoo.save`.
"""
