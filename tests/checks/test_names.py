"""Suggestions of similar names."""

import pytest

import zoo
from zoo.checks.names import UnknownNameError, suggestion


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        (lambda: zoo.data.load("MNIST"), "mnist"),
        (lambda: zoo.data.load("Fashion-MNIST"), "fashion_mnist"),
        (lambda: zoo.data.load("CIFAR-10"), "cifar10"),
        (lambda: zoo.load("VAE_MNIST"), "vae_mnist"),
        (lambda: zoo.lessons.get("Ring"), "ring"),
        (lambda: zoo.plots.training_curves({"kl": [1.0]}, ["KL"]), "kl"),
        (lambda: zoo.plots.style("Slides"), "slides"),
        (lambda: zoo.recipes.get("CVAE MNIST"), "cvae_mnist"),
    ],
)
def test_capitals_hyphens_and_spaces_do_not_hide_the_name_that_is_meant(asked, nearest):
    with pytest.raises(UnknownNameError, match=f"did you mean '{nearest}'"):
        asked()


def test_names_that_differ_in_capitals_are_all_suggested():
    assert suggestion("vae", ["VAE", "Vae", "GAN"]) == "; did you mean 'VAE' or 'Vae'?"
