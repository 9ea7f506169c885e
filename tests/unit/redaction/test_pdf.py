"""Documents made in code, through the front door: text by its place, pictures by looking, and nothing left inside."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from veriscope.errors import DamagedMedia, LeakFound, TooLarge
from veriscope.inference.onnx import OnnxInfer
from veriscope.redaction import pdf, pdf_write
from veriscope.redaction.outcome import How, Result
from veriscope.redaction.papers import PaperJob
from veriscope.redaction.plan import Kind
from veriscope.redaction.redact import redact

INFER = OnnxInfer()
SECRETS = (b"John", b"Smith", b"4539", b"example.com")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages: a name and a card as text, a telephone number as a picture."""
    import typst

    folder = tmp_path_factory.mktemp("pdf")
    scan = Pillow.new("RGB", (560, 90), "white")
    font = ImageFont.load_default(34)
    ImageDraw.Draw(scan).text((12, 20), "Phone: +1 212 555 0187", fill="black", font=font)
    scan.save(folder / "scan.png")
    (folder / "a.typ").write_text(
        '#set page(width: 300pt, height: 200pt)\n#set document(title: "John Smith")\n'
        "My name is John Smith, my card is 4539 1488 0343 6467.\n\nThis line stays.\n\n"
        '#image("scan.png", width: 200pt)\n#pagebreak()\n#link("mailto:j@example.com")[write] to John Smith'
    )
    typst.compile(str(folder / "a.typ"), output=str(folder / "a.pdf"))
    return folder / "a.pdf"


def redacted(source: Path, target: Path, targets: tuple[str, ...] = ("text",), **how: object) -> Result:
    return redact(source, target, targets, INFER, how=How(**how))  # type: ignore[arg-type]


def dark(path: Path, index: int) -> np.ndarray:
    with pypdfium2.PdfDocument(path) as pages:
        return np.asarray(pages[index].render(scale=pdf.DPI / 72).to_numpy()).max(axis=2) < 60


def test_text_and_scans_are_gone_not_covered(document: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.pdf"
    result = redacted(document, target)
    assert result.pages == 2
    assert result.found["card"] == 1
    data = target.read_bytes()
    assert not any(secret in data for secret in SECRETS)
    with pypdfium2.PdfDocument(target) as pages:
        assert [page.get_size() for page in pages] == [(300, 200), (300, 200)]
        assert all(page.get_textpage().count_chars() == 0 for page in pages)
        assert pages.get_metadata_dict(skip_empty=True) == {}
    kinds = {t.label for t in result.plan.tracks if t.start == 0}
    assert {"person", "card", "phone"} <= kinds
    before, after = dark(document, 0), dark(target, 0)
    outside = np.ones_like(before)
    for track in result.plan.tracks:
        x, y, w, h = track.boxes[0].box
        if track.start == 0:
            m = 0.15 * min(w, h) + 4
            outside[max(0, int(y - m)) : int(y + h + m), max(0, int(x - m)) : int(x + w + m)] = False
    assert before[outside].sum() > 100  # "This line stays." is still there
    assert ((before & outside) != (after & outside)).mean() < 0.01


def test_a_plan_that_spares_a_name(document: Path, tmp_path: Path) -> None:
    plan = redact(document, None, ("text",), INFER, plan_only=True).plan
    spared = [t.id for t in plan.tracks if t.label == "person"]
    assert spared
    result = redact(document, tmp_path / "out.pdf", ("text",), INFER, how=How(keep=tuple(spared)), plan=plan)
    track = next(t for t in result.plan.tracks if t.id == spared[0])
    x, y, w, h = (round(v) for v in track.boxes[0].box)
    where = (slice(y, y + h), slice(x, x + w))
    page = int(track.start)
    assert np.array_equal(dark(document, page)[where], dark(tmp_path / "out.pdf", page)[where])


def test_boxes_that_are_not_painted_fail_closed(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renderer that does not paint (here: it is told of no boxes) is found out by looking at its pixels."""
    written = PaperJob.written

    def forgetful(self: PaperJob, operation: str, **parameters: object) -> dict[str, object]:
        if "covers" in parameters:
            parameters["covers"] = [[] for _ in parameters["covers"]]  # type: ignore[attr-defined]
        return written(self, operation, **parameters)

    monkeypatch.setattr(PaperJob, "written", forgetful)
    with pytest.raises(LeakFound, match="does not cover"):
        redacted(document, tmp_path / "out.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_text_layer_fails_closed(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file must be pixels: the source in its place is no output, whatever it shows."""

    def copied(self: PaperJob, operation: str, **parameters: object) -> dict[str, object]:
        Path(str(parameters["target"])).write_bytes(document.read_bytes())
        return {"done": True, "pages": 2, "notes": []}

    monkeypatch.setattr(PaperJob, "written", copied)
    with pytest.raises(LeakFound):
        redacted(document, tmp_path / "out.pdf")
    assert list(tmp_path.iterdir()) == []


def test_bad_files(document: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4\nnothing")
    with pytest.raises(DamagedMedia):
        redacted(broken, tmp_path / "out.pdf")
    huge = written(tmp_path / "huge.pdf", b"", size=(14000, 14000))
    with pytest.raises(TooLarge, match="too large to draw"):
        redacted(huge, tmp_path / "out.pdf")
    assert not (tmp_path / "out.pdf").exists()


def written(path: Path, content: bytes, annotation: bytes = b"", size: tuple[int, int] = (200, 100)) -> Path:
    """A PDF by hand: one page with ``content``, and a note whose look is ``annotation``."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Annots[5 0 R]/Resources<<>>>>" % size,
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content),
        b"<</Type/Annot/Subtype/FreeText/Rect[0 0 200 100]/F 4/Contents(John Smith)/AP<</N 6 0 R>>>>",
        b"<</Type/XObject/Subtype/Form/BBox[0 0 200 100]/Length %d>>\nstream\n%s\nendstream"
        % (len(annotation), annotation),
    ]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    path.write_bytes(data + b"trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start)
    return path


def test_notes_are_not_drawn(tmp_path: Path) -> None:
    source = written(tmp_path / "a.pdf", b"0 0 0 rg 10 10 50 2 re f", b"0 0 0 rg 100 50 50 30 re f")
    assert dark(source, 0)[70, 260]
    redacted(source, tmp_path / "b.pdf")
    after = dark(tmp_path / "b.pdf", 0)
    assert not after[:160].any()
    assert after[-25:, 20:120].any()  # the line below stays


def test_faces_on_pages(data: Path, tmp_path: Path) -> None:
    photo = cv2.imread(str(sorted((data / "images/faces/ffhq-real").glob("*.*"))[1]))[:, :, ::-1]
    page = np.full((900, 700, 3), 255, np.uint8)
    page[200:500, 150:450] = cv2.resize(photo, (300, 300), interpolation=cv2.INTER_AREA)
    buffer = io.BytesIO()
    writer = pdf_write.PdfWriter(buffer)
    writer.page(page, 336, 432)
    writer.close()
    (tmp_path / "a.pdf").write_bytes(buffer.getvalue())
    result = redacted(tmp_path / "a.pdf", tmp_path / "b.pdf", ("faces",))
    assert [t.kind for t in result.plan.tracks] == [Kind.FACE]
    assert dark(tmp_path / "b.pdf", 0)[330:370, 280:320].all()


test_faces_on_pages = pytest.mark.data(test_faces_on_pages)
