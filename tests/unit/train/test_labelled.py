from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriscope.errors import BadRequest, EmptyInput
from veriscope.train import labelled
from veriscope.train.labelled import Item, Sample

from tests.making import encoded, photo

# a source, a person, a sentence and a domain each, few of them so that items share them all the time
KEYS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 8), st.integers(0, 2)), min_size=1, max_size=40
)
KINDS = ("source", "person", "sentence", "domain")


def items_of(rows: Sequence[Sequence[int]], kinds: Sequence[str]) -> list[Item]:
    keys = [";".join(f"{kind}={row[KINDS.index(kind)]}" for kind in kinds) for row in rows]
    return [Item(str(i), i % 2, lambda: Sample("text"), group) for i, group in enumerate(keys)]


def shared(parts: Sequence[Sequence[Item]]) -> set[str]:
    held = [{key for item in part for key in item.group.split(";")} for part in parts]
    return {key for i, one in enumerate(held) for other in held[i + 1 :] for key in one & other}


@pytest.mark.parametrize("kinds", [("source",), ("person",), ("sentence",), ("domain",), ("person", "sentence"), KINDS])
@given(rows=KEYS, salt=st.text(max_size=3))
def test_no_key_spans_two_splits(kinds: tuple[str, ...], rows: list[tuple[int, ...]], salt: str) -> None:
    items = items_of(rows, kinds)
    parts = labelled.split(items, salt=salt)
    assert shared(list(parts.values())) == set()
    assert sorted(i.name for part in parts.values() for i in part) == sorted(i.name for i in items)


@pytest.mark.parametrize("kinds", [("source",), ("person", "sentence")])
@given(rows=KEYS, count=st.integers(2, 6))
def test_no_key_is_learned_from_and_graded_on(kinds: tuple[str, ...], rows: list[tuple[int, ...]], count: int) -> None:
    items = items_of(rows, kinds)
    graded: list[int] = []
    groups = labelled.groups_of(items)
    for learn, grade in labelled.cross_validation(groups, [i.label for i in items], count):
        assert shared([[items[i] for i in learn], [items[i] for i in grade]]) == set()
        graded += grade.tolist()
    assert sorted(graded) == list(range(len(items)))


@given(rows=KEYS, more=KEYS)
def test_new_groups_move_no_old_item(rows: list[tuple[int, ...]], more: list[tuple[int, ...]]) -> None:
    old = items_of(rows, ("source",))
    new = [Item(f"new {i}", 0, lambda: Sample("x"), f"new={row[0]}") for i, row in enumerate(more)]

    def places(parts: dict[str, list[Item]]) -> dict[str, str]:
        return {item.name: name for name, part in parts.items() for item in part}

    before, after = places(labelled.split(old)), places(labelled.split([*new, *old]))
    assert before.items() <= after.items()


def test_shares_are_kept_over_many_groups() -> None:
    parts = labelled.split([Item(str(i), 0, lambda: Sample("x"), f"g{i}") for i in range(4000)])
    assert {name: round(len(part) / 4000, 1) for name, part in parts.items()} == {"train": 0.7, "dev": 0.1, "test": 0.2}


def test_folds_spread_the_classes() -> None:
    labels = [i % 2 for i in range(100)]
    fold = labelled.folds([str(i) for i in range(100)], labels, 5)
    assert [int((np.array(labels)[fold == k]).sum()) for k in range(5)] == [10] * 5


def test_items_are_tied_through_others() -> None:
    items = [
        Item(n, 0, lambda: Sample("x"), g) for n, g in (("a", "p;s"), ("b", "s;t"), ("c", "t"), ("d", "u"), ("e", ""))
    ]
    one, two, three, four, five = labelled.groups_of(items)
    assert one == two == three
    assert len({one, four, five}) == 3


def table(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text, "utf-8")
    return folder


def test_a_folder_of_pictures_with_masks(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").write_bytes(encoded(photo(64, 48)))
    mask = np.zeros((48, 64), np.uint8)
    mask[:8] = 255
    (tmp_path / "m.png").write_bytes(encoded(mask, "PNG"))
    genuine, fake = labelled.read(
        table(tmp_path, "path,label,mask,group,split\na.jpg,0,,site 1,dev\nb.jpg,1,m.png,site 2,test\n")
    )
    assert (genuine.label, genuine.group, genuine.split) == (0, "site 1", "dev")
    sample = fake.load()
    assert sample.content == (tmp_path / "b.jpg").read_bytes()
    assert sample.mask is not None
    assert sample.mask.sum() == 8 * 64


def test_texts_keep_commas_lines_and_other_alphabets(tmp_path: Path) -> None:
    text = 'Tin nóng, "thật"\nhai dòng'
    quoted = '"' + text.replace('"', '""') + '"'
    items = labelled.read(table(tmp_path, f"text,label\n{quoted},0\nother,1\n"))
    assert items[0].load().content == text


def test_two_folders(tmp_path: Path) -> None:
    for name in ("real/a.jpg", "fake/deep/b.jpg", "fake/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [(i.name, i.label) for i in labelled.read(tmp_path)] == [("real/a.jpg", 0), ("fake/deep/b.jpg", 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,label\na.jpg,2\n", "row 2: the label is '2', not 0 or 1"),
        ("path,label\nmissing.jpg,1\n", "row 2: missing.jpg does not exist"),
        ("path,label\n../a.jpg,1\n", "lies outside the folder"),
        ("path,label\n,1\n", "the path is empty"),
        ("path,label\na.jpg,0\na.jpg,1\n", "row 3: a.jpg stands in row 2 already"),
        ("path,label\na.jpg\n", "row 2: it has another number of cells"),
        ("path,label\na.jpg,1,more\n", "row 2: it has another number of cells"),
        ("text,label\n   ,1\n", "the text is empty"),
        ("text,label,mask\nwords,1,a.jpg\n", "a text has no mask"),
        ("path,label,split\na.jpg,1,validation\n", "the split is 'validation'"),
        ("path,text,label\na.jpg,t,1\n", "The columns of"),
        ("path,class\na.jpg,1\n", "The columns of"),
        ("path,label,author\na.jpg,1,me\n", "columns that mean nothing here: author"),
        ("text,label,group,split\none,0,g,train\ntwo,1,g,test\n", "in two splits, train and test"),
        ("text,label,group,split\none,0,g;h,train\ntwo,1,h;i,test\n", "in two splits"),
    ],
)
def test_bad_tables_are_refused_with_the_place(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(BadRequest) as caught:
        labelled.read(table(tmp_path, text))
    assert words in caught.value.message


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput):
        labelled.read(table(tmp_path, "text,label\none,0\ntwo,0\n"))


def test_a_folder_without_labels_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        labelled.read(tmp_path)
    assert "labels.csv" in caught.value.hint
