"""Whisper (A. Radford et al., ICML 2023) through CTranslate2, from weights on this machine; downloads nothing.

The encoder sees as much sound as there is instead of always 30 s: a quarter of the work for half the length. What goes
wrong with Whisper is made harmless: sentences that run in circles, are far too long for their sound or improbable as a
whole, and words that last much longer than their letters, get a confidence of 0, so that they count as not understood.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from veriscope.errors import ModelUnavailable
from veriscope.inference import folders
from veriscope.perception.speech import RATE
from veriscope.perception.word import Ways, Word

FILES: Final = ("model.bin", "config.json", "tokenizer.json")  # and vocabulary.txt or .json
_HOP, _FFT = 160, 400  # samples
_STEP: Final = 0.02  # seconds of one position of the encoder
_LEAST: Final = 2.0  # seconds of context, however short the sound is
_ROOM: Final = 0.5  # seconds of silence after the sound
_TOKENS: Final = 9.0  # a second: digits said one by one need six
_CIRCLES: Final = 2.4  # ratio of compression above which a sentence repeats itself (OpenAI's figure)
_IMPROBABLE: Final = -1.0  # mean log-probability of a token below which a sentence is a guess (OpenAI's figure)
_LIKELY: Final = 0.1  # probability from which a second language is tried
_ECHO: Final = 0.05  # seconds a word below which the last words are an echo: said again by the network alone
_UNSPACED: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


class Whisper:
    """Hears up to fifteen seconds at a time.

    Args:
        weights: folder with ``FILES``.
        language: ISO 639-1; ``None``: found out for every window.
        threads: of the processor.
    """

    error_rate = (
        "whisper-base gets about one word in twelve wrong on clean read English, more in noise and in other languages."
    )
    floor = 0.4
    ways = Ways(window=15.0, join=1.0, loose=True, apart=True, whole=0.5)

    def __init__(self, weights: Path, language: str | None = None, threads: int = 1) -> None:
        from ctranslate2.models import Whisper as Model
        from tokenizers import Tokenizer

        for name in FILES:
            if not (weights / name).is_file():
                raise ModelUnavailable(f"There are no weights of Whisper at {weights}: {name} is missing.")
        folders.checked(weights)
        self.name = f"whisper {weights.parent.name if weights.name.isdigit() else weights.name}"
        try:
            self._model: Any = Model(
                str(weights), device="auto", compute_type="int8", intra_threads=threads, inter_threads=1
            )
            self._words: Any = Tokenizer.from_file(str(weights / "tokenizer.json"))
        except Exception as exc:
            raise ModelUnavailable(f"The weights of Whisper at {weights} cannot be read: {_line(exc)}.") from exc
        self._language = None
        if language is not None and self._model.is_multilingual:
            if self._id(f"<|{language}|>") is None:
                raise ModelUnavailable(f"Whisper knows no language called {language}.")
            self._language = language

    def hear(self, samples: NDArray[np.float32]) -> list[Word]:
        from ctranslate2 import StorageView

        seconds = len(samples) / RATE
        frames = round(max(_LEAST, seconds + _ROOM) * RATE / _HOP / 2) * 2
        mel = features(samples, min(3000, frames), self._model.n_mels)
        encoded = self._model.encode(StorageView.from_array(mel[None]), to_cpu=True)
        tokens, prompt, language, sound = self._read(encoded, seconds)
        if not tokens:
            return []
        aligned = self._model.align(encoded, prompt[:-1], [tokens], min(mel.shape[1], int(seconds * RATE / _HOP)))[0]
        return _without_echo(self._timed(tokens, aligned, language, sound))

    def _languages(self, encoded: Any) -> list[str]:
        """In which languages to listen: the one that was set, or those that are likely, likeliest first."""
        if not self._model.is_multilingual:
            return [""]
        if self._language is not None:
            return [self._language]
        likely = [(name.strip("<|>"), p) for name, p in self._model.detect_language(encoded)[0][:2]]
        return [name for name, p in likely if p >= _LIKELY or name == likely[0][0]]

    def _prompt(self, language: str) -> list[int]:
        spoken = [self._known(f"<|{language}|>"), self._known("<|transcribe|>")] if language else []
        return [self._known("<|startoftranscript|>"), *spoken, self._known("<|notimestamps|>")]

    def _read(self, encoded: Any, seconds: float) -> tuple[list[int], list[int], str, bool]:
        """The tokens that were said, after which prompt, in which language, and whether they can be believed.

        A doubtful answer is asked for again, with more care, then in the next likely language.
        """
        languages = self._languages(encoded)
        answers = []
        for language, beams in [(languages[0], 1), *((name, 5) for name in languages)]:
            prompt = self._prompt(language)
            most = min(448, len(prompt) + 8 + int(seconds * _TOKENS))
            found = self._model.generate(encoded, [prompt], beam_size=beams, max_length=most, return_scores=True)[0]
            tokens = [t for t in found.sequences_ids[0] if t < self._known("<|endoftext|>")]
            whole = len(found.sequences_ids[0]) + len(prompt) < most
            calm = whole and circles(self._words.decode(tokens)) < _CIRCLES
            if calm and found.scores[0] > _IMPROBABLE:
                return tokens, prompt, language, True
            answers.append((calm, found.scores[0], tokens, prompt, language))
        _, _, tokens, prompt, language = max(answers, key=lambda a: a[:2])
        return tokens, prompt, language, False

    def _timed(self, tokens: list[int], aligned: Any, language: str, sound: bool) -> list[Word]:
        pairs = np.array(aligned.alignments)
        at = np.searchsorted(pairs[:, 0], np.arange(len(tokens) + 1), side="left")
        times = pairs[np.minimum(at, len(pairs) - 1), 1] * _STEP
        names = [self._words.id_to_token(t) or "" for t in tokens]
        starts = [i for i, name in enumerate(names) if i == 0 or name.startswith("Ġ") or language in _UNSPACED]
        out: list[Word] = []
        for first, stop in pairwise([*starts, len(tokens)]):
            text = self._words.decode(tokens[first:stop]).strip()
            if not text:
                continue
            probable = np.array(aligned.text_token_probs[first:stop])
            start, end = float(times[first]), float(times[stop])
            sure = float(probable.min() if any(c.isdigit() for c in text) else probable.mean())
            out.append(Word(text, start, end, sure if sound and end - start <= longest(text) else 0.0))
        return out

    def _id(self, token: str) -> int | None:
        found: int | None = self._words.token_to_id(token)
        return found

    def _known(self, token: str) -> int:
        found = self._id(token)
        if found is None:
            raise ModelUnavailable(f"The tokenizer beside the weights of Whisper does not know {token}.")
        return found


def _without_echo(words: list[Word]) -> list[Word]:
    """Without the words at the end that take no time: where the sound ends Whisper may begin again.

    An answer that is nothing but one phrase again and again, at last in no time, was made up: it counts as not
    understood.
    """
    for length in range(1, len(words) // 2 + 1):
        unit, last = words[:length], words[-length:]
        again = len(words) % length == 0 and all(w.text == unit[i % length].text for i, w in enumerate(words))
        if again and 2 * sum(w.end - w.start < _ECHO for w in last) >= length:
            return [replace(word, confidence=0.0) for word in unit]
    for first in range(len(words)):
        rest = words[first:]
        none = rest[0].end - rest[0].start < _ECHO
        if none and len(rest) >= 3 and rest[-2].end - rest[0].start < _ECHO * len(rest):
            return words[:first]
    return words


def longest(text: str) -> float:
    """Seconds that a word of so many letters may last; one that lasts longer hides others that were left out."""
    return 0.7 + sum(0.7 if c.isdigit() else 0.12 for c in text if c.isalnum())


def circles(text: str) -> float:
    """How often a text says the same again, by how far it can be compressed."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def features(samples: NDArray[np.float32], frames: int, bands: int) -> NDArray[np.float32]:
    """Logarithms of the power in ``bands`` mel bands, bands × frames, 100 frames a second; silence after the end."""
    sound = np.zeros(frames * _HOP + _FFT, np.float32)
    part = samples[: frames * _HOP]
    sound[_FFT // 2 : _FFT // 2 + len(part)] = part
    sound[: _FFT // 2] = part[_FFT // 2 : 0 : -1] if len(part) > _FFT // 2 else 0.0
    cut = np.lib.stride_tricks.sliding_window_view(sound, _FFT)[::_HOP][:frames]
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(cut * window)).astype(np.float32) ** 2
    mel = np.log10(np.maximum(_bank(bands) @ power.T, 1e-10))
    out: NDArray[np.float32] = ((np.maximum(mel, mel.max() - 8) + 4) / 4).astype(np.float32)
    return np.ascontiguousarray(out)


@cache
def _bank(bands: int) -> NDArray[np.float32]:
    """Triangles on Slaney's scale (linear to 1 kHz, then logarithmic), each of equal area."""
    step = np.log(6.4) / 27
    top = 15 + np.log(RATE / 2 / 1000) / step
    marks = np.linspace(0, top, bands + 2)
    edges = np.where(marks < 15, marks * 200 / 3, 1000 * np.exp(step * (marks - 15)))
    at = np.fft.rfftfreq(_FFT, 1 / RATE)
    rise = (at - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - at) / np.diff(edges)[1:, None]
    out: NDArray[np.float32] = (np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(
        np.float32
    )
    return out


def _line(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:200]
