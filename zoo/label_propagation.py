"""Labels for all codes from the few that are known, by scikit-learn.

Each function takes codes, float [n, latent_dim], and labels, integers [n] with -1 where unknown,
and returns a label for every code, int32 [n]. `METHODS` has them by name.
"""

from __future__ import annotations

import numpy as np


def spread(codes, y, *, neighbors: int = 10, alpha: float = 0.99) -> np.ndarray:
    """Let labels flow between near neighbors until they settle; known ones may change too.

    Neighbors at distance d are tied by exp(-d^2 / (m / 2)), m the median of the squared distance
    to the last of them.

    Args:
        neighbors: of every code.
        alpha: the share of a code's label that comes from its neighbors, in (0, 1).

    Source: Zhou et al. 2003 (NeurIPS 16), Learning with local and global consistency.
    """
    from sklearn.neighbors import kneighbors_graph
    from sklearn.semi_supervised import LabelSpreading

    def affinity(a, _):
        graph = kneighbors_graph(a, neighbors, mode="distance", n_jobs=-1)
        last = graph.data.reshape(-1, neighbors).max(axis=1)
        width = max(np.median(last**2), 1e-12)  # 0 where most codes have so many twins
        graph.data = np.exp(-(graph.data**2) / (0.5 * width))
        return graph.maximum(graph.T)

    neighbors = min(neighbors, len(codes) - 1)
    spreading = LabelSpreading(kernel=affinity, alpha=alpha, max_iter=300, tol=1e-5 * len(codes))
    return spreading.fit(codes, y).transduction_.astype("int32")


def svm(codes, y) -> np.ndarray:
    """Fit a support vector machine with a Gaussian kernel to the labeled codes alone."""
    known = y >= 0
    return _machine().fit(codes[known], y[known]).predict(codes).astype("int32")


def self_train(codes, y, *, rounds: int = 10) -> np.ndarray:
    """Fit the machine again and again, each time with its surest guesses as further labels.

    How sure it is says a calibration by cross-validation, for which every class needs two labels.

    Args:
        rounds: after which a fifth of the unlabeled codes have a label to learn from.

    Source: Yarowsky 1995 (doi 10.3115/981658.981684).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.semi_supervised import SelfTrainingClassifier

    fewest = np.bincount(y[y >= 0]).min()
    if fewest < 2:
        raise ValueError(
            "Self-training needs at least two labeled images of each class, to tell how sure its "
            "guesses are; label more, or use 'spreading' or 'svm'."
        )
    surer = CalibratedClassifierCV(_machine(), ensemble=False, cv=min(5, fewest))
    each = max(1, int(np.sum(y < 0)) // (5 * rounds))
    teacher = SelfTrainingClassifier(surer, criterion="k_best", k_best=each, max_iter=rounds)
    return teacher.fit(codes, y).predict(codes).astype("int32")


def _machine():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(C=10.0))


METHODS = {"spreading": spread, "self_training": self_train, "svm": svm}
