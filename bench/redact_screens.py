"""Personal data on screens and papers: how much of its ink is covered, on pages set in code, by size of the letters.

    python bench/redact_screens.py [--pages N] [--json]

Every page is set twice, with and without the personal data: what differs is its ink, which is the truth. Names,
addresses, numbers and labels are English and Vietnamese, beside sentences that hold nothing personal.
"""

# ruff: noqa: E501 - sentences are read unbroken

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import typst
from PIL import Image

from common import arguments, show, wilson
from veriscope.inference.onnx import OnnxInfer
from veriscope.redaction.coverage import Coverage, Margins
from veriscope.redaction.redact import redact

SIZES = (10, 12, 16, 20, 28)  # px, of the letters' body
FONTS = ("DejaVu Sans Mono", "Libertinus Serif", "New Computer Modern")
BARE = 0.05  # share of the ink of one entry that may stay: the rim of a letter
PLAIN = (
    "Opening hours are 9 to 5 on weekdays", "Please wait until the light is green", "The total is 30 dollars", "Save changes before leaving",
    "Vui lòng chờ trong giây lát", "Giờ mở cửa từ 9 đến 17", "Cảm ơn quý khách", "Lưu thay đổi",
)  # fmt: skip
ENTRIES = (
    ("Name: ", "John Smith"), ("Name: ", "Mary Jones"), ("Phone: ", "+1 212 555 0187"), ("Email: ", "mary.jones@example.com"),
    ("Card: ", "4539 1488 0343 6467"), ("Date of birth: ", "12/03/1985"), ("Address: ", "221 Baker Street, London"), ("SSN: ", "536-22-8731"),
    ("Họ và tên: ", "Nguyễn Văn An"), ("Họ và tên: ", "Trần Thị Bích Ngọc"), ("Điện thoại: ", "0912 345 678"), ("Địa chỉ: ", "12 Lê Lợi, Quận 1, TP. Hồ Chí Minh"),
    ("Ngày sinh: ", "05/11/1990"), ("Số CCCD: ", "001090012345"), ("Write to ", "jane.doe@example.org"), ("Xin chào, tôi là ", "Phạm Minh Tuấn"),
)  # fmt: skip


def page(number: int, size: int, *, hidden: bool) -> np.ndarray:
    """1280 × 720, eight lines; ``hidden``: the personal data in the colour of the paper."""
    rng = np.random.default_rng(number)
    rows = []
    for entry in rng.permutation(len(ENTRIES))[:4]:
        lead, value = ENTRIES[entry]
        rows.append(f"{_escaped(lead)}#text(fill: {'white' if hidden else 'black'})[{_escaped(value)}]")
    rows += [_escaped(PLAIN[i]) for i in rng.permutation(len(PLAIN))[:4]]
    lines = "\n".join(
        f"#place(top + left, dx: {30 + int(rng.integers(0, 300))}pt, dy: {20 + 85 * i}pt)[{rows[k]}]"
        for i, k in enumerate(rng.permutation(len(rows)))
    )
    source = f'#set page(width: 1280pt, height: 720pt, margin: 0pt)\n#set text(font: "{FONTS[number % 3]}", size: {size}pt)\n{lines}\n'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.typ"
        path.write_text(source, "utf-8")
        data = typst.compile(str(path), format="png", ppi=72)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "#$*_@<>[]\\`~=-+/'\"" else c for c in text)


def measured(pages: int, infer: OnnxInfer) -> dict[str, object]:
    """Figures over ``pages`` pages of each size; an entry is bare where more than ``BARE`` of its ink stays."""
    figures: dict[str, object] = {}
    everywhere = np.zeros(2, int)
    for size in SIZES:
        ink = gone = area = bare = count = 0
        for number in range(pages):
            shown, blank = (page(100 * size + number, size, hidden=hidden) for hidden in (False, True))
            truth = np.abs(shown.astype(int) - blank).max(axis=2) > 60
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "a.png"
                Image.fromarray(shown).save(path)
                plan = redact(path, None, ["text"], infer, plan_only=True).plan
            covered = np.zeros(truth.shape, bool)
            for _, (x, y, w, h) in Coverage(plan.tracks, Margins()).at(0.0):
                covered[max(0, int(y)) : int(np.ceil(y + h)), max(0, int(x)) : int(np.ceil(x + w))] = True
            ink, gone, area = ink + truth.sum(), gone + (truth & covered).sum(), area + covered.sum()
            for top in range(0, 720, 85):  # one entry in each strip at most
                strip = slice(max(0, top + 10), top + 95)
                whole = truth[strip].sum()
                count += bool(whole)
                bare += bool(whole) and (truth[strip] & ~covered[strip]).sum() > BARE * whole
        everywhere += (bare, count)
        figures[f"screen_{size}px_ink_covered"] = float(gone / ink)
        figures[f"screen_{size}px_entries_bare"] = float(bare / count)
        figures[f"screen_{size}px_area_of_page"] = float(area / (pages * 1280 * 720))
    low, high = wilson(int(everywhere[0]), int(everywhere[1]))
    share = float(everywhere[0] / everywhere[1])
    return figures | {"screen_entries_bare": share, "screen_entries_bare_low": low, "screen_entries_bare_high": high}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pages", type=int, default=12, help="of each size")
    given = parser.parse_args()
    show(measured(given.pages, OnnxInfer()), as_json=given.json)


if __name__ == "__main__":
    main()
