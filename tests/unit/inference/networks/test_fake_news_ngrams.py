from __future__ import annotations

import numpy as np
import pytest

from veriscope.inference.manifest import manifests
from veriscope.inference.networks import fake_news_ngrams as ngrams
from veriscope.inference.onnx import OnnxInfer

TEXT = "SỐC!!! Bà Lan 45 tuổi kể với VnExpress: https://a.vn/x?y=1\n\nXem ngay, trên tinvn.info… Thật KHÔNG thể tin."


def spelled(signs: ngrams.Signs, text: str) -> list[str]:
    return [text[s:e] for s, e in zip(signs.starts.tolist(), signs.ends.tolist(), strict=True)]


def test_words_stand_where_they_stood() -> None:
    marked = spelled(ngrams.marked_words(TEXT), TEXT)
    assert marked[:5] == ["SỐC", "!", "!", "!", "Bà"]
    assert "45" in marked
    assert "\n\n" in marked
    plain = spelled(ngrams.plain_words(TEXT), TEXT)
    assert plain[:3] == ["SỐC", "Bà", "Lan"]
    for found in (marked, plain):
        assert not {"VnExpress", "tinvn", "info", "https"} & set(found)


def test_sources_and_figures_make_no_difference() -> None:
    one = ngrams.look("Giá 15 nghìn theo Vnexpress, xem https://vnexpress.net/a", ngrams.AS_WRITTEN)
    other = ngrams.look("Giá 98 nghìn theo TUOITRE, xem tuoitre.vn/b", ngrams.AS_WRITTEN)
    assert one.words.buckets.tolist() == other.words.buckets.tolist()
    assert one.letters.buckets.tolist() == other.letters.buckets.tolist()


def test_plain_reading_knows_no_case_and_no_marks() -> None:
    one, other = (ngrams.look(t, ngrams.PLAIN) for t in ("Tin NÓNG, hôm nay!", "tin nóng hôm nay"))
    assert one.words.buckets.tolist() == other.words.buckets.tolist()
    assert one.letters.buckets.tolist() == other.letters.buckets.tolist()


def test_shape_keeps_the_manner_and_drops_the_words() -> None:
    one, other = (ngrams.shapes(t).codes.tolist() for t in ("Hà Nội, 12 giờ.", "Bà Lan, 9999 đồng."))
    assert one == other == [ord(c) for c in "Aa Aa, 0 a."]
    assert [chr(c) for c in ngrams.shapes("TPHCM VinFast\n\n\nổ").codes.tolist()] == [*"AA AaAa", "\n", "a"]


def test_messages_keep_that_there_is_a_link() -> None:
    runs = [
        ngrams.look(t, ngrams.MESSAGE).words.buckets.tolist()
        for t in ("New cases https://t.co/a", "New cases www.b.org")
    ]
    assert runs[0] == runs[1]
    assert len(ngrams.look("New cases", ngrams.MESSAGE).words.buckets) == 3
    assert len(runs[0]) == 5


def test_runs_are_hashed_by_their_signs() -> None:
    signs = ngrams.plain_words("a b a b a")
    found = ngrams.hashed(signs, (1, 2), 17)
    assert len(found.buckets) == 9
    assert len(set(found.buckets.tolist())) == 4
    assert found.buckets.min() >= 0
    assert found.buckets.max() < 1 << 17
    assert (found.starts[5], found.ends[5]) == (0, 3)
    assert len(ngrams.hashed(ngrams.plain_words(""), (1, 2), 17).buckets) == 0


def test_formatted() -> None:
    assert ngrams.formatted(TEXT)
    assert not ngrams.formatted("tin nóng hôm nay không thể tin")
    assert not ngrams.formatted("TIN NÓNG! HÔM NAY!")
    assert not ngrams.formatted("")


def test_parts_fall_on_the_characters_they_come_from() -> None:
    text = "bad good bad"
    runs = ngrams.look(text, ngrams.PLAIN._replace(word_lengths=(1,), letter_lengths=(2,)))
    fed = ngrams.prepare(runs)
    bad = runs.words.buckets[0]
    outputs = {
        "log_odds": np.array([2.0]),
        "word_parts": np.where(fed["words"] == bad, 3.0, -1.0),
        "letter_parts": np.zeros(len(fed["letters"])),
    }
    reading = ngrams.read(outputs, runs, len(text))
    assert reading.log_odds == 2.0
    assert np.allclose(reading.by_character, [0.5] * 3 + [0] + [-0.25] * 4 + [0] + [0.5] * 3)


@pytest.mark.parametrize("name", sorted(ngrams.STYLES))
def test_shipped_network_adds_up(name: str) -> None:
    if name not in manifests():
        pytest.skip("the network is not in this package")
    text = ngrams.composed(TEXT)
    runs = ngrams.look(text, ngrams.STYLES[name])
    outputs = OnnxInfer().run(name, ngrams.prepare(runs))
    reading = ngrams.read(outputs, runs, len(text))
    assert np.isfinite(reading.log_odds)
    parts = float(outputs["word_parts"].sum() + outputs["letter_parts"].sum())
    assert float(reading.by_character.sum()) == pytest.approx(parts, abs=0.05 * abs(parts) + 0.05)
    nothing = OnnxInfer().run(name, ngrams.prepare(ngrams.look("", ngrams.STYLES[name])))
    assert np.isfinite(nothing["log_odds"]).all()  # an empty text gets the offset
