"""The settings from which a preset is trained, in a TOML file.

A recipe holds the data set, the class and its arguments, the optimizer, epochs, batch size and
seed. `zoo.recipes.training.train` makes a preset folder from it.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from zoo.checks.names import UnknownNameError
from zoo.runtime.json_file import shortened

STARTS = ("", "mean")
_LARGEST = 2**31 - 1
_LARGEST_FLOAT = 3.4e38  # limit of float32
_IN_WORDS = {str: "text", int: "a whole number", dict: "a table", list: "a list of strings"}


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained.

    Attributes:
        name: the name of the preset.
        description: one line for the card.
        paper: authors, year, identifier.
        data: a name in `zoo.data.SOURCES`; or the user's images: a folder, an .npy or .npz file.
        class_name: a class of the zoo.
        model: the arguments of the class.
        optimizer: `learning_rate`, and optionally `beta_1`, `global_clipnorm` and `final`; the rate
            decays along a half cosine to `final` times its start. With several updates, an entry
            with the name of an update overrides these settings.
        epochs, batch_size, seed: of the training.
        steps_per_epoch: the number of steps that `epochs` is meant for: on user data with fewer
            steps per epoch there are more epochs. 0 takes the number on the recipe's data set; if
            that is not a data set of the zoo, `epochs` never changes.
        pretraining: empty, or `epochs`, `learning_rate`, `final`, and arguments. The rate decays as
            that of the optimizer; without `final` it is constant. With a `class`, models of that
            class pre-train the layers one by one, see `zoo.pretrain`; without one, the whole model
            is pre-trained with these arguments instead of those in `model`.
        start: "mean": before any training the decoder starts at the mean of the images, see
            `zoo.start_at_mean`; "" leaves the weights random.
        labels: the number of images that keep their label, equally many of each class; 0 for all.
            They are chosen with the recipe's seed, by `zoo.data.keep_labels`.
        validation: the number of images, the last of the training set, for validation; at least 1.
        storage: storage of the weights, "float32", "float16" or "compact"; see `zoo.save`.
        label_file: an .npy file with the labels of the user's images, or the column of a table that
            holds them; "" for none.
        drop: columns of the table that are left out.
        delimiter, decimal: of the table, if they were given; see `zoo.data.from_table`.
        missing: "learn" if the table has missing values to learn with; see `zoo.data.from_table`.
        keep: "last" or "best": the weights of the last epoch, or of the epoch with the lowest
            `val_loss`.
    """

    name: str
    description: str
    paper: str
    data: str
    class_name: str
    epochs: int
    model: dict[str, Any]
    optimizer: dict[str, Any] = field(default_factory=dict)
    pretraining: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 128
    steps_per_epoch: int = 0
    seed: int = 1
    validation: int = 10000
    labels: int = 0
    storage: str = "float16"
    label_file: str = ""
    drop: list[str] = field(default_factory=list)
    delimiter: str = ""
    decimal: str = ""
    missing: str = ""
    keep: str = "last"
    start: str = ""

    @classmethod
    def parse(cls, name: str, text: str) -> Recipe:
        """Read a recipe from TOML.

        Raises:
            ValueError: invalid TOML, or missing or unknown keys.
        """
        try:
            content = tomllib.loads(text)
            content["class_name"] = content.pop("class")
            made = cls(name=name, **content)
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"The recipe {name} cannot be read: {error}") from error
        _check(made)
        return made

    def to_toml(self) -> str:
        """Return the recipe as TOML, which `parse` reads; default values are left out.

        Raises:
            TypeError: a setting that TOML cannot hold, such as None in a list.

        Example:
            >>> from zoo import recipes
            >>> recipe = recipes.get("vae_digits")
            >>> recipes.Recipe.parse("vae_digits", recipe.to_toml()) == recipe
            True
        """
        content = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            required = entry.default is MISSING and entry.default_factory is MISSING
            if entry.name == "name" or (not required and value in (entry.default, {}, [])):
                continue
            content["class" if entry.name == "class_name" else entry.name] = _without_none(value)
        return tomli_w.dumps(content)


_LEAST: dict[str, int] = dict.fromkeys(("epochs", "batch_size", "validation"), 1)
_LEAST |= dict.fromkeys(("steps_per_epoch", "seed", "labels"), 0)
_KINDS: dict[str, type] = {"str": str, "int": int, "dict[str, Any]": dict, "list[str]": list}


def _check(recipe):
    """Refuse entries of wrong types, and numbers out of range."""
    for entry in fields(recipe):
        value, kind = getattr(recipe, entry.name), _KINDS[str(entry.type)]
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if fits and kind is int:
            fits = _LEAST[entry.name] <= value <= _LARGEST
        if fits and entry.name == "drop":
            fits = isinstance(value, list) and all(isinstance(column, str) for column in value)
        if not fits:
            least = f" from {_LEAST[entry.name]} to {_LARGEST}" if kind is int else ""
            raise ValueError(
                f"The recipe {recipe.name} says {entry.name} is {shortened(value)}; give "
                f"{_IN_WORDS[kind]}{least}."
            )
    if recipe.start not in STARTS:
        raise ValueError(f"The recipe {recipe.name} says start is {recipe.start!r}; give 'mean'.")
    if recipe.start and "class" in recipe.pretraining:
        raise ValueError(
            f"The recipe {recipe.name} says start is {recipe.start!r}, and names a class in "
            "[pretraining], whose models set all weights: leave out one of the two."
        )
    for place, numbers in (("optimizer", recipe.optimizer), ("pretraining", recipe.pretraining)):
        for name, value in numbers.items():
            most = _LARGEST if isinstance(value, int) else _LARGEST_FLOAT
            if isinstance(value, int | float) and not abs(value) <= most:
                raise ValueError(
                    f"The recipe {recipe.name} says {name} in [{place}] is {shortened(value)}; "
                    "give a finite number."
                )


def _without_none(value):
    """Return a value without table entries that are None, because TOML has no None."""
    if isinstance(value, dict):
        return {key: _without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_without_none(entry) for entry in value]
    return value


def names() -> list[str]:
    """Return the names of all recipes, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def get(name: str) -> Recipe:
    """Return the recipe of a shipped preset, or one from a user's .toml file.

    Raises:
        UnknownNameError: there is no such recipe; the error suggests the nearest names.
        OSError, ValueError: a file that cannot be read, or is not a recipe.
    """
    if str(name).endswith(".toml"):
        return Recipe.parse(Path(name).stem, Path(name).read_text(encoding="utf-8"))
    return Recipe.parse(name, text(name))


def text(name: str) -> str:
    """Return the text of a shipped recipe.

    Raises:
        UnknownNameError: there is no such recipe; the error suggests the nearest names.
    """
    if name not in names():
        raise UnknownNameError("recipe", name, names(), listing="`zoo recipe --list`")
    return (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
