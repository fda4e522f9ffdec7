"""How many images are generated, and for how many epochs a model is trained, are whole numbers."""

import numpy as np
import pytest
from support.each_class import CLASSES, every_class, make

import zoo


@pytest.mark.parametrize("name", every_class())
def test_a_number_of_images_that_is_not_whole_is_refused_by_name(name):
    if not hasattr(CLASSES[name], "generate"):
        pytest.skip("translates images, and generates none")
    model = make(name)
    if not model.can_generate or model.label_shape:
        pytest.skip("generates nothing, or one image for each label")
    for n, kind in ((2.5, ValueError), (0, ValueError), ("4", TypeError)):
        with pytest.raises(kind, match=f"n is {n!r}; give a whole number of at least 1"):
            model.generate(n)


def test_a_number_of_epochs_that_is_not_whole_is_refused_by_name():
    model = zoo.VAE((4, 4, 1), 2, hidden_units=(4,))
    model.compile("adam")
    with pytest.raises(ValueError, match="epochs is 2.5; give a whole number"):
        model.fit(np.zeros((4, 4, 4, 1), "float32"), epochs=2.5, verbose=0)
    with pytest.raises(TypeError, match="epochs is '5'; give a whole number"):
        model.fit(np.zeros((4, 4, 4, 1), "float32"), epochs="5", verbose=0)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("gausian", "gaussian"),
        ("Gaussian", "gaussian"),
        ("mse", "squared_error"),
        ("MSE", "squared_error"),
        ("binary_crossentropy", "bernoulli"),
    ],
)
def test_the_likelihood_that_is_meant_is_suggested(given, meant):
    with pytest.raises(ValueError, match=rf"likelihood='{given}' is unknown; did you.*'{meant}'"):
        zoo.VAE((4, 4, 1), 2, hidden_units=(4,), likelihood=given)
