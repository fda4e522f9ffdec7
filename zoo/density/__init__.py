"""Densities estimated from the neighbors of points, and classifiers made of one density a class.

They are scikit-learn estimators: rows are vectors [n, features], in any units.
"""

from zoo.density.classifier import DensityClassifier
from zoo.density.manifold_parzen import ManifoldParzen
from zoo.density.non_local import NonLocalManifoldParzen
from zoo.density.parzen import ParzenWindows

__all__ = ["DensityClassifier", "ManifoldParzen", "NonLocalManifoldParzen", "ParzenWindows"]
