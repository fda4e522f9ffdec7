"""The checks of scikit-learn that the estimators may fail."""

from __future__ import annotations

_ROUNDING: dict[str, str] = dict.fromkeys(
    ("check_methods_sample_order_invariance", "check_methods_subset_invariance"),
    "networks compute in float32, whose last digits depend on a row's place in a batch",
)
EXPECTED_FAILED_CHECKS: dict[str, dict[str, str]] = {
    "AutoencoderTransformer": _ROUNDING,
    "AutoencoderImputer": {},
    "SemiSupervisedClassifier": _ROUNDING
    | {"check_classifiers_classes": "the check uses the label -1, which means unknown here"},
    "AnomalyDetector": _ROUNDING,
}
"""By class, the scikit-learn checks that may fail, and the reason: `check_estimator(estimator,
expected_failed_checks=EXPECTED_FAILED_CHECKS[name])`."""
