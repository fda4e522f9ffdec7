"""A class is registered once, in its file: all lists have it from there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from generated_pages import entries_of_classes, families_in, imports_of_classes, written_into

import zoo
from zoo.checks.registered import homes_of_classes
from zoo.models import CLASSES

FILE = """
from zoo.models.vae import VAE
from zoo.training.registry import register


@register
class ShiftedVAE(VAE):
    picture = "reconstructions"
"""
SCRIPT = """
import sys, zoo
assert "ShiftedVAE" in dir(zoo) and "ShiftedVAE" in zoo.__all__
assert "keras" not in sys.modules
assert zoo.ShiftedVAE is zoo.models.CLASSES["ShiftedVAE"] is zoo.models.ShiftedVAE
from zoo.recipes.own_data import recipe_of_class
assert recipe_of_class(zoo.ShiftedVAE, (28, 28, 1), 100).class_name == "ShiftedVAE"
from support.each_class import make
assert make("ShiftedVAE").picture == "reconstructions"
from test_contract import SETTINGS
assert SETTINGS["ShiftedVAE"]().image_shape == (8, 8, 1)
"""


@pytest.mark.slow
def test_a_new_file_of_a_model_is_all_that_it_takes(tmp_path):
    package = Path(zoo.__file__).parent
    shutil.copytree(package, tmp_path / "zoo", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "zoo" / "models" / "shifted_vae.py").write_text(FILE)
    tests = Path(__file__).parents[1]
    paths = [str(tmp_path), str(tests), str(tests / "models")]
    script = f"import sys; sys.path[:0] = {paths}" + SCRIPT
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_files_tell_which_classes_there_are(tmp_path):
    assert homes_of_classes() == {name: cls.__module__ for name, cls in CLASSES.items()}
    (tmp_path / "shifted_vae.py").write_text(FILE)
    homes = homes_of_classes(tmp_path)
    assert homes == {"ShiftedVAE": "zoo.models.shifted_vae"}
    line = "    from zoo.models.shifted_vae import ShiftedVAE as ShiftedVAE"
    assert list(imports_of_classes(homes)) == [line]


def test_the_page_of_a_class_is_in_the_lists_of_pages(tmp_path):
    (tmp_path / "README.md").write_text("[b](b.md)\n")
    marks = "<!-- presets: {} -->\n<!-- end of presets -->\n"
    (tmp_path / "a.md").write_text("# Shifted codes\n" + marks.format("ShiftedVAE"))
    (tmp_path / "b.md").write_text("# Two\n" + marks.format("VAE, CVAE"))
    families = families_in(tmp_path)
    assert {key: family.classes for key, family in families.items()} == {
        "b": ("VAE", "CVAE"),
        "a": ("ShiftedVAE",),
    }
    assert {"## Shifted codes", "::: zoo.ShiftedVAE"} <= set(entries_of_classes(families))


def test_what_is_written_replaces_what_stands_between_the_marks():
    text = "a\n# begin of what is written\nold\n  # end of what is written\nb\n"
    new = written_into(text, ["1", "2"])
    assert new == "a\n# begin of what is written\n1\n2\n  # end of what is written\nb\n"
    assert written_into(new, ["1", "2"]) == new
