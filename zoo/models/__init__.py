"""The models: one file each; the classical autoencoders share a file.

`CLASSES` holds the classes that a preset may hold: `zoo.load` makes no others. `@register` adds a
class to it; this package imports all its modules.

Example: a variant is a subclass. Each term of its loss has a metric in `metric_names`. A setting is
an argument and an attribute of the same name. A weight that the variant adds is saved and exported.

    import keras
    import numpy as np
    from keras import ops

    import zoo

    @keras.saving.register_keras_serializable(package="mine")
    class Tempered(zoo.VAE):
        metric_names = (*zoo.VAE.metric_names, "brightness")

        def __init__(self, *args, weight=1.0, **kwargs):
            super().__init__(*args, **kwargs)
            self.weight = weight
            self.gain = self.add_weight((), "ones", name="gain")

        def losses(self, batch, training):
            images = self.call(batch.x, training)
            gap = ops.mean(images - batch.x, axis=tuple(range(1, len(batch.x.shape))))
            brightness = ops.square(gap)
            found = super().losses(batch, training)
            return found.plus(self.weight * brightness, brightness=brightness)

        def image(self, z, label=None, training=False):
            return super().image(z, label, training) ** self.gain

    model = Tempered((4, 4, 1), 2, hidden_units=(8,), weight=3.0)
    model.compile("adam", run_eagerly=True)
    history = model.fit(np.random.default_rng(0).random((8, 4, 4, 1), "float32"), verbose=0)
    print(history.history["brightness"])
"""

import importlib
import pkgutil
from typing import Any

from zoo.training.registry import CLASSES as CLASSES

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # this registers the module's classes
for _name in sorted(CLASSES):
    CLASSES[_name] = CLASSES.pop(_name)  # in the order of names, for lists and messages


def __getattr__(name: str) -> Any:
    if name not in CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return CLASSES[name]
