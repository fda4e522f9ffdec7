"""The six autoencoders have the sizes that their layers say; PCA is the best vanilla one."""

from itertools import pairwise

import numpy as np
import pytest

from zoo.experiments import six_autoencoders as six
from zoo.experiments.table import error, pca_error


def test_parameters_are_those_of_the_layers():
    models = six.models()
    for name in ("vanilla", "vanilla, ReLU code", "regularized (sparse)"):
        assert six.parameters(models[name]) == 784 * 32 + 32 + 32 * 784 + 784
    widths = (784, *six.DEEP, 32)
    dense = sum(2 * a * b + a + b for a, b in pairwise(widths))
    assert six.parameters(models["deep"]) == six.parameters(models["deep, sigmoids"]) == dense


def test_the_code_of_every_model_has_the_same_size():
    assert {model.code_shape for model in six.models().values()} == {(six.CODE,)}


def test_the_vanilla_autoencoder_with_weights_of_pca_has_its_error():
    x = np.random.default_rng(0).random((100, *six.SHAPE), "float32")
    assert error(six.pca(x[:60]), x[60:]) == pytest.approx(pca_error(x[:60], x[60:], 32), rel=1e-3)


def test_a_layer_of_a_stack_gets_the_codes_of_the_layers_below(monkeypatch):
    """The deep model is the composition of its layers, up and down."""
    monkeypatch.setattr(six, "DEEP", (16, 8))
    found, pretrain = [], six.zoo.pretrain
    monkeypatch.setattr(six.zoo, "pretrain", lambda *a, **k: found.append(pretrain(*a, **k)))
    x = np.random.default_rng(0).random((20, *six.SHAPE), "float32")
    stack = six.deep("sigmoid")
    six.train_layers(stack, x, 1, 0)
    (layers,) = found
    codes = x
    for layer in layers:
        codes = layer.encode(codes)
    np.testing.assert_allclose(stack.encode(x), codes, atol=1e-5)
    for layer in reversed(layers):
        codes = layer.decode(codes)
    np.testing.assert_allclose(stack.reconstruct(x), codes, atol=1e-5)
