"""Vietnamese: VFND and the posts of vn-news-v2 that are no copies of it."""

from __future__ import annotations

from veriscope.train.recipe import Recipe
from veriscope.train.recipes._fake_news import FakeNewsRecipe

RECIPES: dict[str, Recipe] = {"fake-news-vi": FakeNewsRecipe("vi", steps=600)}
