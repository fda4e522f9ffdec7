"""Reference classifiers load with the weights that were shipped, and with no others."""

import hashlib

import numpy as np
import pytest

from zoo import metrics
from zoo.presets import reference_classifier


def test_a_reference_classifier_has_ten_classes_of_28_by_28_images():
    network = reference_classifier.build()
    assert (network.input_shape, network.output_shape) == ((None, 28, 28, 1), (None, 10))


def test_an_unknown_reference_classifier_is_refused():
    with pytest.raises(ValueError, match=r"no reference classifier for 'digits'; there are: mnist"):
        metrics.load_reference_classifier("digits")


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A reference classifier's weights in a folder of the test's own."""
    path = tmp_path / "reference_classifier_mnist.weights.h5"
    network = reference_classifier.build()
    network.save_weights(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(reference_classifier, "_path", lambda name: path)
    entry = {"sha256": digest, "test_accuracy": 99.0}
    monkeypatch.setitem(metrics.REFERENCE_CLASSIFIERS, "mnist", entry)
    return path, network


def test_a_reference_classifier_is_loaded_with_its_weights(shipped):
    _, network = shipped
    loaded = metrics.load_reference_classifier("mnist")
    for old, new in zip(network.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(old.numpy(), new.numpy())


def test_a_changed_reference_classifier_is_refused(shipped):
    path, _ = shipped
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="was changed"):
        metrics.load_reference_classifier("mnist")


@pytest.mark.parametrize("name", metrics.REFERENCE_CLASSIFIERS)
def test_the_shipped_weights_are_those_of_the_table(name):
    network = metrics.load_reference_classifier(name)  # which checks their hash
    assert network.output_shape == (None, 10)
