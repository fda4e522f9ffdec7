"""Evaluation metrics; the cards of presets have the same ones.

`evaluate` measures all metrics of a model; each function measures one of them, on any images.

Examples:
    >>> x = zoo.data.load("digits")[1][0]  # the test images
    >>> model = zoo.load("vae_digits")
    >>> round(zoo.metrics.reconstruction_error(model, x), 1)
    2.0
"""

from zoo.metrics.attributes import (
    rank_correlation,
    rotation,
    stroke_thickness,
    through_all_levels,
)
from zoo.metrics.card_metrics import CARD_METRICS, CardMetric, evaluate
from zoo.metrics.classification import (
    classification_error,
    clustering_accuracy,
    clustering_error,
)
from zoo.metrics.coverage import PRDC, last_hidden_layer, prdc
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.fid import fid
from zoo.metrics.generation import frechet_distance, generated_class_accuracy
from zoo.metrics.likelihood import negative_elbo, negative_log_likelihood
from zoo.metrics.parzen import parzen_estimate, parzen_log_likelihood
from zoo.metrics.pixels import (
    Localization,
    aupro,
    best_threshold,
    localization,
    pixel_auroc,
    pro_curve,
)
from zoo.metrics.recoloring import asked_of, color_distance, palette_distance, turned_hues
from zoo.metrics.reconstruction import ms_ssim, psnr, reconstruction_error, squared_error, ssim
from zoo.metrics.representation import (
    active_units,
    angle_to_principal_subspace,
    jacobian_norm,
    linear_probe_accuracy,
    mean_activity,
    nearest_neighbor_accuracy,
    saturation,
    sliced_wasserstein,
)
from zoo.metrics.retrieval import Retrieval, retrieval
from zoo.metrics.search import pairs_found
from zoo.metrics.synthetic import SyntheticRows, compare_synthetic, synthetic
from zoo.metrics.synthetic_report import write_synthetic_report
from zoo.metrics.translation import absolute_error, same_class
from zoo.presets.reference_classifier import (
    REFERENCE_CLASSIFIERS,
    load_reference_classifier,
    reference_features,
)

__all__ = [
    "CARD_METRICS",
    "PRDC",
    "REFERENCE_CLASSIFIERS",
    "CardMetric",
    "Evaluation",
    "Localization",
    "Retrieval",
    "SyntheticRows",
    "absolute_error",
    "active_units",
    "angle_to_principal_subspace",
    "asked_of",
    "aupro",
    "best_threshold",
    "classification_error",
    "clustering_accuracy",
    "clustering_error",
    "color_distance",
    "compare_synthetic",
    "evaluate",
    "fid",
    "frechet_distance",
    "generated_class_accuracy",
    "jacobian_norm",
    "last_hidden_layer",
    "linear_probe_accuracy",
    "load_reference_classifier",
    "localization",
    "mean_activity",
    "ms_ssim",
    "nearest_neighbor_accuracy",
    "negative_elbo",
    "negative_log_likelihood",
    "pairs_found",
    "palette_distance",
    "parzen_estimate",
    "parzen_log_likelihood",
    "pixel_auroc",
    "prdc",
    "pro_curve",
    "psnr",
    "rank_correlation",
    "reconstruction_error",
    "reference_features",
    "retrieval",
    "rotation",
    "same_class",
    "saturation",
    "sliced_wasserstein",
    "squared_error",
    "ssim",
    "stroke_thickness",
    "synthetic",
    "through_all_levels",
    "turned_hues",
    "write_synthetic_report",
]
