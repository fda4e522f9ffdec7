"""Anomaly detection: how unusual images, signals or rows of a table are to a model of the zoo."""

from zoo.anomaly.comparison import compare
from zoo.anomaly.detector import Detector
from zoo.anomaly.ensemble import DetectorEnsemble
from zoo.anomaly.feature_detector import FeatureDetector
from zoo.anomaly.loading import load
from zoo.anomaly.periods import drift
from zoo.anomaly.report import write_report

__all__ = [
    "Detector",
    "DetectorEnsemble",
    "FeatureDetector",
    "compare",
    "drift",
    "load",
    "write_report",
]
