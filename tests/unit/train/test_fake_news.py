from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from veriscope.inference.networks.fake_news_ngrams import PLAIN, composed, look, prepare
from veriscope.train.recipes import _fake_news_data as texts
from veriscope.train.recipes import _fake_news_linear as linear
from veriscope.train.recipes._fake_news_unseen import Scale, folded, scaled, site_folds

FAKE = [
    "shocking secret they hide from you {}",
    "you will not believe this miracle {}",
    "share before it is deleted {}",
]
REAL = ["the ministry reported {} cases on monday", "officials said the bridge {} will close", "the council met on {}"]


def sample(count: int = 40) -> texts.Texts:
    said = [line.format(f"n{i}") for i in range(count) for line in (FAKE[i % 3], REAL[i % 3])]
    sites = [f"{kind}{i % 4}" for i in range(count) for kind in ("f", "r")]
    return texts.Texts(said, np.array([1, 0] * count), sites)


def test_copies_are_found_through_another_preparation() -> None:
    article = "Theo cơ quan chức năng, cây cầu số 15 sẽ đóng để sửa chữa! Kỹ sư cho biết có vết nứt."
    said = ["theo cơ quan chức năng cây cầu số sẽ đóng để sửa chữa", "một bài khác hẳn về thời tiết hôm nay"]
    posts = texts.Texts(said, np.array([1, 0]), ["", ""])
    assert texts.overlap(posts.texts, [article]).round(1).tolist() == [1.0, 0.0]
    kept = texts.without_copies(posts, texts.Texts([article], np.array([1]), [""]))
    assert kept.texts == posts.texts[1:]


def test_site_is_the_registered_name() -> None:
    assert texts.site("kinhdoanh.vnexpress.net") == texts.site("https://vnexpress.net/") == "vnexpress.net"
    assert texts.site("www.dantri.com.vn") == "dantri.com.vn"


def test_no_site_is_on_both_sides_of_a_fold() -> None:
    known = sample()
    for seed in range(5):
        folds = site_folds(known.labels, known.groups, 4, seed)
        for group in set(known.groups):
            assert len({int(f) for f, g in zip(folds, known.groups, strict=True) if g == group}) == 1
        assert all((known.labels[folds == fold] == label).any() for fold in range(4) for label in (0, 1))


def test_shares_let_every_site_speak_as_loud() -> None:
    labels = np.array([1, 1, 1, 1, 0, 0])
    share = linear.shares(labels, ["big", "big", "big", "small", "", ""], 1.0)
    assert share[:3].sum() == pytest.approx(share[3])
    assert share[:4].sum() == pytest.approx(share[4:].sum())


def test_linear_model_learns_and_few_and_many_texts_take_the_same_road(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sample()
    counts = linear.count(known.texts, PLAIN)
    share = linear.shares(known.labels, known.groups, 0.0)
    small = linear.fit(counts, known.labels, share)
    monkeypatch.setattr(linear, "FEW", 0)
    large = linear.fit(counts, known.labels, share)
    assert np.allclose(linear.scores(small, counts), linear.scores(large, counts), atol=1e-2)
    raw = folded(PLAIN, known, site_folds(known.labels, known.groups, 4, 0), 1.0, 0.1)
    assert ((raw > 0) == known.labels).mean() > 0.9


def test_exported_network_says_the_same(tmp_path: Path) -> None:
    known = sample()
    counts = linear.count(known.texts, PLAIN)
    model = scaled(linear.fit(counts, known.labels, np.ones(len(known.labels))), Scale(0.5, 0.25, 0.9, 80))
    linear.export(model, tmp_path / "n.onnx")
    session = ort.InferenceSession(str(tmp_path / "n.onnx"), providers=["CPUExecutionProvider"])
    expected = linear.scores(model, counts)
    for text, wanted in list(zip(known.texts, expected, strict=True))[:6]:
        log_odds, *parts = session.run(None, prepare(look(composed(text), PLAIN)))
        assert log_odds[0] == pytest.approx(wanted, abs=0.01)
        assert float(sum(p.sum() for p in parts)) + model.offset == pytest.approx(wanted, abs=0.01)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The English sets in small."""
    known = sample(60)
    folder = tmp_path / "text" / "constraint-covid"
    folder.mkdir(parents=True)
    with (folder / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "tweet", "label"])
        writer.writerows(
            [i, t, "fake" if y else "real"] for i, (t, y) in enumerate(zip(known.texts, known.labels, strict=True))
        )
    (tmp_path / "text" / "liar").mkdir()
    lines = [
        f"{i}\t{'false' if y else 'true'}\t{t}\tsubject\tspeaker"
        for i, (t, y) in enumerate(zip(known.texts, known.labels, strict=True))
    ]
    (tmp_path / "text" / "liar" / "train.tsv").write_text("\n".join(lines))
    return tmp_path


def test_two_steps_of_the_recipe(data: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from veriscope.train.fit import fit
    from veriscope.train.recipes import recipe

    chosen = recipe("fake-news-en")
    best = fit(chosen, data, tmp_path / "run", steps=2, validate_every=1, progress=lambda _: None)
    module = chosen.module()
    module.load_state_dict(torch.load(best, weights_only=True))
    assert set(chosen.validate(module.eval(), data)) >= {"score", "accuracy"}


def test_filling_up_counts_for_nothing() -> None:
    torch = pytest.importorskip("torch")
    from veriscope.train.recipes._fake_news import FakeNews

    module = FakeNews(50).eval()
    short = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        assert torch.allclose(module(short), module(torch.nn.functional.pad(short, (0, 253))), atol=1e-6)


def test_recurrent_network_learns() -> None:
    pytest.importorskip("torch")
    from veriscope.train.recipes import _fake_news as lstm

    known = sample()
    vocabulary = lstm.learn_vocabulary(known.texts)
    assert list(vocabulary)[:2] == ["<PAD>", "<UNK>"]
    assert "n1" in vocabulary
    assert "n39" in vocabulary
    tokens = lstm.encoded(known.texts, vocabulary)
    module = lstm.trained(tokens, known.labels, len(vocabulary), passes=8)
    assert ((lstm.log_odds(module, tokens) > 0) == known.labels).mean() > 0.9
