"""Six kinds of autoencoders at one code size."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import zoo
from zoo import data, metrics
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, error, fit
from zoo.plots.picture import Picture

TRAINED, TESTED = 20_000, 5000
CODE = 32
RATE = 1e-3
WEIGHT = 0.1  # of the sparsity
MULTILAYER, DEEP, FILTERS = (256,), (512, 256, 128), (16, 32)
SHOWN = 10
SHAPE = (28, 28, 1)
QUICK = {
    "TRAINED": 50,
    "TESTED": 50,
    "MULTILAYER": (16,),
    "DEEP": (8,),  # two layers to stack
    "FILTERS": (2, 4),
}
LINEAR = {"likelihood": "squared_error", "seed": SEED}  # and linear outputs
NOT_SHOWN = ("vanilla, ReLU code", "deep, sigmoids", "stacked, half as long")


@experiment(minutes=4)
def six_autoencoders(epochs: int = 10, verbose: int | str = 2) -> Table:
    """Compare six kinds of autoencoders with codes of 32 numbers on digits."""
    (x, y), (x_test, y_test) = data.load("mnist")
    x, y, x_test, y_test = x[:TRAINED], y[:TRAINED], x_test[:TESTED], y_test[:TESTED]
    rows, pictures = [], {"test images": x_test[:SHOWN]}

    def measure(name: str, model: Any) -> None:
        probe = metrics.linear_probe_accuracy(model, (x, y), (x_test, y_test))
        zeros = 100 * float(np.mean(model.encode(x_test) == 0))
        errors = error(model, x_test), error(model, x)
        rows.append([name, parameters(model), *errors, round(zeros, 1), round(probe, 1)])
        pictures[name] = np.clip(model.reconstruct(x_test)[:SHOWN], 0, 1)
        if verbose:
            print(*rows[-1], flush=True)

    measure("PCA", pca(x))
    for name, model in models().items():
        fit(model, x, epochs, RATE, verbose)
        measure(name, model)
    stack = deep("sigmoid")
    train_layers(stack, x, epochs, verbose)
    measure("stacked", stack)
    before = (epochs + 1) // 2
    stack = deep("sigmoid")
    train_layers(stack, x, before, verbose)
    measure("stacked, half as long", stack)
    fit(stack, x, max(1, epochs - before), RATE, verbose)
    measure("stacked, fine-tuned", stack)
    return Table(
        "Six kinds of autoencoders",
        f"The first {TRAINED:,} training images and the first {TESTED:,} test images of MNIST; "
        f"codes of {CODE} numbers, linear where nothing else is said, linear outputs, squared "
        f"error; batches of 128, Adam with a rate that falls from {RATE:g} to a hundredth of it by "
        f"a cosine, {epochs} epochs, seed {SEED}. Vanilla: the code is the only hidden layer. "
        f"Regularized: a ReLU code, and {WEIGHT:g} times the sum of the code added to the loss. "
        f"Multilayer: a layer of {MULTILAYER[0]} ReLUs on each side of the code. Deep: {DEEP} "
        "ReLUs or sigmoids on each side. Convolutional: two convolutions with stride 2, of "
        f"{FILTERS} channels, and their mirror image. Stacked: the layers of the deep one with "
        "sigmoids, each trained as an autoencoder of its own for all epochs. Half as long: for "
        "half of the epochs. Fine-tuned: then all together for the other half. PCA is not trained. "
        "Errors: squared, summed over pixels, per image. Zeros: the part of the numbers in codes "
        "of test images that are exactly 0. Probe: the accuracy on test images of a logistic "
        "regression on the codes that was fitted to the training images.",
        ("autoencoder", "parameters", "test error", "training error", "zeros, %", "probe, %"),
        rows,
        picture(pictures, rows),
    )


def models() -> dict[str, Any]:
    """Return the models that are trained as a whole, by name."""
    one_layer: dict[str, Any] = {"hidden_units": (), "code_activation": "relu", **LINEAR}
    return {
        "vanilla": zoo.Autoencoder(SHAPE, CODE, hidden_units=(), **LINEAR),
        "vanilla, ReLU code": zoo.Autoencoder(SHAPE, CODE, **one_layer),
        "regularized (sparse)": zoo.SparseAutoencoder(
            SHAPE, CODE, penalty="l1", weight=WEIGHT, **one_layer
        ),
        "multilayer": zoo.Autoencoder(SHAPE, CODE, hidden_units=MULTILAYER, **LINEAR),
        "deep": deep("relu"),
        "deep, sigmoids": deep("sigmoid"),
        "convolutional": zoo.Autoencoder(SHAPE, CODE, filters=FILTERS, hidden_units=(), **LINEAR),
    }


def deep(activation: str) -> Any:
    """Return the deep model, not trained."""
    return zoo.Autoencoder(SHAPE, CODE, hidden_units=DEEP, activation=activation, **LINEAR)


def pca(x: np.ndarray) -> Any:
    """Return the vanilla autoencoder whose weights are the principal components of images."""
    from sklearn.decomposition import PCA

    found = PCA(CODE, svd_solver="covariance_eigh").fit(x.reshape(len(x), -1))
    model = zoo.Autoencoder(SHAPE, CODE, hidden_units=(), **LINEAR)
    model.encoder.set_weights([found.components_.T, -found.components_ @ found.mean_])
    model.decoder.set_weights([found.components_, found.mean_])
    return model


def train_layers(stack: Any, x: np.ndarray, epochs: int, verbose: int | str) -> None:
    """Train each layer of a deep model as an autoencoder of the codes of the layer before it.

    The layers on codes use the cross-entropy, which ends their decoders in the sigmoids that the
    deep decoder has in these places.
    """
    keras.utils.set_random_seed(SEED)
    widths = (*DEEP, CODE)
    layers = [
        zoo.Autoencoder(
            (widths[i - 1],) if i else SHAPE,
            width,
            hidden_units=(),
            code_activation="sigmoid" if width != CODE else None,
            likelihood="bernoulli" if i else "squared_error",
            seed=SEED,
        )
        for i, width in enumerate(widths)
    ]
    schedule = keras.optimizers.schedules.CosineDecay(RATE, epochs * -(-len(x) // 128), alpha=0.01)
    optimizer = keras.optimizers.Adam(schedule)
    zoo.pretrain(stack, x, layers, epochs=epochs, optimizer=optimizer, verbose=verbose)


def parameters(model: Any) -> int:
    """Return the number of weights of encoder and decoder."""
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))


def picture(pictures: dict[str, np.ndarray], rows: list) -> Picture:
    """Draw reconstructions, and beside each row its test error and the probe's accuracy."""
    figure = Picture(figsize=(12.8, 8), dpi=100, layout="constrained")
    grid = figure.add_gridspec(1, 3, width_ratios=(5, 2, 2))
    axes = figure.add_subplot(grid[0])
    shown = {name: images for name, images in pictures.items() if name not in NOT_SHOWN}
    images = np.concatenate(list(shown.values()))
    axes.imshow(zoo.plots.tile(images, SHOWN)[..., 0], cmap="gray_r", vmin=0, vmax=1, aspect="auto")
    names = [name.replace(" (", "\n(").replace(", ", ",\n") for name in shown]
    places = 29 * np.arange(len(names)) + 14
    axes.set_yticks(places, names, fontsize=14)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    rows = [row for row in rows if row[0] in shown]
    columns = (("test error", 2, "%.1f", "C0"), ("probe accuracy, %", 5, "%.0f", "C1"))
    for i, (title, column, form, color) in enumerate(columns, 1):
        beside = figure.add_subplot(grid[i])
        values = [row[column] for row in rows]
        bars = beside.barh(places[1:], values, height=16, color=color)
        beside.bar_label(bars, fmt=form, fontsize=15, padding=4)
        beside.set_ylim(axes.get_ylim())
        beside.set_xlim(0, 1.25 * max(values))
        beside.set(xticks=[], yticks=[])
        beside.spines[:].set_visible(False)
        beside.set_title(title, fontsize=15)
    figure.suptitle(f"Six kinds of autoencoders restore digits from {CODE} numbers", fontsize=17)
    return figure
