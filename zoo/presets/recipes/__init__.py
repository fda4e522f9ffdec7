"""Recipes: what a preset was trained from, one small TOML file each, beside this one."""

from zoo.presets.recipes.recipe import Recipe as Recipe
from zoo.presets.recipes.recipe import get as get
from zoo.presets.recipes.recipe import names as names
from zoo.presets.recipes.recipe import text as text
