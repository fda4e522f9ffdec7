"""Names of presets: what there is, said without loading a backend."""

import shutil
import subprocess
import sys

import pytest

import zoo
from zoo import recipes
from zoo.checks.names import UnknownNameError, suggestion
from zoo.presets import catalog

NAMES = zoo.list_models()


def modules_after(code):
    """Return the names of the top-level modules that a fresh process has after running code."""
    script = f"{code}\nimport sys; print('|'.join({{m.split('.')[0] for m in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split("|"))


@pytest.mark.parametrize(
    "code",
    [
        "import zoo; assert zoo.list_models()",
        "import zoo; print(zoo.card('vae_digits'))",
        "from zoo.cli.main import main; main(['list']); main(['card', 'vae_digits'])",
        "from zoo.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_listing_presets_and_cards_imports_no_backend(code):
    heavy = {"keras", "tensorflow", "jax", "torch", "numpy", "h5py", "matplotlib", "sklearn"}
    assert not heavy & modules_after(code)


def test_list_models_is_sorted_and_takes_a_glob():
    assert "vae_digits" in NAMES
    assert sorted(NAMES) == NAMES
    assert zoo.list_models("vae_dig*") == ["vae_digits"]
    assert zoo.list_models("no such") == []


def test_list_models_takes_a_part_of_the_names_unless_it_is_a_whole_one():
    assert zoo.list_models("fashion") == zoo.list_models("*fashion*") != []
    assert zoo.list_models("vae_mnist") == ["vae_mnist"]


def test_a_recipe_without_a_preset_says_how_to_train_one():
    with pytest.raises(ValueError, match="zoo train tdae_olivetti --out FOLDER"):
        zoo.card("tdae_olivetti")


@pytest.mark.parametrize(
    ("kind", "call", "others"),
    [
        ("preset", lambda: zoo.card("vae_digit"), f"`zoo list` shows all {len(NAMES)}."),
        ("preset", lambda: zoo.load("vae_digit"), f"`zoo list` shows all {len(NAMES)}."),
        ("data set", lambda: zoo.data.load("digit"), "There are: digits,"),
        ("recipe", lambda: recipes.get("vae_digit"), "`zoo recipe --list` shows all "),
    ],
)
def test_the_error_for_an_unknown_name_has_the_nearest(kind, call, others):
    with pytest.raises(UnknownNameError, match=rf"no {kind}.*did you mean '\w*digits'") as caught:
        call()
    assert others in str(caught.value)


def test_an_error_for_a_name_without_similar_ones_lists_all():
    assert suggestion("zzz", ["abc"]) == ""
    with pytest.raises(UnknownNameError, match="'qqqqqq'. There are: ") as caught:
        zoo.card("qqqqqq")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("path", ["./mine", "models/mine", "/nowhere/mine"])
def test_a_path_without_a_preset_is_answered_without_the_names_of_all(path):
    with pytest.raises(UnknownNameError, match="no preset or preset folder.*zoo train") as caught:
        zoo.card(path)
    assert "vae_mnist" not in str(caught.value)


def test_a_folder_that_is_no_preset_is_told_apart_from_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match=r"holds no card\.json"):
        zoo.card(tmp_path)


def test_a_folder_with_the_name_of_a_shipped_preset_gives_a_warning(tmp_path, monkeypatch):
    shipped = catalog.preset_folder("vae_digits")
    monkeypatch.chdir(shipped.parent)
    assert catalog.preset_folder("vae_digits") == shipped
    monkeypatch.chdir(shutil.copytree(shipped, tmp_path / "vae_digits").parent)
    with pytest.warns(UserWarning, match=r"means the shipped preset here; .* give \./vae_digits"):
        assert catalog.preset_folder("vae_digits") == shipped
    assert catalog.preset_folder("./vae_digits") == tmp_path.__class__("vae_digits")
