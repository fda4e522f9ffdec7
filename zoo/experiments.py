"""Comparisons that lectures make, each one command that trains, measures and writes a table.

`zoo reproduce NAME` writes `results/NAME.json`, with what was reported beside what was obtained,
and a picture where there is one. The README shows all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

import zoo
from zoo import data, plots, recipes, training
from zoo.evaluation import measures
from zoo.folders import write_file
from zoo.spelling import UnknownNameError

SEED = 1


@dataclass(frozen=True)
class Table:
    """What an experiment found.

    Attributes:
        title: one line.
        protocol: data, networks, epochs, what a figure means.
        columns: their names; the first names the row.
        rows: as many values each.
        figure: a picture, or None.
    """

    title: str
    protocol: str
    columns: tuple[str, ...]
    rows: list[list[Any]]
    figure: Figure | None = None


def reproduce(name: str, out="results", *, epochs: int | None = None, verbose=2) -> Table:
    """Run an experiment and write its table (and picture) into a folder.

    Args:
        name: in `EXPERIMENTS`.
        out: folder to write to; what an earlier run wrote there under the name is replaced.
        epochs: of each training, other than the experiment's own.
        verbose: as in `keras.Model.fit`.

    Raises:
        UnknownNameError: there is no such experiment; the nearest names are given.
    """
    if name not in EXPERIMENTS:
        raise UnknownNameError("experiment", name, EXPERIMENTS)
    experiment = EXPERIMENTS[name]
    table = experiment(**({"epochs": epochs} if epochs else {}), verbose=verbose)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "name": name,
        "title": table.title,
        "protocol": table.protocol,
        "seed": SEED,
        "command": f"zoo reproduce {name}" + (f" --epochs {epochs}" if epochs else ""),
        "versions": {"autoencoder-zoo": zoo.__version__, "keras": keras.__version__},
        "columns": table.columns,
        "rows": table.rows,
        "picture": f"{name}.png" if table.figure else None,
    }
    if table.figure:
        plots.save_small(table.figure, folder / f"{name}.png")
    write_file(folder / f"{name}.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return table


def corruption_levels(epochs: int = 15, verbose=2) -> Table:
    """Compare one-layer models trained at several levels of masking noise: filters, restoration."""
    (x, _), (x_test, _) = data.load("mnist")
    tests = {
        "25 % masked": zoo.Masking(0.25),
        "50 % masked": zoo.Masking(0.5),
        "10 % salt and pepper": zoo.SaltAndPepper(0.1),
    }
    damaged = {name: corruption.sample(x_test, seed=0) for name, corruption in tests.items()}
    rows = [["the damaged images", *(_decibels(d, x_test) for d in damaged.values())]]
    models = {}
    for level in (0.0, 0.1, 0.2, 0.5):
        name = f"trained at {level:.0%} masked" if level else "ordinary autoencoder"
        model = zoo.DenoisingAutoencoder(
            (28, 28, 1),
            500,
            hidden=(),
            code_activation="sigmoid",
            tied=True,
            corruption=zoo.Masking(level),
            seed=SEED,
        )
        _fit(model, x, epochs, 2e-3, verbose)
        rows.append([name, *(_decibels(model.reconstruct(d), x_test) for d in damaged.values())])
        models[name] = model
    return Table(
        "Denoising: what corruption in training does",
        f"MNIST, 784-500 sigmoid units with tied kernels, {epochs} epochs on the 60,000 training "
        "images; peak signal-to-noise ratio in dB of the 10,000 test images, damaged with seed 0, "
        "after passing through the model.",
        ("model", *tests),
        rows,
        plots.filters_of_several(models),
    )


def deep_pretraining(epochs: int = 60, verbose=2) -> Table:
    """Train 784-1000-500-250-30 with and without a stack of Boltzmann machines to start from."""
    (x, _), (x_test, _) = data.load("mnist")
    recipe = recipes.get("deep_belief_ae_mnist")
    errors = {}
    for pretrained in (True, False):
        keras.utils.set_random_seed(SEED)
        model = training.make_model(recipe)
        if pretrained:
            training.start_layers(model, recipe, x, verbose)
            errors["unrolled, not fine-tuned"] = _error(model, x_test)
        _fit(model, x, epochs, recipe.optimizer["learning_rate"], verbose)
        errors["fine-tuned" if pretrained else "without pre-training"] = _error(model, x_test)
    rows = [
        ["PCA, 30 dimensions", 13.87, _pca_error(x, x_test, 30)],
        ["unrolled, not fine-tuned", None, errors["unrolled, not fine-tuned"]],
        ["RBM pre-training, fine-tuned", 3.00, errors["fine-tuned"]],
        ["without pre-training", None, errors["without pre-training"]],
    ]
    return Table(
        "A deep autoencoder with and without pre-training",
        "MNIST, 784-1000-500-250-30 with sigmoid layers and a linear code, "
        f"{recipe.pretraining['epochs']} epochs a Boltzmann machine, then {epochs} epochs of "
        "fine-tuning by Adam (cross-entropy) on the 60,000 training images; squared error summed "
        "over pixels per test image, pixels in [0, 1]. Reported: Hinton and Salakhutdinov 2006, by "
        "conjugate gradients.",
        ("model", "reported", "obtained"),
        rows,
    )


def sparsity(epochs: int = 40, verbose=2) -> Table:
    """Train the model of `sparse_ae_mnist` with its penalty and without."""
    (x, _), (x_test, _) = data.load("mnist")
    recipe = recipes.get("sparse_ae_mnist")
    rows = []
    for weight in (recipe.model["weight"], 0.0):
        recipe.model["weight"] = weight
        model = training.make_model(recipe)
        _fit(model, x, epochs, recipe.optimizer["learning_rate"], verbose)
        logs = model.evaluate(x_test, verbose=0, return_dict=True)
        rows.append(
            [
                f"penalty of weight {weight:g}" if weight else "no penalty",
                _rounded(model.encode(x_test).mean()),
                _rounded(logs["reconstruction"]),
                _error(model, x_test),
            ]
        )
    return Table(
        f"Sparsity: a mean activity of {recipe.model['rho']:g} asked for",
        f"MNIST, {recipe.model['latent_dim']} sigmoid units with tied kernels, {epochs} epochs on "
        "the 60,000 training images; means over the 10,000 test images.",
        ("model", "mean activity", "cross-entropy in nats", "squared error"),
        rows,
    )


def manifolds(epochs: int | None = None, verbose=2) -> Table:
    """Put digits into two dimensions by autoencoders and by scikit-learn's methods."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, Isomap, LocallyLinearEmbedding, trustworthiness

    del epochs, verbose  # the networks are presets
    _, (x, y) = data.load("mnist")
    x, y = x[:5000], y[:5000]
    flat = x.reshape(len(x), -1)
    lle = LocallyLinearEmbedding(n_neighbors=10, random_state=SEED)
    methods = {
        "PCA": lambda: PCA(2, random_state=SEED).fit_transform(flat),
        "Isomap": lambda: Isomap(n_neighbors=10).fit_transform(flat),
        "LLE": lambda: lle.fit_transform(flat),
        "t-SNE": lambda: TSNE(random_state=SEED).fit_transform(flat),
        "vae_mnist_2d": lambda: zoo.load("vae_mnist_2d").encode(x),
    }
    codes, rows = {}, []
    for name, embed in methods.items():
        codes[name] = embed()
        row = [name, round(float(trustworthiness(flat, codes[name], n_neighbors=12)), 3)]
        rows.append([*row, "yes" if name in ("PCA", "vae_mnist_2d") else "no"])
    return Table(
        "Digits in two dimensions",
        f"{len(x):,} test images of MNIST; trustworthiness at 12 neighbours (scikit-learn): 1 "
        "where all neighbours in two dimensions are neighbours among the images. Isomap and LLE "
        "with 10 neighbours, t-SNE at its defaults; all but the autoencoder, which was trained on "
        "the training images, were fitted to these images.",
        ("method", "trustworthiness", "decodes"),
        rows,
        plots.scatters(codes, y),
    )


EXPERIMENTS = {
    "corruption_levels": corruption_levels,
    "deep_pretraining": deep_pretraining,
    "manifolds": manifolds,
    "sparsity": sparsity,
}


def _fit(model, x, epochs, rate, verbose):
    keras.utils.set_random_seed(SEED)
    steps = epochs * -(-len(x) // 128)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(x, epochs=epochs, verbose=verbose)


def _error(model, x):
    return _rounded(measures.reconstruction_error(model, x))


def _decibels(restored, x):
    return round(measures.psnr(restored, x), 2)


def _pca_error(x, x_test, dimensions):
    from sklearn.decomposition import PCA

    x, x_test = (np.reshape(a, (len(a), -1)) for a in (x, x_test))
    pca = PCA(dimensions, svd_solver="covariance_eigh").fit(x)
    restored = pca.inverse_transform(pca.transform(x_test))
    return _rounded(np.sum((x_test - restored) ** 2) / len(x_test))


def _rounded(value):
    return float(f"{value:.4g}")
