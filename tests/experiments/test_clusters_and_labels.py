"""Methods without a model, and how clusters are counted, by hand."""

import numpy as np
import pytest

from zoo.experiments import adversarial, label_counts, mixture_clusters


def test_accuracy_matches_clusters_one_to_one_and_the_error_names_them_by_images():
    y = np.array([7, 7, 7, 3, 3, 3])
    clusters = np.array([0, 0, 1, 1, 1, 2])
    found = mixture_clusters.Found()
    found.add(
        clusters, y, surest=np.array([0, 2, 5])
    )  # so that all clusters but the last are sevens
    assert found.accuracy == [pytest.approx(100 * 4 / 6)]  # two sevens in 0, two threes in 1
    assert found.error == [pytest.approx(100 * 2 / 6)]
    assert found.row("some", 94.46)[:3] == ["some", 94.46, 66.67]


def test_a_method_without_probabilities_has_no_error():
    found = mixture_clusters.Found()
    found.add(np.array([0, 1]), np.array([1, 0]))
    assert found.row("k-means") == ["k-means", None, 100.0, "100.0", None, ""]


def test_the_nearest_labeled_image_names_a_test_image():
    x = np.zeros((4, 2, 2, 1), "float32")
    x[1], x[2], x[3] = 0.1, 0.9, 1.0
    y = np.array([0, -1, -1, 1])
    shown = np.full((3, 2, 2, 1), 0.8, "float32")
    shown[0] = 0.2
    assert label_counts._nearest_neighbor(x, y, shown, np.array([0, 1, 0])) == pytest.approx(
        100 / 3
    )


def test_errors_of_clusters_among_digits_that_are_alike_and_by_most_frequent_classes():
    y = np.array([4, 9, 9, 3, 5, 0, 0, 4])
    probability = np.array(
        [  # the surest images of the clusters are the first, the fourth and the last
            [0.9, 0.05, 0.05],
            [0.6, 0.2, 0.2],
            [0.6, 0.2, 0.2],
            [0.1, 0.8, 0.1],
            [0.3, 0.4, 0.3],
            [0.3, 0.4, 0.3],
            [0.3, 0.3, 0.4],
            [0.1, 0.1, 0.8],
        ]
    )
    alike, most_frequent = adversarial._kinds_of_errors(probability, y)
    assert alike == 37.5  # two 9 among the 4, one 5 with a 3; the 0 in both are not alike
    assert most_frequent == 50.0  # of the three clusters, 2, 1 and 1 are right
