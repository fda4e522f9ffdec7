"""Suggestions of similar names."""

import re

import pytest

import zoo
import zoo.experiments
from zoo.checks.names import UnknownNameError, suggestion
from zoo.cli.main import main


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


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (lambda: zoo.load("vae_digit"), "zoo list"),
        (lambda: zoo.recipes.get("vae_digit"), "zoo recipe --list"),
        (lambda: zoo.lessons.get("rings"), "zoo lesson --list"),
        (lambda: zoo.experiments.reproduce("rings"), "zoo reproduce --list"),
    ],
)
def test_a_long_list_of_names_is_left_to_the_command_that_prints_it(asked, command, capsys):
    with pytest.raises(UnknownNameError, match=rf"`{command}` shows all (\d+)\.") as caught:
        asked()
    assert len(str(caught.value)) < 200
    assert main(command.split()[1:]) == 0
    names = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    suggested = set(re.findall("'([a-z_]+)'", str(caught.value).partition(";")[2]))
    assert suggested
    assert suggested <= names


def test_names_that_differ_in_capitals_are_all_suggested():
    assert suggestion("vae", ["VAE", "Vae", "GAN"]) == "; did you mean 'VAE' or 'Vae'?"
