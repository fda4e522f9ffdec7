"""What is said when a contest between networks goes wrong."""

import warnings

import keras

USUALLY = (
    "Lower the discriminator's learning rate or raise the generator's, repeat the generator's "
    "update (generator_steps=), or smooth labels (label_smoothing=0.1)."
)


class Watch(keras.callbacks.Callback):
    """Warn of a lost contest, once.

    It is lost where the discriminator was right about everything in an epoch: its gradient then
    says little to those that it judges.
    """

    def __init__(self):
        super().__init__()
        self.said = False

    def on_epoch_end(self, epoch, logs=None):
        logs, name = logs or {}, type(self.model).__name__
        sides = {term: logs[term] for term in logs if term.startswith("accuracy_on_")}
        if not self.said and sides and min(sides.values()) == 1.0:
            self.said = True
            judged = sorted(
                "every " + term.split("_on_")[1].removesuffix("s").replace("_", " ")
                for term in sides
            )
            warnings.warn(
                f"The discriminator of {name} was right about {' and '.join(judged)} in epoch "
                f"{epoch + 1}, and says little to those that it judges. {USUALLY}",
                stacklevel=2,
            )
