"""What a preset was trained from, as a TOML file says it.

A recipe holds the data set, the class and its arguments, the optimizer, epochs, batch size and
seed. `zoo.presets.training.train` makes a preset folder of it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.suggestions import UnknownNameError


@dataclass(frozen=True)
class Recipe:
    """How a preset is trained.

    Attributes:
        name: of the preset.
        description: one line for the card.
        paper: authors, year, identifier.
        data: a name of `zoo.data.SOURCES`.
        class_name: a class of the zoo.
        model: its arguments.
        optimizer: `learning_rate`, and perhaps `beta_1`; the rate falls along a half cosine to
            `final` times its start. With several updates, settings by update name override.
        epochs, batch_size, seed: as they say.
        pretraining: empty, or how to start: `epochs`, `learning_rate`, and arguments. With a
            `class`, its models start the layers one by one, see `zoo.pretrain`; without one, the
            whole model starts with these arguments instead of those in `model`.
        labels: how many images keep their label, as many of each class; 0 for all. They are drawn
            with the recipe's seed, by `zoo.data.keep_labels`.
        validation: how many images, the last of the training set, are kept for choices.
        storage: of the weights, "float32", "float16" or "compact"; see `zoo.save`.
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
    seed: int = 1
    validation: int = 10000
    labels: int = 0
    storage: str = "float16"

    @classmethod
    def parse(cls, name: str, text: str) -> Recipe:
        """Read a recipe from TOML.

        Raises:
            ValueError: text that is no TOML, or keys that a recipe lacks or does not have.
        """
        try:
            content = tomllib.loads(text)
            content["class_name"] = content.pop("class")
            return cls(name=name, **content)
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise ValueError(f"The recipe {name} cannot be read: {error}") from error


def names() -> list[str]:
    """Return the names of all recipes, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def get(name: str) -> Recipe:
    """Return the recipe of a shipped preset, or one that lies in a .toml file of a user's own.

    Raises:
        UnknownNameError: there is none of that name; the nearest are given.
        OSError, ValueError: a file that cannot be read, or is no recipe.
    """
    if str(name).endswith(".toml"):
        return Recipe.parse(Path(name).stem, Path(name).read_text(encoding="utf-8"))
    if name not in names():
        raise UnknownNameError("recipe", name, names())
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    return Recipe.parse(name, text)
