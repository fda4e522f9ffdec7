"""Recipes: the settings from which presets are trained, one small TOML file each."""

from zoo.presets.recipes.recipe import Recipe as Recipe
from zoo.presets.recipes.recipe import get as get
from zoo.presets.recipes.recipe import names as names
from zoo.presets.recipes.recipe import text as text
