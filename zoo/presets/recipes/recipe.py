"""The settings from which a preset is trained, in a TOML file.

A recipe holds the data set, the class and its arguments, the optimizer, epochs, batch size and
seed. `zoo.presets.training.train` makes a preset folder from it.
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
        model: the arguments of the class.
        optimizer: `learning_rate`, and optionally `beta_1` and `final`; the rate decays along a
            half cosine to `final` times its start. With several updates, an entry with the name of
            an update overrides these settings.
        epochs, batch_size, seed: of the training.
        pretraining: empty, or `epochs`, `learning_rate`, and arguments. With a `class`, its models
            pre-train the layers one by one, see `zoo.pretrain`; without one, the whole model is
            pre-trained with these arguments instead of those in `model`.
        labels: how many images keep their label, equally many of each class; 0 for all. They are
            chosen with the recipe's seed, by `zoo.data.keep_labels`.
        validation: how many images, the last of the training set, are kept for validation.
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
            ValueError: invalid TOML, or missing or unknown keys.
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
    """Return the recipe of a shipped preset, or one from a user's own .toml file.

    Raises:
        UnknownNameError: there is no such recipe; the error has the nearest names.
        OSError, ValueError: a file that cannot be read, or is not a recipe.
    """
    if str(name).endswith(".toml"):
        return Recipe.parse(Path(name).stem, Path(name).read_text(encoding="utf-8"))
    if name not in names():
        raise UnknownNameError("recipe", name, names())
    text = (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8")
    return Recipe.parse(name, text)
