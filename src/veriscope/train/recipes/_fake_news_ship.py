"""Development texts and a finished training → what the package carries: ``python -m … vi --data DIR --run DIR``.

Writes the networks of one language with their vocabulary and manifests. Of the recurrent network only the rows of the
words that are known travel, in int8; how often it then decides as the float32 one is measured and kept in its manifest.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

import veriscope.inference
from veriscope.inference.networks.fake_news import NAMES
from veriscope.inference.networks.fake_news_ngrams import STYLES
from veriscope.train.export import differences, export_module, manifest, quantise
from veriscope.train.recipes import _fake_news_linear as linear
from veriscope.train.recipes._fake_news import FakeNews, FakeNewsRecipe, Served, encoded, material
from veriscope.train.recipes._fake_news_unseen import fitted, scaled, scaling

PACKAGE = Path(next(iter(veriscope.inference.__path__)))
LICENCE = "Apache-2.0 (weights); texts belong to their authors and are not included"
COMPARED = 400  # texts on which int8 is held against float32, those kept from the fit first
TRAINED_ON = {
    "vi": "VFND (226 articles) and vn-news-v2 without its copies of VFND",
    "en": "Constraint-COVID and LIAR, training parts",
}


def trimmed(checkpoint: Path, known: int) -> FakeNews:
    """The trained network without the rows of the embedding that no word uses."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    state["embedding.weight"] = state["embedding.weight"][:known].clone()
    network = FakeNews(known)
    network.load_state_dict(state)
    return network.eval()


def decisions(file: Path, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    found = [session.run(None, {"tokens": row[None]})[0][0] for row in tokens]
    return np.array([p[1] > p[0] for p in found])


def ship_network(language: str, data: Path, run: Path, folder: Path = PACKAGE) -> dict[str, float]:
    """The recurrent network in int8; returns how far it agrees with float32 and with torch."""
    recipe = FakeNewsRecipe(language, steps=1)
    train, kept, known = material(data, language)
    network = trimmed(run / "best.pt", len(known))
    target = folder / "weights" / f"{recipe.name}.onnx"
    probe = encoded([*kept.texts, *train.texts][:COMPARED], known)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "exact.onnx"
        export_module(Served(network), recipe.example(), exact, recipe.inputs, recipe.outputs, recipe.dynamic)
        quantise(exact, target, None)
        with torch.inference_mode():
            torch_says = torch.cat([Served(network)(torch.from_numpy(row[None])) for row in probe]).numpy()
        exact_says, short_says = decisions(exact, probe), decisions(target, probe)
        facts = {
            "texts_compared": float(len(probe)),
            "onnx_as_torch": float((exact_says == (torch_says[:, 1] > torch_says[:, 0])).mean()),
            "int8_as_float32": float((short_says == exact_says).mean()),
            "largest_difference": differences(exact, target, [{"tokens": row[None]} for row in probe[:100]]),
        }
    words = folder / "weights" / f"{recipe.name}.vocabulary.txt"
    words.write_text("\n".join(known), "utf-8")
    manifest(
        recipe.name,
        "1",
        target,
        folder / "manifests",
        task="text-reliability",
        input="tokens N×256 int64, <PAD> 0, <UNK> 1",
        output="probabilities N×2: real, fake; not calibrated",
        preprocessing="NFC, small letters, punctuation removed, words at white space, the first 256",
        trained_on=TRAINED_ON[language],
        licence=LICENCE,
        reference="the two-layer bidirectional LSTM of DeepSentry; max-pooling after Collobert & Weston, ICML 2008",
        assets={"vocabulary": {"file": words.name, "sha256": hashlib.sha256(words.read_bytes()).hexdigest()}},
        metrics={key: round(value, 5) for key, value in facts.items()},
    )
    return facts


def ship_ngrams(language: str, data: Path, folder: Path = PACKAGE) -> None:
    """The linear networks of one language, their log odds scaled to what they are worth on sources never seen."""
    for name in STYLES:
        if name.startswith(f"fake-news-{language}-"):
            target = folder / "weights" / f"{name}.onnx"
            scale = scaling(name, data)
            linear.export(scaled(fitted(name, data), scale), target)
            facts: dict[str, Any] = {
                "task": "text-reliability",
                "input": "hashed runs and how often each occurs: words, word_counts, letters, letter_counts",
                "output": "log_odds of fake on sources never seen; what each run adds: word_parts, letter_parts",
                "metrics": {"auc_unseen_sources": round(scale.auc, 4), "texts": scale.texts},
                "trained_on": "VFND (223 articles)" if name.endswith("-written") else TRAINED_ON[language],
                "licence": LICENCE,
                "reference": "Weinberger et al., Feature Hashing, ICML 2009; Stamatatos, Text Distortion, EACL 2017",
            }
            manifest(name, "1", target, folder / "manifests", **facts)


@click.command()
@click.argument("language", type=click.Choice(sorted(NAMES)))
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--run", type=click.Path(path_type=Path, exists=True, file_okay=False), help="The recurrent network's.")
def main(language: str, data: Path, run: Path | None) -> None:
    """Write the networks of LANGUAGE into the package; without --run the linear ones only."""
    ship_ngrams(language, data)
    if run is not None:
        for key, value in ship_network(language, data, run).items():
            click.echo(f"{key} {value:.5g}")


if __name__ == "__main__":
    main()
