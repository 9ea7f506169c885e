"""Labelled folders, and splits through which nothing leaks.

A folder is either ``labels.csv`` with the columns ``path`` or ``text``, ``label`` (1 = fake) and, if wanted, ``mask``,
``group`` and ``split``; or two folders, ``real/`` and ``fake/``.

What two items share (a source photograph, a person, a sentence, a web domain) lets a network recognise the one by the
other. ``group`` names it; several names are separated by ``;``. Items that share any of them, directly or through
others, stay on one side of every split.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from veriscope.errors import BadRequest, EmptyInput

SPLITS = ("train", "dev", "test")
SHARES: Mapping[str, float] = {"train": 0.7, "dev": 0.1, "test": 0.2}
_COLUMNS = {"path", "text", "label", "mask", "group", "split"}
_SHOWN = 8  # bad rows told in one message
T = TypeVar("T")
Mask = NDArray[np.bool_]


class Sample(NamedTuple):
    """``content`` is a file's bytes, or a text; ``mask`` H×W, True where the picture was forged."""

    content: bytes | str
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One medium: its label (1 = fake), and a call that gives its bytes when they are wanted.

    ``group`` ties it to the items it is not independent of; ``subset`` names the part of the set it belongs to.
    """

    name: str
    label: int
    load: Callable[[], Sample]
    group: str = ""
    split: str = ""
    subset: str = ""


def read(folder: Path) -> list[Item]:
    """The items of a labelled folder.

    Raises:
        BadRequest: rows that make no sense, told with their numbers; or a group in two splits.
        EmptyInput: no item, or only one class.
    """
    table = folder / "labels.csv"
    if table.is_file():
        items = _from_table(folder, table)
    elif (folder / "real").is_dir() and (folder / "fake").is_dir():
        items = [
            Item(str(path.relative_to(folder)), label, _file(path, None))
            for label, name in ((0, "real"), (1, "fake"))
            for path in sorted((folder / name).rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        ]
    else:
        raise BadRequest(
            f"{folder} is not a labelled folder.",
            hint="It holds a file labels.csv (path or text, label), or the folders real and fake.",
        )
    if len({item.label for item in items}) < 2:
        raise EmptyInput(f"{folder} does not hold both genuine and fake items.")
    return items


def _from_table(folder: Path, table: Path) -> list[Item]:
    csv.field_size_limit(min(sys.maxsize, 1 << 27))  # a text may be long
    try:
        rows = csv.DictReader(io.StringIO(table.read_text("utf-8-sig"), newline=""))
        columns = list(rows.fieldnames or ())
        listed = list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise BadRequest(f"{table} cannot be read: {exc}.") from exc
    if "label" not in columns or ("path" in columns) == ("text" in columns):
        raise BadRequest(
            f"The columns of {table} are {', '.join(columns) or 'missing'}.",
            hint="There must be 'label' and one of 'path' and 'text'; 'mask', 'group' and 'split' may follow.",
        )
    if unknown := [c for c in columns if c not in _COLUMNS]:
        raise BadRequest(f"{table} has columns that mean nothing here: {', '.join(unknown)}.")
    items: list[Item] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(listed, 2):
        try:
            item = _row(folder, row, number)
            if "path" in row and (first := seen.setdefault(item.name, number)) != number:
                raise ValueError(f"{item.name} stands in row {first} already")
            items.append(item)
        except ValueError as exc:
            wrong.append(f"row {number}: {exc}")
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise BadRequest(f"{table} has {len(wrong)} bad rows: {'; '.join(wrong[:_SHOWN])}{more}.")
    _check_splits(items)
    return items


def _row(folder: Path, row: Mapping[str, str | None], number: int) -> Item:
    if None in row or any(value is None for value in row.values()):
        raise ValueError("it has another number of cells than the header")
    cells = {key: (value or "").strip() for key, value in row.items()}
    if cells["label"] not in {"0", "1"}:
        raise ValueError(f"the label is {cells['label']!r}, not 0 or 1")
    split = cells.get("split", "")
    if split and split not in SPLITS:
        raise ValueError(f"the split is {split!r}, not one of {', '.join(SPLITS)}")
    about = {"label": int(cells["label"]), "group": cells.get("group", ""), "split": split}
    if "text" in row:
        text = row["text"] or ""
        if not text.strip():
            raise ValueError("the text is empty")
        if cells.get("mask"):
            raise ValueError("a text has no mask")
        return Item(f"row {number}", load=lambda: Sample(text), **about)  # type: ignore[arg-type]
    path = _inside(folder, cells["path"])
    mask = _inside(folder, cells["mask"]) if cells.get("mask") else None
    return Item(cells["path"], load=_file(path, mask), **about)  # type: ignore[arg-type]


def _inside(folder: Path, name: str) -> Path:
    if not name:
        raise ValueError("the path is empty")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} lies outside the folder")
    if not path.is_file():
        raise ValueError(f"{name} does not exist")
    return path


def _file(path: Path, mask: Path | None) -> Callable[[], Sample]:
    return lambda: Sample(path.read_bytes(), None if mask is None else read_mask(mask))


def read_mask(path: Path) -> Mask:
    """White (over half) is forged; H×W."""
    with Pillow.open(path) as picture:
        return np.asarray(picture.convert("L")) > 127


def groups_of(items: Sequence[Item]) -> list[str]:
    """One name for each item: alike exactly when two items share a key, directly or through others.

    An item without a group stands for itself.
    """
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    first: list[str] = []
    for item in items:
        keys = [key.strip() for key in item.group.split(";") if key.strip()] or [f"\0{item.name}"]
        first.append(keys[0])
        for other in keys[1:]:
            one, two = sorted((find(keys[0]), find(other)))
            leader[two] = one
    return [find(key) for key in first]


def share_of(key: str, salt: str = "") -> float:
    """A number in [0, 1) that depends on nothing but the two texts."""
    return int.from_bytes(hashlib.sha256(f"{salt}\n{key}".encode()).digest()[:8]) / 2**64


def split(items: Sequence[Item], shares: Mapping[str, float] = SHARES, salt: str = "") -> dict[str, list[Item]]:
    """Items by split. A group goes where its hash says, so that adding items later moves none that were there.

    Where rows name their split, that counts; the rest of a group follows.
    """
    total = sum(shares.values())
    names = groups_of(items)
    fixed = {group: item.split for group, item in zip(names, items, strict=True) if item.split}
    parts: dict[str, list[Item]] = {name: [] for name in (*shares, *(n for n in fixed.values() if n not in shares))}
    for group, item in zip(names, items, strict=True):
        parts[fixed.get(group) or _chosen(share_of(group, salt) * total, shares)].append(item)
    return parts


def _chosen(place: float, shares: Mapping[str, float]) -> str:
    for name, share in shares.items():
        if place < share:
            return name
        place -= share
    return list(shares)[-1]


def folds(groups: Sequence[str], labels: Sequence[int], count: int = 5, salt: str = "") -> NDArray[np.intp]:
    """The fold of each item; groups whole, classes spread: large groups first, each to the fold that lacks it most."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    totals = Counter(labels)
    held = [Counter[int]() for _ in range(count)]
    fold = np.zeros(len(groups), np.intp)

    def need(k: int, inside: Counter[int]) -> float:
        """How full the fold would be, by the class that it would then have most of."""
        return max((held[k][label] + inside[label]) / totals[label] for label in totals) + sum(held[k].values()) * 1e-9

    for group in sorted(members, key=lambda g: (-len(members[g]), share_of(g, salt))):
        inside = Counter(labels[i] for i in members[group])
        best = min(range(count), key=lambda k: (need(k, inside), k))
        held[best] += inside
        fold[members[group]] = best
    return fold


def cross_validation(
    groups: Sequence[str], labels: Sequence[int], count: int = 5
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Indexes to learn from and to grade on, ``count`` times; no group is in both."""
    fold = folds(groups, labels, count)
    for k in range(count):
        yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """At most ``limit`` items, evenly over the list, so that a small run sees every source."""
    if limit is None or len(items) <= limit:
        return list(items)
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, limit).round()]


def limited(items: Sequence[Item], limit: int | None) -> list[Item]:
    """At most ``limit`` items of each class."""
    return [item for label in (0, 1) for item in spread([i for i in items if i.label == label], limit)]


def _check_splits(items: Sequence[Item]) -> None:
    where: dict[str, str] = {}
    for group, item in zip(groups_of(items), items, strict=True):
        if item.split and (other := where.setdefault(group, item.split)) != item.split:
            raise BadRequest(
                f"The group of {item.name} is in two splits, {other} and {item.split}.",
                hint="A group holds what is not independent; put all of it on one side.",
            )
