"""One file per network: its module, its data, its loss. Found by name, so that nothing loads torch for a list."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from veriscope.errors import BadRequest

if TYPE_CHECKING:
    from veriscope.train.recipe import Recipe


def names() -> list[str]:
    """Every module in this folder, as a network's name."""
    return sorted(found.name.replace("_", "-") for found in iter_modules(__path__) if not found.name.startswith("_"))


def recipe(name: str) -> Recipe:
    """The recipe called ``name``; ``network:variant`` picks a configuration where the file has several.

    Raises:
        BadRequest: there is none, or torch is not installed.
    """
    base, _, variant = name.partition(":")
    if base not in names():
        raise BadRequest(f"There is no recipe called {base}.", hint="Recipes: " + ", ".join(names()) + ".")
    try:
        module = import_module(f"{__name__}.{base.replace('-', '_')}")
    except ModuleNotFoundError as exc:
        raise BadRequest(
            f"Training needs the package {exc.name}, which is not installed.",
            hint="Install the training extra: pip install 'veriscope[train]'.",
        ) from exc
    variants: dict[str, Recipe] = module.RECIPES
    try:
        return variants[variant or base]
    except KeyError:
        raise BadRequest(
            f"{base} has no recipe {variant or base}.", hint="It has: " + ", ".join(variants) + "."
        ) from None
