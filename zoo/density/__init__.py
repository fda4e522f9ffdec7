"""Densities from the neighbors of points, classifiers made of one density a class, and a copula.

They are scikit-learn estimators: rows are vectors [n, features], in any units.
"""

from zoo.density.classifier import DensityClassifier
from zoo.density.copula import GaussianCopula
from zoo.density.manifold_parzen import ManifoldParzen
from zoo.density.non_local import NonLocalManifoldParzen
from zoo.density.parzen import ParzenWindows

__all__ = [
    "DensityClassifier",
    "GaussianCopula",
    "ManifoldParzen",
    "NonLocalManifoldParzen",
    "ParzenWindows",
]
