"""Recipes: every shipped one makes its model and optimizers, and is what its preset's card says."""

import random
from dataclasses import replace

import keras
import pytest
from support import each_class
from support.presets import SMALL_RECIPE

import zoo
from zoo import data, recipes
from zoo.models import CLASSES
from zoo.nn import corruption
from zoo.nn import distributions as priors
from zoo.nn.distributions import likelihood_names
from zoo.recipes import training


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("epochs = 1" + 24 * "0", "epochs is 10000"),
        ("epochs = true", "epochs is True; give a whole number from 1 to 2147483647"),
        ("epochs = 0", "epochs is 0"),
        ("epochs = 1.5", "epochs is 1.5"),
        ("epochs = 1\nseed = -1", "seed is -1"),
        ("epochs = 1\nbatch_size = 0", "batch_size is 0"),
        ("epochs = 1\nvalidation = -5", "validation is -5"),
        ("epochs = 1\nlabel_file = 3", "label_file is 3; give text"),
        ("epochs = 1\nstart = 'zero'", "start is 'zero'; give 'mean'"),
        (
            "epochs = 1\nstart = 'mean'\n[pretraining]\nepochs = 1\nclass = 'RBM'",
            "start is 'mean', and names a class in .pretraining.",
        ),
        ("epochs = 1\ndrop = [3]", r"drop is \[3\]; give a list of strings"),
        ("epochs = 1\n[optimizer]\nlearning_rate = nan", "learning_rate in .optimizer. is nan"),
        ("epochs = 1\n[optimizer]\nlearning_rate = 1e999", "learning_rate in .* is inf"),
        ("epochs = 1\n[pretraining]\nepochs = 1" + 24 * "0", "epochs in .pretraining. is 1000"),
        ("epochs = " + 5000 * "1", "cannot be read"),
        ("epochs = 1\nmodel = " + 5000 * "[", "cannot be read"),
    ],
)
def test_numbers_that_no_recipe_has_are_refused(line, says, tmp_path):
    model = "" if "[" in line else "[model]\n"
    head = 'description = ""\npaper = ""\ndata = "digits"\nclass = "VAE"\n'
    head += "" if model else "model = {}\n" if "model =" not in line else ""
    (tmp_path / "theirs.toml").write_text(f"{head}{line}\n{model}")
    with pytest.raises(ValueError, match=f"recipe theirs .*{says}"):
        recipes.get(str(tmp_path / "theirs.toml"))


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_says_what_it_is(name):
    recipe = recipes.get(name)
    assert recipe.name == name
    assert recipe.data in data.SOURCES
    assert recipe.description
    assert recipe.paper


def one_of_each_class():
    """Return all recipes as parameters: slow, but for one of each class that is tested often."""
    of_class = {recipes.get(name).class_name: name for name in recipes.names()}
    often = {of_class[name] for name in each_class.one_of_each_kind() if name in of_class}
    return [
        pytest.param(name, marks=() if name in often else pytest.mark.slow)
        for name in recipes.names()
    ]


@pytest.fixture(scope="module", params=one_of_each_class())
def made(request):
    """A recipe and its model, which is as large as the one that is shipped."""
    recipe = recipes.get(request.param)
    return recipe, training.make_model(recipe)


def test_every_recipe_makes_its_model(made):
    recipe, model = made
    name = recipe.name
    assert type(model) is CLASSES[recipe.class_name]
    assert model.name == name
    assert model.seed == recipe.seed
    config = model.get_config()
    objects = {
        "likelihood": likelihood_names.get,
        "corruption": corruption.get,
        "prior": lambda value: (
            value
            if value == "learned"
            else priors.get_prior(value, recipe.model["latent_dim"], model)
        ),
        "beta": keras.saving.deserialize_keras_object,  # a number, or a schedule
    }
    for key, value in recipe.model.items():
        if key == "lower":
            assert config[key]["class_name"] == "M1"
        elif key == "features":
            assert config[key]["class_name"] == "Functional"
        elif key in objects:
            assert config[key] == keras.saving.serialize_keras_object(objects[key](value))
        else:
            assert config[key] == (tuple(value) if isinstance(value, list) else value)


def test_every_recipe_makes_an_optimizer_for_every_update(made):
    recipe, model = made
    model.compile(optimizer := training.make_optimizer(model, recipe, steps=10))
    members = optimizer if isinstance(optimizer, dict) else {"one": optimizer}
    assert set(members) == (set(model.updates) or {"one"})
    for update, member in members.items():
        expected = {**recipe.optimizer, **recipe.optimizer.get(update, {})}
        rates = [float(member._learning_rate(step)) for step in (0, 5, 10, 50)]
        assert rates[0] == pytest.approx(expected["learning_rate"])
        assert rates[0] > rates[1] > rates[2]
        assert rates[2] == rates[3] == pytest.approx(expected.get("final", 0.02) * rates[0])


