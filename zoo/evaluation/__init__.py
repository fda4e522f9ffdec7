"""What cards are measured with."""

from zoo.evaluation.figures import evaluate
from zoo.evaluation.judge import load_judge
from zoo.evaluation.measures import (
    active_units,
    angle_to_principal_subspace,
    generated_class_accuracy,
    jacobian_norm,
    linear_probe_accuracy,
    negative_bound,
    negative_log_likelihood,
    neighbour_accuracy,
    psnr,
    reconstruction_error,
    saturation,
    sliced_wasserstein,
)
from zoo.evaluation.parzen import parzen_estimate, parzen_log_likelihood

__all__ = [
    "active_units",
    "angle_to_principal_subspace",
    "evaluate",
    "generated_class_accuracy",
    "jacobian_norm",
    "linear_probe_accuracy",
    "load_judge",
    "negative_bound",
    "negative_log_likelihood",
    "neighbour_accuracy",
    "parzen_estimate",
    "parzen_log_likelihood",
    "psnr",
    "reconstruction_error",
    "saturation",
    "sliced_wasserstein",
]
