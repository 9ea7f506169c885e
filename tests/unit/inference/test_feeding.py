"""How imported networks are fed and read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veriscope.errors import BadModel, InferenceFailed
from veriscope.inference import feeding, tokens
from veriscope.inference.feeding import Feeding
from veriscope.inference.manifest import parse, read

from tests import networks


def fed(tmp_path: Path, **changes: Any) -> Feeding:
    source = {"kind": "file", "path": "/x"}
    path = networks.manifest(tmp_path / "m.yaml", sha256="0" * 64, source=source, **changes)
    return feeding.feeding(parse(read(path), "m.yaml"))


def fed_text(tmp_path: Path, **changes: Any) -> Feeding:
    source = {"kind": "file", "path": "/x"}
    path = networks.text_manifest(tmp_path / "m.yaml", "0" * 64, sha256="0" * 64, source=source, **changes)
    return feeding.feeding(parse(read(path), "m.yaml"))


def test_a_picture_is_normalised_as_imagenet_networks_want_it(tmp_path: Path) -> None:
    grey = np.full((100, 50, 3), 128, np.uint8)
    grey[..., 0] = 255
    x = feeding.picture(fed(tmp_path), grey)["image"]
    assert x.shape == (1, 3, 224, 224)
    assert x.dtype == np.float32
    assert x[0, 0] == pytest.approx((1 - 0.485) / 0.229, abs=1e-5)
    assert x[0, 2] == pytest.approx((128 / 255 - 0.406) / 0.225, abs=1e-5)


def test_channels_range_layout_and_type(tmp_path: Path) -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    image[..., 0], image[..., 2] = 200, 50

    def one(shape: list[int | None], dtype: str = "float32", **options: Any) -> np.ndarray:
        f = fed(tmp_path, input={"image": {"shape": shape, "dtype": dtype}}, preprocessing=options)
        return feeding.picture(f, image)["image"]

    assert one([1, 3, 8, 8], channels="bgr", range=255)[0, 0].max() == 50
    last = one([1, 8, 8, 3], "uint8", layout="nhwc", range=255)
    assert last.dtype == np.uint8
    assert last[0, 0, 0].tolist() == [200, 0, 50]
    assert one([1, 1, 8, 8], channels="grey", range=255)[0, 0] == pytest.approx(0.299 * 200 + 0.114 * 50, abs=0.6)


def test_the_middle_is_cut_out_in_proportion(tmp_path: Path) -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = 255
    f = fed(tmp_path, preprocessing={"resize": "crop"})
    assert feeding.picture(f, wide)["image"].min() == 1
    stretched = feeding.picture(fed(tmp_path, preprocessing={}), wide)["image"]
    assert stretched.min() == 0


@pytest.mark.parametrize("size", [(480, 640), (33, 20), (3000, 200), (1, 1)])
def test_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    f = fed(tmp_path, input={"image": {"shape": [None, 3, None, None]}}, preprocessing={"longest": 512})
    shape = feeding.picture(f, np.zeros((*size, 3), np.uint8))["image"].shape
    assert all(side % 32 == 0 and 32 <= side <= 512 for side in shape[2:])


def test_sound_in_windows(tmp_path: Path) -> None:
    f = fed(tmp_path, task="audio", input={"wave": {"shape": [1, 8000]}}, preprocessing={})
    long = np.arange(8000 * 40, dtype=np.float32)
    windows = feeding.sound(f, long)
    assert len(windows) == feeding.WINDOWS
    assert all(w["wave"].shape == (1, 8000) for w in windows)
    assert windows[0]["wave"][0, 0] == 0
    assert windows[-1]["wave"][0, -1] == long[-1], "the end is heard too"
    short = feeding.sound(f, long[:3000])[0]["wave"][0]
    assert short[3000] == short[0], "repeated"
    padded = fed(tmp_path, task="audio", input={"wave": {"shape": [1, 8000]}}, preprocessing={"pad": "zero"})
    assert not feeding.sound(padded, long[:3000])[0]["wave"][0, 3000:].any()


def test_words_as_transformers_want_them(tmp_path: Path) -> None:
    told = networks.tokenizer(tmp_path / "tokenizer.json").read_bytes()
    f = fed_text(tmp_path)
    (inputs,) = feeding.words(f, tokens.tokenizer(f, "tokenizer", told), "The minister said: SHOCKING!")
    wanted = ["[CLS]", "the", "minister", "said", "[UNK]", "shock", "##ing", "[UNK]", "[SEP]"]
    assert [networks.WORDS[i] for i in inputs["input_ids"][0]] == wanted
    assert inputs["attention_mask"].tolist() == [[1] * 9]
    assert inputs["token_type_ids"].tolist() == [[0] * 9]
    assert inputs["input_ids"].dtype == np.int64


def test_long_texts_in_windows_and_short_ones_padded(tmp_path: Path) -> None:
    told = networks.tokenizer(tmp_path / "tokenizer.json").read_bytes()
    shape = {"shape": [1, 16], "dtype": "int64"}
    f = fed_text(tmp_path, input=dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), shape))
    tokenizer = tokens.tokenizer(f, "tokenizer", told)
    windows = feeding.words(f, tokenizer, "the cure " * 50)
    assert len(windows) == math.ceil(100 / 14)
    assert all(w["input_ids"].shape == (1, 16) for w in windows)
    (short,) = feeding.words(f, tokenizer, "the cure")
    assert short["attention_mask"].tolist() == [[1] * 4 + [0] * 12]


def test_a_vocabulary_alone_makes_the_same_tokens(tmp_path: Path) -> None:
    told = networks.tokenizer(tmp_path / "tokenizer.json").read_bytes()
    f = fed_text(tmp_path)
    listed = tokens.tokenizer(f, "vocabulary", "\n".join(networks.WORDS).encode())
    whole = tokens.tokenizer(f, "tokenizer", told)
    for text in ("The minister said: SHOCKING!", "Thé cure [SEP] ...", ""):
        a, b = feeding.words(f, listed, text), feeding.words(f, whole, text)
        assert all(np.array_equal(x[name], y[name]) for x, y in zip(a, b, strict=True) for name in f.inputs)
    cased = fed_text(tmp_path, preprocessing={"lowercase": False})
    (inputs,) = feeding.words(cased, tokens.tokenizer(cased, "vocabulary", "\n".join(networks.WORDS).encode()), "The")
    assert networks.WORDS[inputs["input_ids"][0, 1]] == "[UNK]"
    with pytest.raises(BadModel, match="no token"):
        tokens.tokenizer(f, "vocabulary", b"the\ncure")


def test_roles_under_other_names(tmp_path: Path) -> None:
    told = networks.tokenizer(tmp_path / "tokenizer.json").read_bytes()
    f = fed_text(tmp_path, input={"ids": {"shape": [1, None], "dtype": "int32", "role": "input_ids"}})
    (inputs,) = feeding.words(f, tokens.tokenizer(f, "tokenizer", told), "the cure")
    assert inputs["ids"].dtype == np.int32
    with pytest.raises(BadModel, match="needs a role"):
        fed_text(tmp_path, input={"input_ids": {"shape": [1, 8]}, "mask": {"shape": [1, 8]}})


def answered(tmp_path: Path, output: dict[str, Any], **outputs: Any) -> feeding.Reading:
    f = fed(tmp_path, output=output, preprocessing={})
    return feeding.read(f, {name: np.array(value, np.float32) for name, value in outputs.items()})


def test_every_form_of_answer_becomes_log_odds(tmp_path: Path) -> None:
    logits = {"a": {"kind": "logits", "forged": 1}}
    assert answered(tmp_path, logits, a=[[1.0, 3.0]]).log_odds == pytest.approx(2)
    assert answered(tmp_path, {"a": {"kind": "logits", "forged": 0}}, a=[[1.0, 3.0]]).log_odds == pytest.approx(-2)
    assert answered(tmp_path, logits, a=[[1.5]]).log_odds == pytest.approx(1.5)
    assert answered(tmp_path, {"a": {"kind": "logits", "forged": 0}}, a=[[1.5]]).log_odds == pytest.approx(-1.5)
    three = answered(tmp_path, {"a": {"kind": "logits", "forged": 2}}, a=[[0, 0, 2]]).log_odds
    assert three == pytest.approx(2 - math.log(2))
    share = {"a": {"kind": "probabilities"}}
    assert answered(tmp_path, share, a=[[0.2, 0.8]]).log_odds == pytest.approx(math.log(4), abs=1e-5)
    assert answered(tmp_path, share, a=[0.8]).log_odds == pytest.approx(math.log(4), abs=1e-5)
    assert math.isfinite(answered(tmp_path, share, a=[1.0]).log_odds)
    both = {"a": {"kind": "logits"}, "b": {"kind": "logits"}}
    assert answered(tmp_path, both, a=[[0, 1]], b=[[0, 3]]).log_odds == pytest.approx(2)


def test_maps(tmp_path: Path) -> None:
    output = {"a": {"kind": "logits"}, "m": {"kind": "map", "activation": "softmax"}}
    found = answered(tmp_path, output, a=[[0, 1]], m=np.stack([np.zeros((4, 5)), np.full((4, 5), 2.0)])[None])
    assert found.map is not None
    assert found.map.shape == (4, 5)
    assert found.map[0, 0] == pytest.approx(1 / (1 + math.exp(-2)))
    output["m"]["activation"] = "sigmoid"
    assert answered(tmp_path, output, a=[[0, 1]], m=np.zeros((1, 1, 4, 5))).map == pytest.approx(0.5)


@pytest.mark.parametrize("value", [[[math.nan, 1.0]], [[1.0, 2.0], [1.0, 2.0]], [], [[[1.0]]]])
def test_answers_that_cannot_be_read(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InferenceFailed):
        answered(tmp_path, {"a": {"kind": "logits"}}, a=value)


def test_a_map_needs_the_whole_picture(tmp_path: Path) -> None:
    output = {"a": {"kind": "logits"}, "m": {"kind": "map"}}
    with pytest.raises(BadModel, match="whole picture"):
        fed(tmp_path, output=output, preprocessing={"resize": "crop"})
    with pytest.raises(BadModel, match="whole picture"):
        fed(tmp_path, output=output, task="face-forgery", preprocessing={})


def test_the_example_of_the_guide() -> None:
    import yaml

    guide = (Path(__file__).resolve().parents[3] / "docs" / "models.md").read_text("utf-8")
    example = yaml.safe_load(guide.split("```yaml")[1].split("```")[0])
    source = {"kind": "file", "path": "/x"}
    assert feeding.feeding(parse(example | {"sha256": "0" * 64, "source": source}, "guide")).task == "image-forgery"
