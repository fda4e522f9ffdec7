"""What cards are measured with."""

from zoo.evaluation.figures import evaluate
from zoo.evaluation.judge import load_judge
from zoo.evaluation.measures import (
    active_units,
    generated_class_accuracy,
    negative_bound,
    neighbour_accuracy,
    reconstruction_error,
    sliced_wasserstein,
)

__all__ = [
    "active_units",
    "evaluate",
    "generated_class_accuracy",
    "load_judge",
    "negative_bound",
    "neighbour_accuracy",
    "reconstruction_error",
    "sliced_wasserstein",
]
