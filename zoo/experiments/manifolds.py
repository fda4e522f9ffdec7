"""Embeddings of images in two dimensions, by autoencoders and by scikit-learn."""

from __future__ import annotations

import zoo
from zoo import data, plots
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit


@experiment(minutes=10)
def manifolds(epochs: int = 20, verbose: int | str = 2) -> Table:
    """Embed digits in two dimensions by autoencoders and by methods of scikit-learn."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, Isomap, LocallyLinearEmbedding, trustworthiness

    (x_train, _), (x, y) = data.load("mnist")
    x, y = x[:5000], y[:5000]
    flat = x.reshape(len(x), -1)
    lle = LocallyLinearEmbedding(n_neighbors=10, random_state=SEED)
    plain = zoo.Autoencoder((28, 28, 1), 2, seed=SEED)
    fit(plain, x_train, epochs, 1e-3, verbose)
    methods = {
        "PCA": lambda: PCA(2, random_state=SEED).fit_transform(flat),
        "Isomap": lambda: Isomap(n_neighbors=10).fit_transform(flat),
        "LLE": lambda: lle.fit_transform(flat),
        "t-SNE": lambda: TSNE(random_state=SEED).fit_transform(flat),
        "Autoencoder": lambda: plain.encode(x),
        "vae_mnist_2d": lambda: zoo.load("vae_mnist_2d").encode(x),
    }
    codes, rows = {}, []
    for name, embed in methods.items():
        codes[name] = embed()
        row = [name, round(float(trustworthiness(flat, codes[name], n_neighbors=12)), 3)]
        rows.append([*row, "yes" if name in ("PCA", "Autoencoder", "vae_mnist_2d") else "no"])
    return Table(
        "Digits in two dimensions",
        f"{len(x):,} test images of MNIST; trustworthiness at 12 neighbors (scikit-learn): 1 "
        "where all neighbors in two dimensions are neighbors among the images. Isomap and LLE "
        "with 10 neighbors, t-SNE at its defaults, all four fitted to these images; the "
        f"autoencoder (784-512-256-2, {epochs} epochs) and the preset were trained on the training "
        "images.",
        ("method", "trustworthiness", "decodes"),
        rows,
        plots.scatters(codes, y, own_scales=True),
    )
