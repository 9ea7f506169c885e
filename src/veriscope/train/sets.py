"""Public collections as labelled sets, by name, with the traps that were measured in them disarmed.

``casia1`` keeps the bytes as they are; ``casia1@90`` saves both classes alike as JPEG of that quality. Quantisation
tables alone tell casia1's classes apart with AUC 0.998, so figures without ``@`` there mean nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from veriscope.errors import BadRequest
from veriscope.train.labelled import Item, Sample, read_mask

BORDER = 64  # px; the coloured border of cnndetection's pictures bleeds inwards and names the class
_CIPLAB_KEPT = 560  # from this number on nothing was learned from
_PICTURES = {".jpg", ".jpeg", ".png"}
_FALSE_ON_LIAR = {"false", "pants-fire", "barely-true"}


def encode(pixels: np.ndarray, quality: int) -> bytes:
    """JPEG bytes, standard tables, 4:2:0."""
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()


def _picture(path: Path, quality: int | None, mask: Path | None = None, border: int = 0) -> Callable[[], Sample]:
    def load() -> Sample:
        forged = None if mask is None else read_mask(mask)
        if quality is None and not border:
            return Sample(path.read_bytes(), forged)
        pixels = np.asarray(Pillow.open(path).convert("RGB"))
        if border:
            pixels = np.ascontiguousarray(pixels[border:-border, border:-border])
        return Sample(encode(pixels, quality or 95), forged)

    return load


def _casia1(root: Path, quality: int | None) -> list[Item]:
    folder = root / "images" / "casia1"
    with (folder / "pairs.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    # Sp_D_NND_A_nat0031_nat0033_0609 names the two photographs that went into it; one may have gone into several
    # forgeries, and stands among the pristine ones as Au_nat_0031.
    fake = [
        Item(
            Path(row["image"]).name,
            1,
            _picture(folder / row["image"], quality, folder / row["mask"]),
            group=";".join(re.findall(r"[a-z]{3}\d{4,5}", Path(row["image"]).stem)),
        )
        for row in rows
    ]
    real = [
        Item(path.name, 0, _picture(path, quality), group="".join(path.stem.split("_")[1:]))
        for path in sorted((folder / "pristine").glob("*.jpg"))
    ]
    return real + fake


def _two_folders(
    root: Path, real: str, fake: str, quality: int | None, *, numbered: bool, half: Callable[[Path], str]
) -> list[Item]:
    return [
        Item(f"{folder}/{path.name}", label, _picture(path, quality), path.stem if numbered else "", subset=half(path))
        for label, folder in ((0, real), (1, fake))
        for path in sorted((root / folder).iterdir())
        if path.suffix.lower() in _PICTURES
    ]


def _ciplab(root: Path, quality: int | None) -> list[Item]:
    """Real faces and expert retouching; one number may be in both, so numbers are the groups.

    Those below 560, the subset ``learnt``, are what ``face-manipulation`` was trained on; the others are ``kept``.
    """

    def half(path: Path) -> str:
        return "learnt" if int(path.stem) < _CIPLAB_KEPT else "kept"

    return _two_folders(root, "images/faces/ciplab/real", "images/faces/ciplab/fake", quality, numbered=True, half=half)


def _stylegan2(root: Path, quality: int | None) -> list[Item]:
    """1024-px faces whose stored tables tell everything: saved at 90 alike unless asked otherwise.

    ``synthetic-image`` was trained on names with an odd SHA-256, the subset ``learnt``; the others are ``kept``.
    """

    def half(path: Path) -> str:
        return "learnt" if int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % 2 else "kept"

    return _two_folders(
        root, "images/faces/ffhq-real", "images/faces/stylegan2", quality or 90, numbered=False, half=half
    )


def _cnndetection(root: Path, quality: int | None) -> list[Item]:
    """Eleven generators, each a subset; names are number_generator_label, the rest are sample sheets."""
    items = []
    for path in sorted((root / "images" / "cnndetection").glob("*_*_*.jpg")):
        number, generator, label = path.stem.split("_")
        load = _picture(path, quality or 95, border=BORDER)
        items.append(Item(path.name, int(label == "fake"), load, group=f"{generator} {number}", subset=generator))
    return items


def _vits_demo(root: Path, _: int | None) -> list[Item]:
    """Recorded (`_gt`) and synthetic speech of one site; the same sentence exists as both."""
    items = []
    for path in sorted((root / "audio" / "vits-demo").glob("*.wav")):
        voice, number, kind = path.stem.split("_", 2)
        items.append(
            Item(path.name, int(kind != "gt"), lambda path=path: Sample(path.read_bytes()), f"{voice} {number}")  # type: ignore[misc]
        )
    return items


def _rows(path: Path, **format_: object) -> list[dict[str, str]]:
    csv.field_size_limit(min(sys.maxsize, 1 << 27))
    with path.open(newline="", encoding="utf-8-sig") as table:
        return list(csv.DictReader(table, **format_))  # type: ignore[call-overload]


def _text(name: str, text: str, label: int, group: str = "") -> Item:
    return Item(name, label, lambda: Sample(text), group)


def _vfnd(root: Path, _: int | None) -> list[Item]:
    """The 226 Vietnamese items; the domain, known for 223 of them, is the group: no domain occurs in both classes."""
    folder = root / "text" / "vfnd"
    domains = {row["text"].strip(): row["domain"] for row in _rows(folder / "vn_news_223_tdlfr.csv")}
    return [
        _text(f"vfnd {i}", row["text"], int(row["label"]), domains.get(row["text"].strip(), ""))
        for i, row in enumerate(_rows(folder / "vn_news_226_tlfr.csv"))
    ]


def _vn_news(root: Path, _: int | None) -> list[Item]:
    """Names of sources are taken out: "vnexpress" stands in 223 genuine and 9 fake items."""
    rows = _rows(root / "text" / "vn-news-v2" / "vn_news_v2_dedup.csv")

    def cleaned(text: str) -> str:
        return re.sub(r"\s*\bvnexpress\b", "", unicodedata.normalize("NFC", text), flags=re.I)

    return [_text(f"vn-news {i}", cleaned(row["content"]), int(row["label"])) for i, row in enumerate(rows)]


def _covid(root: Path, _: int | None) -> list[Item]:
    """The official test part."""
    rows = _rows(root / "text" / "constraint-covid" / "test.csv")
    return [_text(f"covid {row['id']}", row["tweet"], int(row["label"] == "fake")) for row in rows]


def _liar(root: Path, _: int | None) -> list[Item]:
    """The official test part; false, barely true and pants on fire are fake. Groups are the speakers."""
    with (root / "text" / "liar" / "test.tsv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.reader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [_text(row[0], row[2], int(row[1] in _FALSE_ON_LIAR), row[4]) for row in rows]


SETS: Mapping[str, Callable[[Path, int | None], list[Item]]] = {
    "casia1": _casia1,
    "ciplab": _ciplab,
    "stylegan2": _stylegan2,
    "cnndetection": _cnndetection,
    "vits-demo": _vits_demo,
    "vfnd": _vfnd,
    "vn-news": _vn_news,
    "constraint-covid": _covid,
    "liar": _liar,
}
_STILL = {"casia1", "ciplab", "stylegan2", "cnndetection"}


def load(name: str, root: Path) -> list[Item]:
    """The items of a set, e.g. ``casia1@90``; ``root`` holds the collections.

    Raises:
        BadRequest: there is no such set, or its files are not there.
    """
    base, _, quality = name.partition("@")
    if base not in SETS or (quality and (base not in _STILL or not quality.isdigit() or not 1 <= int(quality) <= 100)):
        raise BadRequest(
            f"There is no set called {name}.",
            hint=f"Sets: {', '.join(SETS)}; for pictures with @ and a JPEG quality, as in casia1@90.",
        )
    try:
        items = SETS[base](root, int(quality) if quality else None)
    except (OSError, KeyError, IndexError) as exc:
        raise BadRequest(f"The set {base} is not in {root}: {exc}.") from exc
    if not items:
        raise BadRequest(f"The set {base} is not in {root}.")
    return items