@pytest.mark.parametrize("name", zoo.list_models())
def test_the_card_of_a_preset_holds_its_recipe(name):
    recipe, card = recipes.get(name), zoo.card(name)
    assert card["recipe"]["model"] == recipe.model
    assert card["recipe"]["optimizer"] == recipe.optimizer
    assert card["recipe"].get("pretraining", {}) == recipe.pretraining
    assert card["recipe"].get("start", "") == recipe.start
    assert card["recipe"].get("labels", 0) == recipe.labels
    for key in ("data", "epochs", "batch_size", "seed", "validation"):
        assert card["recipe"][key] == getattr(recipe, key)
    assert card["class"] == recipe.class_name
    assert card["storage"] == recipe.storage


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs = = 2", "recipe bad cannot be read"),
        (SMALL_RECIPE.replace('class = "Autoencoder"', ""), "class"),
        (SMALL_RECIPE.replace("epochs = 2", ""), "epochs"),
        ("unheard = 1\n" + SMALL_RECIPE, "unheard"),
        (SMALL_RECIPE.replace("validation = 237", "validation = 0"), "validation is 0; give .* 1 "),
    ],
)
def test_a_recipe_that_cannot_be_read_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        recipes.Recipe.parse("bad", text)


# Writing

TEXTS = ["", "a b", 'say "no"', "C:\\new", "two\nlines\r\n", "\x00\x1b\x7f\t", "Zoë 🦓\u2028\ufeff"]
TEXTS += ["# none", "'''", '"""', "[model]", "a.b", "1e5", "true", "x" * 120]
NUMBERS = [0, -7, 2**62, True, False, 1e-05, 5e-324, 1e22, -0.0, 0.1, 1.0, float("inf")]


def drawn(chance, depth):
    """Draw a setting as a user may give it: texts, numbers, lists and tables in each other."""
    kind = chance.choice(("text", "number", "list", "table", "tables") if depth else ("number",))
    if kind == "text":
        return "".join(chance.choices(TEXTS, k=chance.randrange(3)))
    if kind == "number":
        return chance.choice(NUMBERS)
    if kind == "list":
        return [drawn(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == "tables":
        return [drawn_table(chance, depth - 1) for _ in range(chance.randrange(3))]
    return drawn_table(chance, depth - 1)


def drawn_table(chance, depth):
    return {chance.choice(TEXTS): drawn(chance, depth) for _ in range(chance.randrange(5))}


def with_types(value):
    """Return a value with the types of what is in it, as 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {key: with_types(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_types(entry) for entry in value]
    return type(value), repr(value)


@pytest.mark.lowest
@pytest.mark.parametrize("seed", range(30))
def test_any_settings_are_the_same_when_written_and_read(seed):
    chance = random.Random(seed)
    recipe = replace(
        recipes.get("vae_digits"),
        **{name: chance.choice(TEXTS) for name in ("description", "paper", "data", "label_file")},
        model=drawn_table(chance, 4),
        pretraining={"model": drawn_table(chance, 3)},
        drop=chance.sample(TEXTS, 3),
    )
    read = recipes.Recipe.parse("vae_digits", recipe.to_toml())
    assert with_types(vars(read)) == with_types(vars(recipe))


def test_what_toml_does_not_have_is_left_out_or_refused():
    recipe = recipes.get("vae_digits")
    model = {"input_shape": (8, 8, 1), "prior": None, "lower": {"rate": None, "units": ((4,), [])}}
    written = replace(recipe, model=model).to_toml()
    read = recipes.Recipe.parse("vae_digits", written).model
    assert read == {"input_shape": [8, 8, 1], "lower": {"units": [[4], []]}}
    for value in ([None], {"a": [{"b": None}, None]}, {1: 2}, object()):
        with pytest.raises(TypeError):
            replace(recipe, model={"prior": value}).to_toml()


def test_a_recipe_is_written_in_the_order_of_its_fields_without_defaults():
    model = {"z": {"a": 1}, "beta": 0.5}
    recipe = replace(recipes.get("vae_digits"), seed=1, labels=0, keep="last", model=model)
    head, *tables = recipe.to_toml().split("\n\n")
    assert [line.partition(" = ")[0] for line in head.splitlines()] == [
        *("description", "paper", "data", "class", "epochs", "batch_size", "validation")
    ]
    first = [table.splitlines()[0] for table in tables]
    assert first == ["[model]", "[model.z]", "[optimizer]"]
