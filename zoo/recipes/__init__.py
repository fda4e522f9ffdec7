"""Recipes: the settings from which presets are trained, one small TOML file each."""

from zoo.recipes.recipe import Recipe as Recipe
from zoo.recipes.recipe import get as get
from zoo.recipes.recipe import names as names
from zoo.recipes.recipe import text as text
