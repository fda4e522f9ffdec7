"""Independent classifiers that say which class an image shows.

One small convolutional network a data set, trained on the training images alone and shipped with
the package, so that figures which depend on it can be measured again to the digit. It has seen no
generated image. `python -m zoo.evaluation.judge mnist` trains it again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
from keras import layers

from zoo import data
from zoo.presets.card import describe_file

JUDGES = {
    "mnist": {
        "sha256": "f19f2bf874850a0e305bb5a0d7fdc9d7fe1bbe62fbc931a80908f3f77b91c868",
        "test_accuracy": 99.09,
    },
    "fashion_mnist": {
        "sha256": "f734941cb15b96b0aefb3a2d5681f7f3528adee9f5fedc4bd38bf5865f458cbe",
        "test_accuracy": 89.78,
    },
}
"""Data sets that have a judge: the hash of its weights, its accuracy on test images in percent."""


def _path(name):
    return Path(__file__).parent / f"judge_{name}.weights.h5"


def build() -> keras.Model:
    """Return the untrained network: 28x28 grey images to ten class probabilities."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu", name="conv_0"),
            layers.Conv2D(32, 3, strides=2, activation="relu", name="conv_1"),
            layers.Conv2D(64, 3, strides=2, activation="relu", name="conv_2"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.4, seed=1, name="dropout"),
            layers.Dense(10, activation="softmax", name="classes"),
        ],
        name="judge",
    )


def load_judge(name: str) -> keras.Model:
    """Return the trained classifier of a data set.

    Raises:
        ValueError: the data set has none, or its weights were altered.
    """
    if name not in JUDGES:
        raise ValueError(f"There is no judge for {name!r}; there are: {', '.join(JUDGES)}.")
    if describe_file(_path(name))["sha256"] != JUDGES[name]["sha256"]:
        raise ValueError(f"{_path(name)} was altered; install the package again.")
    judge = build()
    judge.load_weights(_path(name))
    return judge


def train(name: str, epochs: int = 8):
    """Train the judge of a data set, write its weights, and print what belongs in `JUDGES`."""
    keras.utils.set_random_seed(7)
    (x, y), (x_test, y_test) = data.load(name)
    judge = build()
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 128), alpha=0.02)
    optimizer = keras.optimizers.Adam(schedule)
    judge.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    judge.fit(x, y, batch_size=128, epochs=epochs, verbose=2)
    accuracy = 100 * judge.evaluate(x_test, y_test, batch_size=500, verbose=0)[1]
    bare = build()
    bare.set_weights(judge.get_weights())
    bare.save_weights(_path(name))
    print(f'"sha256": "{describe_file(_path(name))["sha256"]}",')
    print(f'"test_accuracy": {accuracy:.2f},')


if __name__ == "__main__":
    train(sys.argv[1])
