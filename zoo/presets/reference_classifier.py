"""Reference classifiers: independent networks that classify generated images.

There is one small convolutional network per data set, trained only on real training images. Its
weights are in the package, so that metrics that use it can be reproduced exactly.
`python -m zoo.presets.reference_classifier mnist` trains it again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from zoo import data
from zoo.presets.card import describe_file

REFERENCE_CLASSIFIERS = {
    "mnist": {
        "sha256": "f19f2bf874850a0e305bb5a0d7fdc9d7fe1bbe62fbc931a80908f3f77b91c868",
        "test_accuracy": 99.09,
        "feature_stddevs": (0.1695, 0.4413, 1.3688),
    },
    "fashion_mnist": {
        "sha256": "f734941cb15b96b0aefb3a2d5681f7f3528adee9f5fedc4bd38bf5865f458cbe",
        "test_accuracy": 89.78,
        "feature_stddevs": (0.3273, 0.3147, 0.7661),
    },
}
"""Data sets that have a reference classifier: the hash of its weights, its accuracy on the test
images in percent, and the standard deviation of each convolution's output before its activation
over 10,000 training images (the root of the mean variance)."""


def load_reference_classifier(name: str) -> keras.Model:
    """Return the trained classifier of a data set.

    Args:
        name: the name of the data set, one of `zoo.metrics.REFERENCE_CLASSIFIERS`.

    Returns:
        a Keras model that maps images in [0, 1], float32 [n, 28, 28, 1], to class probabilities,
        float32 [n, 10].

    Raises:
        ValueError: the data set has no reference classifier, or its weights were altered.

    Examples:
        >>> classifier = zoo.metrics.load_reference_classifier("mnist")
        >>> sevens = zoo.load("cvae_mnist").generate(labels=[7] * 16, seed=0)
        >>> classifier.predict(sevens, verbose=0).argmax(axis=1)
        array([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
    """
    if name not in REFERENCE_CLASSIFIERS:
        raise ValueError(
            f"There is no reference classifier for {name!r}; there are: "
            f"{', '.join(REFERENCE_CLASSIFIERS)}."
        )
    if describe_file(_path(name))["sha256"] != REFERENCE_CLASSIFIERS[name]["sha256"]:
        raise ValueError(f"{_path(name)} was changed; install the package again.")
    classifier = build()
    classifier.load_weights(_path(name))
    return classifier


def reference_features(name: str) -> keras.Model:
    """Return a network from images to the features of a reference classifier's convolutions.

    Args:
        name: the name of the data set, one of `zoo.metrics.REFERENCE_CLASSIFIERS`.

    Returns:
        a Keras model that maps images in [0, 1], float32 [n, 28, 28, 1], to a list of the outputs
        of the three convolutions before their activation: [n, 26, 26, 16], [n, 12, 12, 32],
        [n, 5, 5, 64], float32. Each layer is divided by one number, the root of the mean variance
        of its values over 10,000 training images, so that layers have similar scales. Values below
        0, which the activation sets to 0, are kept.

    Raises:
        ValueError: the data set has no reference classifier, or its weights were altered.

    Examples:
        >>> low, middle, high = zoo.metrics.reference_features("mnist").outputs
        >>> high.shape
        (None, 5, 5, 64)

    Source: Wang et al. 2018 (arXiv 1809.00219), section 3.3, for features before activations.
    """
    x, features = before_activations(load_reference_classifier(name))
    stddevs = REFERENCE_CLASSIFIERS[name]["feature_stddevs"]
    scaled = [
        layers.Rescaling(1 / stddev, name=f"scaled_{i}")(feature)
        for i, (feature, stddev) in enumerate(zip(features, stddevs, strict=True))
    ]
    return keras.Model(x, scaled, name="reference_features")


def before_activations(classifier: keras.Model) -> tuple:
    """Return the input, and the outputs of the three convolutions before their activation."""
    x = stream = keras.Input(classifier.input_shape[1:], name="x")
    features = []
    for i in range(3):
        given = classifier.get_layer(f"conv_{i}")
        linear = layers.Conv2D.from_config({**given.get_config(), "activation": None})
        features.append(linear(stream))
        linear.set_weights(given.get_weights())
        stream = layers.ReLU(name=f"relu_{i}")(features[-1])
    return x, features


def build(image_shape: tuple[int, int, int] = (28, 28, 1)) -> keras.Model:
    """Return the untrained network from images to ten class probabilities.

    The comments show the shapes for images of 28x28.
    """
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(16, 3, activation="relu", name="conv_0"),  # [n, 26, 26, 16]
            layers.Conv2D(32, 3, strides=2, activation="relu", name="conv_1"),  # [n, 12, 12, 32]
            layers.Conv2D(64, 3, strides=2, activation="relu", name="conv_2"),  # [n, 5, 5, 64]
            layers.Flatten(name="flat"),
            layers.Dropout(0.4, seed=1, name="dropout"),
            layers.Dense(10, activation="softmax", name="classes"),
        ],
        name="reference_classifier",
    )


def train(name: str, epochs: int = 8) -> None:
    """Train the classifier of a data set, write its weights, print its `REFERENCE_CLASSIFIERS`."""
    keras.utils.set_random_seed(7)
    (x, y), (x_test, y_test) = data.load(name)
    classifier = build()
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 128), alpha=0.02)
    optimizer = keras.optimizers.Adam(schedule)
    classifier.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    classifier.fit(x, y, batch_size=128, epochs=epochs, verbose=2)
    accuracy = 100 * classifier.evaluate(x_test, y_test, batch_size=500, verbose=0)[1]
    without_optimizer = build()
    without_optimizer.set_weights(classifier.get_weights())
    without_optimizer.save_weights(_path(name))
    print(f'"sha256": "{describe_file(_path(name))["sha256"]}",')
    print(f'"test_accuracy": {accuracy:.2f},')
    outputs = keras.Model(*before_activations(classifier)).predict(x[:10_000], verbose=0)
    stddevs = (float(np.sqrt(output.var(axis=0).mean())) for output in outputs)
    print(f'"feature_stddevs": ({", ".join(f"{stddev:.4f}" for stddev in stddevs)}),')


def _path(name):
    return Path(__file__).parent / f"reference_classifier_{name}.weights.h5"


if __name__ == "__main__":
    train(sys.argv[1])
