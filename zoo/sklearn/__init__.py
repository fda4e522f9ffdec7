"""Autoencoders as scikit-learn estimators, for pipelines, grid searches and `joblib`.

Rows are vectors [n, features]; give images as flat rows, and their shape to the model as
`image_shape=`.
"""

from zoo.sklearn.anomaly_detector import AnomalyDetector
from zoo.sklearn.checks import EXPECTED_FAILED_CHECKS
from zoo.sklearn.classifier import SemiSupervisedClassifier
from zoo.sklearn.imputer import AutoencoderImputer
from zoo.sklearn.transformer import AutoencoderTransformer

__all__ = [
    "EXPECTED_FAILED_CHECKS",
    "AnomalyDetector",
    "AutoencoderImputer",
    "AutoencoderTransformer",
    "SemiSupervisedClassifier",
]
