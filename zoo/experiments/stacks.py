"""Stacks of one-layer models as generators: images, and top-down samples from their codes."""

from __future__ import annotations

import numpy as np

import zoo
from zoo import data, metrics, plots
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table
from zoo.metrics.card_metrics import rounded

STACKS = {
    "autoencoders (SAE)": (zoo.Autoencoder, {"tie_weights": True}),
    "denoising autoencoders (SDAE)": (zoo.DenoisingAutoencoder, {"tie_weights": True}),
    "Boltzmann machines (DBN)": (zoo.RBM, {}),
}
WIDTHS = (500, 500, 500)
DRAWS = 8


@experiment(minutes=2)
def stacks(epochs: int = 10, verbose: int | str = 2) -> Table:
    """Compare variations of digits that three stacks of one-layer models generate."""
    (x, _), (x_test, y_test) = data.load("mnist")
    x_test, y_test = x_test[:1000], y_test[:1000]
    classifier = metrics.load_reference_classifier("mnist")

    def share_kept(images, classes):
        found = classifier.predict(images, batch_size=1000, verbose=0).argmax(axis=1)
        return round(100 * float(np.mean(found == classes)), 2)

    rows, pictures = [["test images", None, share_kept(x_test, y_test), None]], {}
    for name, (kind, options) in STACKS.items():
        deep = zoo.Autoencoder(
            (28, 28, 1),
            WIDTHS[-1],
            hidden_units=WIDTHS[:-1],
            activation="sigmoid",
            code_activation="sigmoid",
            seed=SEED,
        )
        options = options | ({"corruption": zoo.Masking(0.25)} if "denoising" in name else {})
        layers = zoo.pretrain(deep, x, kind, epochs=epochs, verbose=verbose, seed=SEED, **options)
        drawn = zoo.top_down_samples(layers, x_test, DRAWS, seed=0)  # [1000, 8, 28, 28, 1]
        rows.append(
            [
                name,
                share_kept(deep.reconstruct(x_test), y_test),
                share_kept(drawn.reshape(-1, 28, 28, 1), y_test.repeat(DRAWS)),
                rounded(drawn.var(axis=1).sum(axis=(1, 2, 3)).mean()),
            ]
        )
        for i in range(4):
            row = name if i == 0 else " " * (len(pictures) + 1)  # keys must differ
            pictures[row] = np.concatenate([x_test[i : i + 1], drawn[i]])
    return Table(
        "Stacks of one-layer models as generators",
        f"MNIST, 784-{'-'.join(map(str, WIDTHS))} sigmoid units, every layer by itself trained for "
        f"{epochs} epochs by Adam on the 60,000 training images, with tied kernels and without "
        "fine-tuning (denoising: 25 % masked). Each of the first 1,000 test images is encoded, and "
        f"{DRAWS} samples go down from its code: the units of every layer are drawn from their "
        "probabilities. Variance between the draws of an image, summed over pixels; class kept: "
        "the reference classifier reads the image's label in the draw, or in the reconstruction, "
        "which draws nothing.",
        (
            "stack of",
            "class kept in reconstructions, %",
            "class kept in draws, %",
            "variance between draws",
        ),
        rows,
        plots.rows_of_images(pictures, "a test image, and eight draws from its code"),
    )
