"""Small networks in the shapes that people bring, made in code: real ONNX files with their manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "minister", "said", "shock", "##ing", "miracle", "cure", "."]


def save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]) -> Path:
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def floats(name: str, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def integers(name: str, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def genconvit(path: Path, seed: int = 0, side: int = 224, bias: float = 0.0) -> Path:
    """Two branches over one normalised picture, each with two logits, as GenConViT has its ED and its VAE."""
    random = np.random.default_rng(seed)
    nodes, outputs = [], []
    weights: dict[str, Any] = {}
    for branch in ("ed", "vae"):
        weights[f"{branch}.kernel"] = random.normal(0, 0.1, (8, 3, 16, 16)).astype(np.float32)
        weights[f"{branch}.head"] = random.normal(0, 1, (8, 2)).astype(np.float32)
        weights[f"{branch}.bias"] = np.array([0, bias], np.float32)
        nodes += [
            helper.make_node("Conv", ["image", f"{branch}.kernel"], [f"{branch}.c"], strides=[16, 16]),
            helper.make_node("Relu", [f"{branch}.c"], [f"{branch}.r"]),
            helper.make_node("GlobalAveragePool", [f"{branch}.r"], [f"{branch}.p"]),
            helper.make_node("Flatten", [f"{branch}.p"], [f"{branch}.f"]),
            helper.make_node("Gemm", [f"{branch}.f", f"{branch}.head", f"{branch}.bias"], [f"logits_{branch}"]),
        ]
        outputs.append(floats(f"logits_{branch}", [1, 2]))
    return save(path, nodes, [floats("image", [1, 3, side, side])], outputs, weights)


def bert(path: Path, seed: int = 0, width: int = 16) -> Path:
    """Embeddings, one masked self-attention, layer normalisation, and a head on the first token."""
    random = np.random.default_rng(seed)

    def some(*shape: int) -> Any:
        return random.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32)

    weights = {
        "word": random.normal(0, 1, (len(WORDS), width)).astype(np.float32),
        "segment": random.normal(0, 0.1, (2, width)).astype(np.float32),
        "wq": some(width, width),
        "wk": some(width, width),
        "wv": some(width, width),
        "scale": np.ones(width, np.float32),
        "shift": np.zeros(width, np.float32),
        "head": some(width, 2),
        "one": np.float32(1),
        "far": np.float32(-1e4),
        "axis": np.array([1], np.int64),
        "first": np.int64(0),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["word", "input_ids"], ["w"]),
        node("Gather", ["segment", "token_type_ids"], ["s"]),
        node("Add", ["w", "s"], ["x"]),
        node("MatMul", ["x", "wq"], ["q"]),
        node("MatMul", ["x", "wk"], ["k"]),
        node("MatMul", ["x", "wv"], ["v"]),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["qk"]),
        node("Cast", ["attention_mask"], ["m"], to=TensorProto.FLOAT),
        node("Sub", ["one", "m"], ["hidden"]),
        node("Mul", ["hidden", "far"], ["penalty"]),
        node("Unsqueeze", ["penalty", "axis"], ["p"]),
        node("Add", ["qk", "p"], ["a"]),
        node("Softmax", ["a"], ["share"], axis=-1),
        node("MatMul", ["share", "v"], ["mixed"]),
        node("Add", ["x", "mixed"], ["sum"]),
        node("LayerNormalization", ["sum", "scale", "shift"], ["y"], axis=-1),
        node("Gather", ["y", "first"], ["cls"], axis=1),
        node("MatMul", ["cls", "head"], ["logits"]),
    ]
    inputs = [integers(n, ["batch", "length"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
    return save(path, nodes, inputs, [floats("logits", ["batch", 2])], weights)


def listener(path: Path, length: int = 8000) -> Path:
    """A sound network: loudness to one logit."""
    node = helper.make_node
    nodes = [
        node("Abs", ["wave"], ["a"]),
        node("ReduceMean", ["a"], ["m"], axes=[1], keepdims=1),
        node("Mul", ["m", "gain"], ["logit"]),
    ]
    return save(path, nodes, [floats("wave", [1, length])], [floats("logit", [1, 1])], {"gain": np.float32(10)})


def mapper(path: Path) -> Path:
    """A picture of any size to its brightness as a map, and the mean of that as a probability."""
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["image"], ["map"], axes=[1], keepdims=1),
        node("ReduceMean", ["map"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Unsqueeze", ["mean", "axis"], ["probability"]),
    ]
    outputs = [floats("map", ["n", 1, "h", "w"]), floats("probability", ["n", 1])]
    return save(path, nodes, [floats("image", ["n", 3, "h", "w"])], outputs, {"axis": np.array([1], np.int64)})


def hungry(path: Path) -> Path:
    """Twice as much working memory as its picture takes, and one number for an answer."""
    node = helper.make_node
    nodes = [
        node("Sin", ["image"], ["a"]),
        node("Mul", ["a", "image"], ["b"]),
        node("ReduceMean", ["b"], ["mean"], axes=[1, 2, 3], keepdims=0),
    ]
    return save(path, nodes, [floats("image", ["n", 3, "h", "w"])], [floats("mean", ["n"])], {})


def tokenizer(path: Path) -> Path:
    """A WordPiece ``tokenizer.json`` as text transformers come with."""
    special = [
        {"id": i, "content": w, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        | {"special": True}
        for i, w in enumerate(WORDS[:4])
    ]
    single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    single += [{"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    facts = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {w: {"id": w, "ids": [WORDS.index(w)], "tokens": [w]} for w in ("[CLS]", "[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {w: i for i, w in enumerate(WORDS)},
        },
    }
    path.write_text(json.dumps(facts), "utf-8")
    return path


def manifest(path: Path, **changes: Any) -> Path:
    """A manifest for ``genconvit``; ``None`` takes a field away."""
    facts: dict[str, Any] = {
        "name": "genconvit",
        "version": "1",
        "task": "image-forgery",
        "input": {"image": {"shape": [1, 3, 224, 224], "dtype": "float32"}},
        "preprocessing": {"resize": "stretch", "mean": MEAN, "std": STD},
        "output": {"logits_ed": {"kind": "logits", "forged": 1}, "logits_vae": {"kind": "logits", "forged": 1}},
        "calibration": {"temperature": 1.5, "reliability": 0.4, "basis": "the maker's own figures"},
        "threshold": 0.5,
        "licence": "GPL-3.0",
        "reference": "Wodajo et al., Deepfake video detection using generative convolutional vision transformer, 2023",
        **changes,
    }
    path.write_text(yaml.safe_dump({k: v for k, v in facts.items() if v is not None}), "utf-8")
    return path


def text_manifest(path: Path, tokenizer_sha256: str, **changes: Any) -> Path:
    ids = {"shape": [1, None], "dtype": "int64"}
    facts: dict[str, Any] = {
        "name": "newsroom",
        "task": "text",
        "input": dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), ids),
        "preprocessing": {"max_length": 128},
        "output": {"logits": {"kind": "logits", "forged": 1}},
        "assets": {"tokenizer": {"file": "tokenizer.json", "sha256": tokenizer_sha256}},
        "reference": "Devlin et al., BERT, NAACL 2019",
        **changes,
    }
    return manifest(path, **facts)
