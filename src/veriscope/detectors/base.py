"""What every detector shares: identity, calibrated scores, sentences in each language, clean abstention."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.resources import files
from typing import Any

from veriscope.types import Detector, Finding, Kind, Policy, Reason, Reliability, Signal, Text

ALL_POLICIES = frozenset({Policy.QUICK, Policy.STANDARD, Policy.THOROUGH})
NOT_QUICK = frozenset({Policy.STANDARD, Policy.THOROUGH})

_ABSTENTIONS: Mapping[Reason, Text] = {
    Reason.TOO_SMALL: {"en": "Too small for this method.", "vi": "Quá nhỏ đối với phương pháp này."},
    Reason.TOO_SHORT: {"en": "Too short for this method.", "vi": "Quá ngắn đối với phương pháp này."},
    Reason.OVER_COMPRESSED: {
        "en": "Compressed so strongly that the traces this method needs are gone.",
        "vi": "Bị nén quá mạnh nên dấu vết mà phương pháp này cần không còn.",
    },
    Reason.NOT_JPEG: {
        "en": "This method reads JPEG traces, and the file is not a JPEG.",
        "vi": "Phương pháp này đọc dấu vết JPEG, còn tệp không phải JPEG.",
    },
    Reason.NO_FACE: {"en": "No face was found.", "vi": "Không tìm thấy khuôn mặt nào."},
    Reason.NO_SPEECH: {"en": "No speech was found.", "vi": "Không tìm thấy lời nói."},
    Reason.NO_AUDIO: {"en": "The file has no sound.", "vi": "Tệp không có âm thanh."},
    Reason.NO_METADATA: {
        "en": "The file carries no metadata, as is usual after sharing online.",
        "vi": "Tệp không có siêu dữ liệu, điều thường thấy sau khi chia sẻ trên mạng.",
    },
    Reason.NO_THUMBNAIL: {"en": "The file carries no embedded thumbnail.", "vi": "Tệp không có ảnh thu nhỏ nhúng."},
    Reason.NO_CREDENTIALS: {
        "en": "The file carries no Content Credentials; most files do not, and this is not suspicious.",
        "vi": "Tệp không có Content Credentials; đa số tệp không có và điều này không đáng ngờ.",
    },
    Reason.NO_TEXTURE: {
        "en": "Too little texture for this method to measure anything.",
        "vi": "Quá ít kết cấu để phương pháp này đo được gì.",
    },
    Reason.UNSUPPORTED_LANGUAGE: {
        "en": "This method does not know the language of the text.",
        "vi": "Phương pháp này không biết ngôn ngữ của văn bản.",
    },
    Reason.NOT_APPLICABLE: {
        "en": "This method does not apply to this file.",
        "vi": "Phương pháp này không áp dụng cho tệp này.",
    },
    Reason.UNCALIBRATED: {
        "en": "Measured, but how often this is wrong on such media is not known, so it gives no score.",
        "vi": "Đã đo, nhưng chưa biết tỉ lệ sai trên loại tệp này nên không cho điểm.",
    },
    Reason.SKIPPED_BY_POLICY: {
        "en": "Left out under the chosen policy; choose a more thorough one to run it.",
        "vi": "Bỏ qua theo chính sách đã chọn; hãy chọn chính sách kỹ hơn để chạy.",
    },
    Reason.SKIPPED_UNDER_LOAD: {
        "en": "Left out because too many requests were waiting; send the file again later to run it.",
        "vi": "Bỏ qua vì quá nhiều yêu cầu đang chờ; hãy gửi lại tệp sau để chạy phương pháp này.",
    },
    Reason.MODEL_MISSING: {
        "en": "The network that this method needs is not installed.",
        "vi": "Chưa cài mạng nơ-ron mà phương pháp này cần.",
    },
    Reason.FAILED: {
        "en": "This method failed; the rest of the report stands without it.",
        "vi": "Phương pháp này gặp lỗi; phần còn lại của báo cáo vẫn có giá trị.",
    },
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Raw statistic → probability at even odds, clipped to [floor, ceiling].

    The log-likelihood ratio for the forgery that the method looks for is ``slope · raw + offset`` (Platt 1999). Only
    ``share`` of all forgeries are of that kind; of the others the method sees nothing, so the ratio for "manipulated"
    is a mixture: 1 − share + share · exp(slope · raw + offset). A method that looks for copied areas and finds none
    thereby says little about a splice. Fitted by ``bench/calibrate.py`` on development data only; ``reliability`` is
    2·AUC − 1 there.
    """

    slope: float
    offset: float
    floor: float
    ceiling: float
    reliability: float
    basis: str
    share: float = 1.0

    def __call__(self, raw: float) -> float:
        z = max(-40.0, min(40.0, self.slope * raw + self.offset))
        ratio = 1.0 - self.share + self.share * math.exp(z)
        return min(self.ceiling, max(self.floor, ratio / (1.0 + ratio)))


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    text = files("veriscope.detectors").joinpath("calibration.json").read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@cache
def calibration(name: str, version: str, kind: Kind) -> Calibration | None:
    """The fitted mapping for one detector and version; ``None`` while nobody has measured it.

    A key ``name@version/kind`` wins over ``name@version``.
    """
    table = _table()
    entry = table.get(f"{name}@{version}/{kind}") or table.get(f"{name}@{version}")
    return None if entry is None else Calibration(**entry)


