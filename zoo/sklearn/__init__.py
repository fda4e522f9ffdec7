"""Autoencoders as scikit-learn estimators, for pipelines, grid searches and `joblib`.

Rows are vectors [n, features]; images are given as flat rows, and by `image_shape=` to the model.
"""

from zoo.sklearn.anomaly_detector import AnomalyDetector
from zoo.sklearn.checks import EXPECTED_FAILED_CHECKS
from zoo.sklearn.classifier import SemiSupervisedClassifier
from zoo.sklearn.transformer import AutoencoderTransformer

__all__ = [
    "EXPECTED_FAILED_CHECKS",
    "AnomalyDetector",
    "AutoencoderTransformer",
    "SemiSupervisedClassifier",
]
