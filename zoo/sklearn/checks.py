"""The checks of scikit-learn that the estimators may fail."""

from __future__ import annotations

_ROUNDING: dict[str, str] = dict.fromkeys(
    ("check_methods_sample_order_invariance", "check_methods_subset_invariance"),
    "networks compute in float32, whose last digits depend on a row's place in a batch",
)
EXPECTED_FAILED_CHECKS: dict[str, dict[str, str]] = {
    "AutoencoderTransformer": _ROUNDING,
    "SemiSupervisedClassifier": _ROUNDING
    | {"check_classifiers_classes": "of the labels -1 and 1, -1 means unknown here"},
    "AnomalyDetector": _ROUNDING,
}
"""By class, the checks of scikit-learn that may fail, and why: `check_estimator(estimator,
expected_failed_checks=EXPECTED_FAILED_CHECKS[name])`."""