@cache
def library_versions(*names: str) -> Mapping[str, str]:
    return {name: metadata.version(name) for name in names}


class Method:
    """Base of the shipped detectors. Subclasses set the class attributes and write ``inspect``.

    ``sentences`` maps a key to the sentence in each language, with ``str.format`` fields.
    """

    name: str
    version: str = "1"
    signal: Signal
    kinds: frozenset[Kind]
    models: tuple[str, ...] = ()
    policies: frozenset[Policy] = ALL_POLICIES
    reference: str = ""
    libraries: tuple[str, ...] = ("numpy",)
    title: Text = {}
    sentences: Mapping[str, Mapping[str, str]] = {}

    def say(self, key: str, **values: Any) -> Text:
        return {language: text.format(**values) for language, text in self.sentences[key].items()}

    def found(self, raw: float, kind: Kind, summary: Text, **evidence: Any) -> Finding:
        """A finding whose score is the calibrated ``raw``.

        A method nobody has calibrated on this kind of media shows its measurement and abstains: a made-up
        probability would be worse than none.
        """
        raw = float(raw)
        fitted = calibration(self.name, self.version, kind)
        return Finding(
            detector=self.name,
            version=self.version,
            signal=self.signal,
            score=None if fitted is None else fitted(raw),
            reason=Reason.UNCALIBRATED if fitted is None else None,
            raw=raw,
            summary=summary,
            reliability=Reliability(0.0) if fitted is None else Reliability(fitted.reliability, fitted.basis),
            libraries=library_versions(*self.libraries),
            reference=self.reference,
            title=self.title,
            **evidence,
        )

    def abstain(self, reason: Reason, summary: Text | None = None, **evidence: Any) -> Finding:
        """No score, for a reason that the user can understand."""
        return Finding(
            detector=self.name,
            version=self.version,
            signal=self.signal,
            score=None,
            reason=reason,
            summary=_ABSTENTIONS[reason] if summary is None else summary,
            libraries=library_versions(*self.libraries),
            reference=self.reference,
            title=self.title,
            **evidence,
        )


def abstain_for(detector: Detector, reason: Reason) -> Finding:
    """The abstention of a detector that was not run, or broke."""
    return Finding(
        detector=detector.name,
        version=detector.version,
        signal=detector.signal,
        score=None,
        reason=reason,
        summary=_ABSTENTIONS[reason],
        reference=detector.reference,
        title=detector.title,
    )
