"""A class says which picture shows most of it."""

import numpy as np
import pytest

import zoo
from zoo import plots
from zoo.models import CLASSES
from zoo.plots.previews import PREVIEWS


def tiny(cls=zoo.VAE, **options):
    return cls((4, 4, 1), 2, hidden_units=(4,), **options)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_names_a_picture(name):
    assert CLASSES[name].picture in PREVIEWS


@pytest.mark.slow
def test_a_class_of_ones_own_chooses_its_picture():
    class Reconstructing(zoo.VAE):
        picture = "reconstructions"

    x = np.zeros((3, 4, 4, 1), "float32")
    titles = [
        zoo.plots.preview(tiny(cls), x).axes[0].get_title() for cls in (zoo.VAE, Reconstructing)
    ]
    assert "what quantiles of the prior decode to" in titles[0]
    assert "originals above" in titles[1]


def test_a_model_that_is_trained_to_restore_images_shows_that():
    assert tiny().picture == "latent_space"
    assert tiny(corruption=zoo.Masking(0.3)).picture == "restorations"
    assert tiny(zoo.CVAE, num_classes=3).picture == "style_grid"
    assert tiny(zoo.CVAE, num_classes=3, corruption=zoo.Masking(0.3)).picture == "restorations"
    assert tiny(zoo.CVAE, label_shape=(4, 4, 1)).picture == "samples_for_labels"


def test_a_conditional_class_without_a_prior_is_shown_with_its_labels(few_digits):
    class Labeled(zoo.SupervisedAAE):
        picture = "reconstructions"

    model = Labeled((8, 8, 1), 2, num_classes=10, hidden_units=(4,))
    plots.preview(model, *few_digits)
