"""Made sentences say truly where their names are, and the tagger trains and exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("faker", reason="the training extra is not installed")

from veriscope.inference.networks import pii_names as net
from veriscope.train.people import fill, sentence
from veriscope.train.recipes.pii_names import PiiNames, f1, tags_of


def test_places_are_right() -> None:
    text, found = fill("{P} met {F} in {C}, said {O}.", {k: lambda k=k: f"<{k}>" for k in "PFCO"})  # type: ignore[misc]
    assert text == "<P> met <F> in <C>, said <O>."
    assert [(text[a:b], kind) for a, b, kind in found] == [("<P>", "PERSON"), ("<F>", "PERSON"), ("<C>", "LOCATION")]


def test_sentences_repeat_and_differ() -> None:
    made = [sentence(np.random.default_rng(seed)) for seed in range(60)]
    assert made[:10] == [sentence(np.random.default_rng(seed)) for seed in range(10)]
    assert len({text for text, _ in made}) > 50
    assert any(not spans for _, spans in made), "some name nobody"
    assert all(text[a:b].strip() for text, spans in made for a, b, _ in spans)


def test_tags_follow_spans() -> None:
    text = "Dear Ann Lee, Oslo"
    tags = [net.TAGS[t] for t in tags_of(net.words(text), [(5, 12, "PERSON"), (14, 18, "LOCATION")])]
    assert tags == ["O", "B-PERSON", "I-PERSON", "O", "B-LOCATION"]


def test_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime as ort

    from veriscope.train.export import export
    from veriscope.train.fit import fit
    from veriscope.train.recipes import pii_names as module

    monkeypatch.setattr(module, "HELD_OUT", 4)
    recipe = PiiNames()
    recipe.batch = 4
    best = fit(recipe, tmp_path, tmp_path / "run", steps=2, progress=lambda _: None)
    export(recipe, best, tmp_path / "net.onnx")
    found = net.words("Ann met Bob in Oslo. " * 60)
    feed = net.prepare(net.features([w.text for w in found]))
    outputs = ort.InferenceSession(tmp_path / "net.onnx").run(["logits"], feed)[0]
    assert net.read({"logits": outputs}, len(found)).shape == (len(found), 5)


def test_a_perfect_tagger_has_f1_of_one() -> None:
    rows = [sentence(np.random.default_rng(seed)) for seed in range(5)]
    rows = [(text, spans) for text, spans in rows if spans]

    class Oracle:
        def __call__(self, _: object) -> object:
            text, spans = rows[self.at]
            self.at += 1
            tags = tags_of(net.words(text), spans)
            import torch

            return torch.nn.functional.one_hot(torch.from_numpy(tags), 5)[None].float() * 50

        at = 0

    assert f1(Oracle(), rows) == 1.0  # type: ignore[arg-type]
