from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")

from veriscope.inference.networks.synthetic_speech import FRAMES, HIGH, LOW, WINDOW, prepare  # noqa: E402
from veriscope.train import speech_chains, speech_corpus, speech_resynthesis, speech_vocoders  # noqa: E402
from veriscope.train.export import export  # noqa: E402
from veriscope.train.fit import fit  # noqa: E402
from veriscope.train.recipes.synthetic_speech import TRAINED, Net, SyntheticSpeech, crops  # noqa: E402
from veriscope.train.speech_corpus import GENUINE, Version  # noqa: E402

RATE = 16000


def voice(seconds: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(rng.uniform(90, 180) + 20 * np.sin(2 * np.pi * time)) / RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 25)) * (0.6 + 0.4 * np.sin(9 * time))
    return (0.1 * tone + 0.003 * rng.normal(size=len(time))).astype(np.float32)


def versions() -> list[Version]:
    """Four clips, each twice as it is and twice as noise of the same level."""
    found = []
    for clip, k in itertools.product(range(4), range(2)):
        genuine = voice(4.5, clip)
        forged = np.random.default_rng(clip).normal(0, genuine.std(), len(genuine))
        for system, sound in ((GENUINE, genuine), ("noise", forged)):
            found.append(Version(system, clip, k, 0, np.rint(20000 * sound).astype(np.int16)))
    return found


def test_pairs_are_of_one_clip_and_coded_alike() -> None:
    for genuine, forged in itertools.islice(speech_corpus.pairs(versions(), 0), 40):
        assert (genuine.system, forged.system) == (GENUINE, "noise")
        assert (genuine.clip, genuine.coded) == (forged.clip, forged.coded)


def test_no_speaker_is_on_both_sides() -> None:
    recipe = SyntheticSpeech()
    recipe._versions = versions()
    trained = {v.clip for v in recipe._versions if not speech_corpus.held_out(v.clip)}
    assert trained == {1, 2}


def test_crops_of_a_pair_have_one_length_and_one_history() -> None:
    chosen = versions()
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = crops([chosen[0], chosen[0]], rng, TRAINED)
        assert len(a) == TRAINED
        np.testing.assert_array_equal(a, b)


def test_two_steps_of_training_give_a_network_that_runs(tmp_path: Path) -> None:
    recipe = SyntheticSpeech()
    recipe._versions, recipe.batch = versions(), 4
    best = fit(recipe, tmp_path, tmp_path / "run", steps=2, validate_every=2, progress=lambda _: None)
    export(recipe, best, tmp_path / "net.onnx")
    module = Net()
    module.load_state_dict(torch.load(best, weights_only=True))
    picture = prepare(np.stack([voice(4, 1)[:WINDOW]]))["picture"]
    got = ort.InferenceSession(str(tmp_path / "net.onnx")).run(None, {"picture": picture})
    with torch.no_grad():
        wanted = module.eval()(torch.from_numpy(picture))
    assert picture.shape == (1, 4, FRAMES, HIGH - LOW)
    assert got[1].shape == (1, FRAMES // 16)
    np.testing.assert_allclose(got[0], wanted[0].numpy(), atol=1e-3)


def test_vocoders_give_back_as_many_samples_as_they_got() -> None:
    for design in speech_vocoders.DESIGNS:
        sound = torch.from_numpy(voice(0.5, 0)[: 8 * design.hop])[None]
        with torch.no_grad():
            assert speech_vocoders.Generator(design)(sound).shape == sound.shape


def test_a_vocoder_learns(tmp_path: Path) -> None:
    design = speech_vocoders.Design("tiny", RATE, (8, 8, 4), 16)
    clips = [voice(3, seed) for seed in range(2)]
    short = speech_vocoders.train(design, clips, 0, tmp_path / "a.pt", batch=2, steps=2)
    longer = speech_vocoders.train(design, clips, 0, tmp_path / "b.pt", batch=2, steps=60)
    assert longer < short
    made = speech_vocoders.Vocoder(design, tmp_path / "b.pt")(clips[0], np.random.default_rng(0))
    assert made.shape == clips[0].shape
    assert np.std(made) == pytest.approx(np.std(clips[0]), rel=0.05)


@pytest.mark.parametrize("name", speech_resynthesis.VOCODERS)
def test_resynthesis_keeps_the_length_and_the_rough_spectrum(name: str) -> None:
    sound = voice(1.5, 3)
    made = speech_corpus.as_loud(speech_resynthesis.VOCODERS[name](sound, np.random.default_rng(0)), sound)
    assert len(made) == len(sound)
    bands = [np.log(np.add.reduceat(np.abs(np.fft.rfft(x)) ** 2, np.arange(0, 12000, 800))) for x in (sound, made)]
    assert np.corrcoef(*bands)[0, 1] > 0.6


@pytest.mark.parametrize("codec", speech_chains.CODECS)
def test_codecs_keep_sound_in_its_place(codec: str) -> None:
    sound = voice(1.5, 4)
    back = speech_chains.coded(sound, codec, speech_chains.CODECS[codec][3][1])
    assert len(back) == len(sound)
    assert np.corrcoef(sound, back)[0, 1] > 0.8


def test_light_changes_are_the_same_for_both() -> None:
    sound = voice(1.0, 5)
    a, b = speech_chains.lightly_changed((sound, sound.copy()), 11)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, speech_chains.lightly_changed((sound,), 12)[0])


def test_hybrids_lie_between() -> None:
    genuine = voice(1.5, 6)
    made = speech_corpus.as_loud(np.random.default_rng(0).normal(size=len(genuine)).astype(np.float32), genuine)
    for seed in range(4):
        mixed = speech_corpus.hybrid(genuine, made, np.random.default_rng(seed))
        assert len(mixed) == len(genuine)
        assert not np.allclose(mixed, genuine, atol=1e-3)
