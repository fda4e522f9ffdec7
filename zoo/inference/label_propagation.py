"""Label propagation: labels for all codes from a few labeled ones, by scikit-learn.

Each function takes codes, float [n, latent_dim], and labels, integers [n] with -1 for unknown
labels, and returns a label for every code, int32 [n]. `METHODS` lists the functions by name. They
raise a ValueError if codes and labels differ in number, or if too few classes have a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse


def neighbor_graph(codes: np.ndarray, neighbors: int = 10) -> sparse.csr_matrix:
    """Return the affinities of all pairs of codes, [n, n]: 0 unless one is a neighbor of the other.

    The affinity of neighbors at distance d is exp(-d^2 / (m / 2)), where m is the median of the
    squared distance to the farthest neighbor.

    Args:
        neighbors: the number of nearest neighbors of every code.

    Examples:
        >>> graph = zoo.inference.label_propagation.neighbor_graph(np.eye(4), neighbors=2)
        >>> graph.shape
        (4, 4)
    """
    from sklearn.neighbors import kneighbors_graph

    neighbors = min(neighbors, len(codes) - 1)
    graph = kneighbors_graph(codes, neighbors, mode="distance", n_jobs=-1)
    last = graph.data.reshape(-1, neighbors).max(axis=1)
    width = max(np.median(last**2), 1e-12)  # 0 if most codes have `neighbors` equal codes
    graph.data = np.exp(-(graph.data**2) / (0.5 * width))
    return graph.maximum(graph.T)


def spread(
    codes: np.ndarray,
    y: np.ndarray,
    *,
    neighbors: int = 10,
    alpha: float | None = None,
    graph: sparse.csr_matrix | None = None,
) -> np.ndarray:
    """Spread labels between nearest neighbors until they converge; known labels may change.

    W are the affinities, D their row sums, S = D^(-1/2) W D^(-1/2), and Y [n, classes] is 1 where a
    label is known and else 0. The label of a code is the place of the largest value in its row of
    F = (I - alpha S)^(-1) Y. Here each column of Y is divided by the number of labels of its class:
    otherwise a class with many labels would take over those with few.

    Args:
        neighbors: the number of neighbors of every code.
        alpha: the weight of the neighbors in the label of a code, in (0, 1). None: 1 - 1 / t with
            t = sqrt(20 n / labels) for n codes, which is 0.99 for 100 labels among 50,000. A label
            travels about t steps, and has to go farther where labels are rare.
        graph: the `neighbor_graph` of the codes, if it is known; it does not depend on y.

    Source: Zhou et al. 2003 (NeurIPS 16), Learning with local and global consistency.
    """
    from sklearn.semi_supervised import LabelSpreading

    _check(codes, y, classes=1)

    def affinity(a, _):
        return neighbor_graph(a, neighbors) if graph is None else graph

    if alpha is None:
        alpha = 1 - 1 / np.sqrt(20 * len(y) / np.sum(y >= 0))
    spreading = LabelSpreading(kernel=affinity, alpha=alpha, max_iter=300, tol=1e-5 * len(codes))
    spreading.fit(codes, y)
    # F is linear in the columns of Y, and scikit-learn has divided each of its rows by a number.
    labels = np.bincount(y[y >= 0])[spreading.classes_]
    balanced = spreading.label_distributions_ / labels
    return spreading.classes_[balanced.argmax(axis=1)].astype("int32")


def svm(codes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fit a support vector machine with a Gaussian kernel to the labeled codes only."""
    _check(codes, y, classes=2)
    known = y >= 0
    return _machine().fit(codes[known], y[known]).predict(codes).astype("int32")


def self_train(codes: np.ndarray, y: np.ndarray, *, rounds: int = 10) -> np.ndarray:
    """Fit the vector machine repeatedly; its most certain predictions become further labels.

    The certainty is calibrated by cross-validation, so every class needs two labels.

    Args:
        rounds: the number of rounds; in all of them together, a fifth of the unlabeled codes get a
            label.

    Source: Yarowsky 1995 (doi 10.3115/981658.981684).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.semi_supervised import SelfTrainingClassifier

    _check(codes, y, classes=2)
    fewest = np.unique(y[y >= 0], return_counts=True)[1].min()
    if fewest < 2:
        raise ValueError(
            "Self-training needs at least two labeled images of each class, to estimate the "
            "certainty of predictions; label more, or use 'spreading' or 'svm'."
        )
    surer = CalibratedClassifierCV(_machine(), ensemble=False, cv=min(5, fewest))
    each = max(1, int(np.sum(y < 0)) // (5 * rounds))
    teacher = SelfTrainingClassifier(surer, criterion="k_best", k_best=each, max_iter=rounds)
    return teacher.fit(codes, y).predict(codes).astype("int32")


def _check(codes: np.ndarray, y: np.ndarray, classes: int) -> None:
    if np.shape(y) != (len(codes),):
        raise ValueError(
            f"There are {len(codes)} codes, and labels of shape {np.shape(y)}; give one label for "
            "each code, and -1 where it is unknown."
        )
    found = len(np.unique(y[y >= 0]))
    if found < classes:
        raise ValueError(
            f"{found} classes have a label, and {classes} are needed; -1 stands for unknown labels."
        )


def _machine():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=10.0))


METHODS = {"spreading": spread, "self_training": self_train, "svm": svm}
