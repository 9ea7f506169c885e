"""The harness against real detectors, on media made here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from veriscope.detectors.base import Method
from veriscope.errors import BadRequest, ModelUnavailable
from veriscope.train.evaluate import evaluate, unread
from veriscope.train.examination import examine, subject
from veriscope.train.labelled import Item, Sample
from veriscope.types import Finding, Infer, Kind, Policy, Reason, Scene, Signal

from tests.making import encoded, photo, tone, wav


class Brightness(Method):
    """Raw: mean brightness. Dark pictures get no answer, blue ones break it, and the map marks the bright half."""

    name = "brightness"
    signal = Signal.VISUAL_SPATIAL
    kinds = frozenset({Kind.IMAGE})
    models: tuple[str, ...] = ("centerface",)
    sentences = {"x": {"en": "x", "vi": "x"}}

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image = scene.image()
        if image.mean() < 40:
            return self.abstain(Reason.NO_TEXTURE)
        if image[..., 2].mean() > 2 * image[..., 0].mean():
            raise ValueError("broken")
        heat = (image.mean(axis=2) > 128).astype(np.float32)
        return self.found(float(image.mean()), scene.media.kind, self.say("x"), heatmap=heat)


def picture(level: float, seed: int, *, mask: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    pixels = np.clip(level + rng.normal(0, 5, (48, 64, 3)), 0, 255)
    where = None
    if mask:
        where = np.zeros((48, 64), bool)
        where[:, :32] = True
        pixels[where] = 200
        pixels[~where] = 60
    return Sample(encoded(pixels.astype(np.uint8), "PNG"), where)


def items(count: int = 24, *, gap: float = 60) -> list[Item]:
    return [
        Item(f"{i}.png", i % 2, lambda i=i: picture(90 + gap * (i % 2), i, mask=False), f"g{i}")  # type: ignore[misc]
        for i in range(count)
    ]


def run(media: list[Item]) -> dict[str, object]:
    return evaluate(Brightness(), media)[0]


def test_figures_have_intervals_and_a_baseline() -> None:
    result = run(items())
    assert result["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert result["eer"]["value"] == 0
    baseline = result["baseline"]
    assert set(baseline["auc"]) == {"value", "low", "high"}
    assert baseline["auc"]["value"] < 0.9  # sizes alone do not tell these
    assert result["items"]["outcomes"] == {"genuine": {"spoke": 12}, "fake": {"spoke": 12}}
    assert result["speed"]["peak_memory_mb"] > 10
    assert result["subject"]["detector"] == "brightness"


def test_an_uncalibrated_detector_gets_no_accuracy_made_up() -> None:
    result = run(items())
    assert "accuracy" not in result
    assert "ece" not in result


def test_abstentions_faults_and_damage_are_counted() -> None:
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[..., 2] = 200
    odd = [
        Item("dark.png", 1, lambda: picture(5, 1), "d"),
        Item("blue.png", 1, lambda: Sample(encoded(blue, "PNG")), "b"),
        Item("broken.png", 0, lambda: Sample(encoded(photo(64, 48), "PNG")[:90]), "c"),
        Item("sound.wav", 0, lambda: Sample(wav(tone(0.5))), "s"),
    ]
    result = run([*items(20), *odd])
    outcomes = result["items"]["outcomes"]
    assert outcomes["fake"] == {"failed": 1, "no_texture": 1, "spoke": 10}
    assert outcomes["genuine"] == {"not_applicable": 1, "spoke": 10, "unreadable": 1}
    assert unread(result) == 2
    assert result["answered"]["value"] == pytest.approx(20 / 24, abs=1e-4)
    assert result["auc"]["value"] == 1
    assert result["tpr_at_fpr_1pct"]["value"] == pytest.approx(10 / 12, abs=1e-4)  # silence finds nothing


def test_a_detector_that_never_speaks_gets_no_figure_made_up() -> None:
    result = run([Item(f"{i}.png", i % 2, lambda i=i: picture(5, i)) for i in range(12)])  # type: ignore[misc]
    assert result["answered"]["value"] == 0
    assert result["auc"] == {"value": None, "low": None, "high": None}
    assert result["tpr_at_fpr_1pct"]["value"] == 0
    assert "auc_gain" not in result["baseline"]
    assert result["failures"] == {"false_alarms": [], "missed": []}


def test_pixel_f1_is_of_the_map_on_the_mask() -> None:
    masked = [Item(f"m{i}.png", 1, lambda i=i: picture(0, i, mask=True), f"m{i}") for i in range(4)]  # type: ignore[misc]
    result = run([*masked, *[replace(i, label=0) for i in items(4)]])
    assert result["pixel_f1_fixed"]["value"] == 1
    assert result["baseline"]["pixel_f1_everything"] == pytest.approx(2 / 3, abs=1e-4)


def test_only_the_test_split_is_graded_and_dev_chooses() -> None:
    media = items(400)
    splits = ["train"] * 40 + ["dev"] * 260 + ["test"] * 100
    result = run([replace(item, split=split) for item, split in zip(media, splits, strict=True)])
    assert result["items"]["left_alone"] == 40
    assert result["items"]["genuine"] + result["items"]["fake"] == 100
    learned = result["thresholds"]
    assert learned["false_alarms_1pct"]["total"] == 130
    assert learned["false_alarms_1pct"]["found_here"]["value"] == 1
    assert learned["band"]["decided_here"] > 0.9


def test_a_set_without_test_items_is_refused() -> None:
    with pytest.raises(BadRequest):
        run([replace(item, split="train") for item in items(4)])


def test_subsets_are_graded_apart() -> None:
    media = [replace(item, subset="ab"[i // 2 % 2]) for i, item in enumerate(items(16))]
    assert set(run(media)["subsets"]) == {"a", "b"}


def test_who_speaks_for_a_network() -> None:
    assert subject("copy-move").name == "copy_move"
    assert subject("centerface", (Brightness(),)).name == "brightness"
    for name in ("nothing-of-the-kind", "silero_vad"):
        with pytest.raises(BadRequest):
            subject(name, ())
    twins = (Brightness(), type("Other", (Brightness,), {"name": "other"})())
    with pytest.raises(BadRequest) as caught:
        subject("centerface", twins)
    assert "brightness, other" in caught.value.hint


def test_a_missing_network_stops_the_evaluation() -> None:
    class Asks(Brightness):
        def inspect(self, scene: Scene, infer: Infer) -> Finding:
            infer.run("no-such-network", {})
            raise AssertionError

    with pytest.raises(ModelUnavailable):
        examine(items(2), Asks())


def test_texts_go_the_same_way_through_a_shipped_detector() -> None:
    sentence = "The ministry said on Monday that the new road would be open by the end of the year. "
    texts = [sentence * 8, ("SHOCKING!!! You WON'T believe what THEY hide from YOU!!! Share NOW!!! " + sentence) * 4]
    media = [Item(f"t{i}", i % 2, lambda i=i: Sample(texts[i % 2])) for i in range(12)]  # type: ignore[misc]
    result, answers = evaluate(subject("stylometry"), media, Policy.QUICK)
    assert {a.outcome for a in answers} == {"spoke"}
    assert result["auc"]["value"] == 1
    assert 0 <= result["accuracy"]["value"] <= 1  # it is calibrated
    assert result["ece_after_temperature"]["value"] is not None
    assert result["baseline"]["auc"]["value"] == 1  # lengths and capitals tell these apart as well
    assert result["baseline"]["auc_gain"]["value"] == 0
