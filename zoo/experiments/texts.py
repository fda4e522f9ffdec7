"""Semantic hashing: codes of postings, beside TF-IDF and latent semantic analysis."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer

from zoo import data
from zoo.experiments.panels import label
from zoo.experiments.registry import experiment
from zoo.experiments.table import SEED, Table, fit
from zoo.metrics.retrieval import RECALLS, Retrieval, retrieval
from zoo.models.binary import BinaryAutoencoder
from zoo.models.classical import DenoisingAutoencoder
from zoo.models.rbm import RBM
from zoo.nn.distributions import Multinomial
from zoo.plots.picture import Picture
from zoo.plots.sheets import class_color, scatter
from zoo.pretraining.stacks import pretrain
from zoo.search import bits

EPOCHS = 30
PRETRAINING = 20  # epochs of each Boltzmann machine
LONG, SHORT = 128, 20  # bits
RADIUS = 4  # bits of 20 in which a text of the shortlist may differ
UNITS, WIDE, OF_PLANE = (500, 500), (1000,), (500, 250, 125)  # of the hidden layers
MASKING = 0.5
NOISE = 1.0
BALANCE = {LONG: 1.0, SHORT: 10.0}
# Searches in the picture, and how their lines are drawn.
DRAWN = {
    "TF-IDF": "--",
    f"LSA, {LONG} components": "--",
    f"2000-1000-{LONG}, bits": "-",
    f"2000-500-500-{LONG}, bits": "-",
    f"2000-500-500-{SHORT}, bits": "-",
    f"TF-IDF on the shortlist of {SHORT} bits": ":",
}
SUBJECTS = ("religion", "computers", "for sale", "recreation", "science", "politics")
SUBJECT_OF_GROUP = (0, *[1] * 5, 2, *[3] * 4, *[4] * 4, 0, *[5] * 3, 0)
SHOWN = (0.001, 0.008, 0.064, 0.256, 0.512)  # recalls in the table
QUICK = {"UNITS": (16, 16), "WIDE": (32,), "OF_PLANE": (16, 16, 8)}


@experiment(minutes=6)
def semantic_hashing(epochs: int = EPOCHS, verbose: int | str = 2) -> Table:
    """Search postings of 20 Newsgroups by codes, by TF-IDF, and by latent semantic analysis."""
    (x, _), (x_test, y) = data.load("newsgroups")
    tfidf, lsa = _baselines(x, x_test)
    deep = _hashing(x, LONG, UNITS, epochs, verbose)
    noisy = _hashing(x, LONG, UNITS, epochs, verbose, noisy=True)
    stacked = _hashing(x, LONG, UNITS, epochs, verbose, min(epochs, PRETRAINING), noisy=True)
    shallow = _hashing(x, LONG, WIDE, epochs, verbose, balance=3.0)
    short = _hashing(x, SHORT, UNITS, epochs, verbose)
    shortlist = short.encode(x_test)

    def on_shortlist(rows, columns):
        """Return distances by TF-IDF, plus 2 beyond the shortlist."""
        first = tfidf.shape[1]
        apart = 1.0 - rows[:, :first] @ columns[:, :first].T
        return apart + 2.0 * (bits.distances(rows[:, first:], columns[:, first:]) > RADIUS)

    searched: dict[str, tuple[np.ndarray, Any]] = {
        "TF-IDF": (tfidf, "cosine"),
        f"LSA, {LONG} components": (lsa(LONG), "cosine"),
        f"LSA, {SHORT} components": (lsa(SHORT), "cosine"),
        f"2000-1000-{LONG}, sigmoids": (shallow.bit_probabilities(x_test), "cosine"),
        f"2000-1000-{LONG}, bits": (shallow.encode(x_test), "hamming"),
        f"2000-500-500-{LONG}, sigmoids": (deep.bit_probabilities(x_test), "cosine"),
        f"2000-500-500-{LONG}, bits": (deep.encode(x_test), "hamming"),
        "the same, bits by noise": (noisy.encode(x_test), "hamming"),
        "the same, by noise, pre-trained": (stacked.encode(x_test), "hamming"),
        f"2000-500-500-{SHORT}, bits": (shortlist, "hamming"),
        f"TF-IDF on the shortlist of {SHORT} bits": (
            np.concatenate([tfidf, shortlist], axis=1),
            on_shortlist,
        ),
    }
    found = {name: retrieval(codes, y, metric=how) for name, (codes, how) in searched.items()}
    listed = bits.distances(shortlist[:1000], shortlist) <= RADIUS
    plane = _plane(x, epochs, verbose).encode(x_test), lsa(2)
    rows = [_row(name, one) for name, one in found.items()]
    two = zip(("2000-500-250-125-2", "LSA, 2 components"), plane, strict=True)
    rows += [_row(name, retrieval(codes, y, metric="euclidean")) for name, codes in two]
    return Table(
        "Postings found by postings of the same group",
        "20 Newsgroups, split by date: 11,314 training and 7,532 test postings, as counts of the "
        "2,000 commonest stems without stop words. Each test posting is searched among the other "
        "test postings; those of its group are right. Precision in percent where a recall is "
        "reached, averaged over queries; equal distances in random order. TF-IDF and LSA (of "
        "TF-IDF) by cosine, sigmoids by cosine, bits by the number of different ones, "
        f"two-dimensional codes by distance. Networks: {epochs} epochs, {MASKING:.0%} of the words "
        "masked in training, bits by rounding or by noise of standard deviation "
        f"{NOISE:g} before the sigmoids, balance {BALANCE[LONG]:g} for {LONG} bits (3 for "
        f"2000-1000-{LONG}) and {BALANCE[SHORT]:g} for {SHORT}; pre-trained layers "
        f"are Boltzmann machines, {min(epochs, PRETRAINING)} epochs each. A shortlist holds the "
        f"texts that differ in at most {RADIUS} of {SHORT} bits, "
        f"{100 * listed.mean():.1f} % of all; the others follow it. Settings were chosen on 1,314 "
        "training postings that were held out.",
        (
            "codes",
            "mean average precision",
            "precision at 10",
            *(f"at {100 * r:g} %" for r in SHOWN),
        ),
        rows,
        _picture(found, dict(zip(("autoencoder", "LSA"), plane, strict=True)), y),
    )


def _baselines(x, x_test) -> tuple:
    """Return TF-IDF of the test texts, and a function to their LSA of k components."""
    weights = TfidfTransformer().fit(x)
    train, test = weights.transform(x), weights.transform(x_test)

    def lsa(k):
        return TruncatedSVD(k, random_state=SEED).fit(train).transform(test)

    return np.asarray(test.toarray(), "float32"), lsa


def _hashing(
    x, length, units, epochs, verbose, pretrained=0, noisy=False, balance=None
) -> BinaryAutoencoder:
    """Return a trained binary autoencoder of word counts.

    Args:
        x: counts [n, words]. length: bits. units: of the hidden layers.
        pretrained: epochs of the Boltzmann machines; 0 for none, and ReLUs in place of sigmoids.
        noisy: whether noise before the sigmoids makes bits, as in the paper, and not rounding.
    """
    keras.utils.set_random_seed(SEED)
    model = BinaryAutoencoder(
        x.shape[1:],
        length,
        binarization="noise" if noisy else "rounding",
        noise=NOISE,
        balance=BALANCE[length] if balance is None else balance,
        corruption={"masking": MASKING},
        hidden_units=units,
        activation="sigmoid" if pretrained else "relu",
        likelihood=Multinomial.adapted(x),
        seed=SEED,
    )
    if pretrained:
        pretrain(model, x, RBM, epochs=pretrained, verbose=verbose)
    fit(model, x, epochs, 1e-3, verbose)
    return model


def _plane(x, epochs, verbose) -> DenoisingAutoencoder:
    """Return a trained autoencoder of word counts with codes of two numbers."""
    keras.utils.set_random_seed(SEED)
    model = DenoisingAutoencoder(
        x.shape[1:],
        2,
        corruption={"masking": MASKING},
        hidden_units=OF_PLANE,
        likelihood=Multinomial.adapted(x),
        seed=SEED,
    )
    fit(model, x, epochs, 1e-3, verbose)
    return model


def _row(name: str, found: Retrieval) -> list:
    at = dict(zip(RECALLS, found.precisions.tolist(), strict=True))
    values = (found.mean_average_precision, found.precision_at_k, *(at[r] for r in SHOWN))
    return [name, *(round(100 * value, 1) for value in values)]


def _picture(found: dict[str, Retrieval], plane: dict, y) -> Picture:
    """Draw precision by recall, and two-dimensional codes, colored by subject."""
    figure = Picture(figsize=(12.8, 6), dpi=100, layout="constrained")
    curve, *planes = figure.subplots(1, 3)
    for i, (name, line) in enumerate(DRAWN.items()):
        recalls, precisions = found[name].recalls[:-1], found[name].precisions[:-1]
        curve.plot(100 * recalls, 100 * precisions, line, label=name, color=class_color(i))
    curve.set_xscale("log")
    label(curve, "search for texts of the same group", "recall, %", "precision, %")
    for axes, (name, codes) in zip(planes, plane.items(), strict=True):
        scatter(figure, axes, codes, np.array(SUBJECT_OF_GROUP)[y], SUBJECTS)
        low, high = np.percentile(codes, [1, 99], axis=0)
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
        axes.set_title(f"two dimensions: {name}", fontsize=13)
        legend = axes.get_legend()
        axes.legend(
            legend.legend_handles,
            [text.get_text() for text in legend.get_texts()],
            title="subject of the group",
            loc="upper center",
            bbox_to_anchor=(0.5, -0.02),
            ncols=2,
            fontsize=12,
            frameon=False,
        )
    return figure
