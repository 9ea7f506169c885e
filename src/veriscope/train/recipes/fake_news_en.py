"""English: the training parts of Constraint-COVID and LIAR."""

from __future__ import annotations

from veriscope.train.recipe import Recipe
from veriscope.train.recipes._fake_news import FakeNewsRecipe

RECIPES: dict[str, Recipe] = {"fake-news-en": FakeNewsRecipe("en", steps=1500)}
