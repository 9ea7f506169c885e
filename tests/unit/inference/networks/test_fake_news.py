from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from veriscope.inference.manifest import manifests
from veriscope.inference.networks import fake_news
from veriscope.inference.onnx import OnnxInfer

KNOWN = fake_news.vocabulary("\n".join([*fake_news.RESERVED, "việt", "nam", "tin"]).encode())
shipped = pytest.mark.skipif("fake-news-vi" not in manifests(), reason="the network is not in this package")


def test_words_follow_the_reference() -> None:
    assert fake_news.words('Việt Nam: "TIN", giả_mạo!') == ["việt", "nam", "tin", "giả", "mạo"]
    assert fake_news.words(unicodedata.normalize("NFD", "Việt")) == [unicodedata.normalize("NFC", "việt")]
    assert fake_news.words(" \n…") == []


def test_numbers_padding_and_length() -> None:
    row = fake_news.encode("Tin lạ, Việt Nam", KNOWN)
    assert row.dtype == np.int64
    assert row.shape == (256,)
    assert row[:5].tolist() == [4, fake_news.UNKNOWN, 2, 3, fake_news.PAD]
    assert (fake_news.encode("tin " * 400, KNOWN) == 4).all()
    assert fake_news.encode("", KNOWN)[:2].tolist() == [fake_news.UNKNOWN, fake_news.PAD]
    assert fake_news.prepare(["tin", "nam"], KNOWN)["tokens"].shape == (2, 256)


@shipped
@pytest.mark.parametrize("name", sorted(fake_news.NAMES.values()))
def test_shipped_network(name: str) -> None:
    infer = OnnxInfer()
    known = fake_news.vocabulary(infer.asset(name, "vocabulary"))
    assert known["<PAD>"] == 0
    assert known["<UNK>"] == 1
    assert len(known) <= fake_news.VOCABULARY
    texts = ["Theo cơ quan chức năng, cây cầu sẽ đóng để sửa chữa.", "the bridge will close next week", "x" * 9]
    together = fake_news.read(infer.run(name, fake_news.prepare(texts, known)))
    assert together.shape == (3, 2)
    assert np.allclose(together.sum(1), 1, atol=1e-5)
    alone = np.concatenate([fake_news.read(infer.run(name, fake_news.prepare([t], known))) for t in texts])
    assert np.allclose(alone, together, atol=0.02)  # int8 scales its activations by batch
