"""The sentences of a verdict, in every language: what was measured first, then what it may mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from veriscope.types import Finding, Kind, Label, Reason, Text

LANGUAGES = ("en", "vi")

NOTHING_APPLIED: Text = {
    "en": "No method could measure anything on this file, so nothing is said about it.",
    "vi": "Không phương pháp nào đo được gì trên tệp này, nên không có kết luận.",
}
ASK_ORIGINAL: Text = {
    "en": "Ask for the original file, as it came from the camera or recorder: copies that were shared online have lost "
    "most traces.",
    "vi": "Hãy xin tệp gốc từ máy ảnh hoặc máy ghi: bản sao chia sẻ trên mạng đã mất phần lớn dấu vết.",
}
NO_PLACE: Text = {
    "en": "The score speaks of manipulation but no map shows a clear place; treat it as a hint.",
    "vi": "Điểm số gợi ý có chỉnh sửa nhưng không bản đồ nào chỉ rõ vị trí; hãy xem đây là gợi ý.",
}


def first_picture(count: int) -> Text:
    return {
        "en": f"The file holds {count} pictures; the first was examined.",
        "vi": f"Tệp chứa {count} ảnh; ảnh đầu tiên được kiểm tra.",
    }


def reduced_frames(longest: int, to: int) -> Text:
    return {
        "en": f"Frames of {longest} pixels were examined at {to} pixels on the longer side.",
        "vi": f"Khung hình {longest} điểm ảnh được kiểm tra ở {to} điểm ảnh theo cạnh dài.",
    }


def left_out(findings: Sequence[Finding]) -> Text:
    """What did not run because too much was waiting."""
    english, vietnamese = (", ".join(title(f, language) for f in findings) for language in LANGUAGES)
    return {
        "en": f"Too many requests were waiting, so these methods were left out: {english}.",
        "vi": f"Quá nhiều yêu cầu đang chờ nên các phương pháp sau bị bỏ qua: {vietnamese}.",
    }


def routed(steps: Sequence[tuple[str, float | None]]) -> Text:
    """The way that the policy ``auto`` took: policies and the risk (0–100) that each ended with."""
    names = {
        "en": {"quick": "a quick look", "standard": "the standard examination", "thorough": "the thorough examination"},
        "vi": {"quick": "kiểm tra nhanh", "standard": "kiểm tra tiêu chuẩn", "thorough": "kiểm tra kỹ lưỡng"},
    }
    way = {
        language: ", ".join(
            f"{names[language][name]} ({'–' if risk is None else f'{risk:.0f}'})" for name, risk in steps
        )
        for language in LANGUAGES
    }
    return {
        "en": f"Examined step by step, with the risk after each: {way['en']}.",
        "vi": f"Kiểm tra từng bước, kèm điểm rủi ro sau mỗi bước: {way['vi']}.",
    }


_OPENING: Mapping[Label, Text] = {
    Label.MANIPULATED: {
        "en": "Strong traces of manipulation or synthesis were measured.",
        "vi": "Đo được dấu vết rõ của chỉnh sửa hoặc tổng hợp.",
    },
    Label.SUSPICIOUS: {
        "en": "Traces were measured that are rare in genuine media.",
        "vi": "Đo được dấu vết hiếm gặp ở tệp thật.",
    },
    Label.INCONCLUSIVE: {
        "en": "The measurements do not allow a statement either way.",
        "vi": "Các phép đo không cho phép kết luận theo hướng nào.",
    },
    Label.AUTHENTIC: {
        "en": "The measurements speak for a genuine file.",
        "vi": "Các phép đo ủng hộ rằng tệp là thật.",
    },
}
_CAUTION: Mapping[Label, Text] = {
    Label.MANIPULATED: {
        "en": "About {rate} of genuine files reach 'Suspicious' or worse.",
        "vi": "Khoảng {rate} tệp thật đạt mức 'Đáng ngờ' trở lên.",
    },
    Label.SUSPICIOUS: {
        "en": "About {rate} of genuine files reach this level too.",
        "vi": "Khoảng {rate} tệp thật cũng đạt mức này.",
    },
    Label.INCONCLUSIVE: {
        "en": "Many forgeries leave no trace that survives sharing, so this is not a sign of being genuine.",
        "vi": "Nhiều giả mạo không để lại dấu vết sau khi chia sẻ, nên đây không phải dấu hiệu của tệp thật.",
    },
    Label.AUTHENTIC: {
        "en": "This cannot exclude a careful forgery.",
        "vi": "Điều này không loại trừ được giả mạo tinh vi.",
    },
}

_UNMEASURED: Text = {
    "en": "How often genuine files of this kind reach this level has not been measured; take it as a reason to look.",
    "vi": "Chưa đo được tệp thật loại này đạt mức này bao nhiêu lần; hãy xem đây là lý do để kiểm tra kỹ.",
}


def explain(
    label: Label, decided: Sequence[Finding], votes: Mapping[str, float], false_alarm_rate: float | None
) -> Text:
    """Opening, the sentences of the findings that decided, and a caution."""
    del votes
    rate = None if false_alarm_rate is None else f"{100 * false_alarm_rate:g} %"
    flagged = label in {Label.SUSPICIOUS, Label.MANIPULATED}
    caution = _UNMEASURED if flagged and rate is None else _CAUTION[label]
    out = {}
    for language in LANGUAGES:
        middle = [f"{title(f, language)}: {f.summary.get(language, f.summary['en'])}" for f in decided]
        out[language] = " ".join([_OPENING[label][language], *middle, caution[language].format(rate=rate)])
    return out


def title(finding: Finding, language: str) -> str:
    return finding.title.get(language) or finding.title.get("en") or finding.detector.replace("_", " ").capitalize()


def map_disagrees(finding: Finding) -> Text:
    return {
        "en": f"The map of “{title(finding, 'en')}” marks a place although the method counts for little here; look at it "
        "yourself before you rely on either.",
        "vi": f"Bản đồ của “{title(finding, 'vi')}” đánh dấu một vị trí dù phương pháp này có ít trọng số ở đây; hãy tự xem "
        "trước khi tin vào bên nào.",
    }


def own_record(finding: Finding) -> Text:
    return {
        "en": f"The other methods found nothing, but “{title(finding, 'en')}” speaks against an untouched file, so it is "
        "not called likely authentic.",
        "vi": f"Các phương pháp khác không thấy gì, nhưng “{title(finding, 'vi')}” không ủng hộ tệp nguyên vẹn, nên tệp "
        "không được xem là có khả năng thật.",
    }


def contradiction(towards: Finding, against: Finding) -> Text:
    return {
        "en": f"“{title(towards, 'en')}” and “{title(against, 'en')}” contradict each other; the interval is wider for it.",
        "vi": f"“{title(towards, 'vi')}” và “{title(against, 'vi')}” mâu thuẫn nhau; khoảng tin cậy rộng hơn vì vậy.",
    }


def recommend(label: Label, kind: Kind, findings: Sequence[Finding], *, complete: bool) -> tuple[Text, ...]:
    """What to do next, most useful first."""
    steps: list[Text] = []
    reasons = {f.reason for f in findings}
    if not complete:
        steps.append(
            {
                "en": "Run the analysis again: a part of it failed, and the verdict stands without it.",
                "vi": "Hãy chạy lại phân tích: một phần bị lỗi và kết luận đưa ra khi thiếu phần đó.",
            }
        )
    if label is not Label.AUTHENTIC:
        steps.append(ASK_ORIGINAL)
    if label in {Label.SUSPICIOUS, Label.MANIPULATED} and any(f.regions or f.spans or f.frames for f in findings):
        steps.append(
            {
                "en": "Look at the marked places yourself, at full size, and compare with other pictures of the scene.",
                "vi": "Hãy tự xem các vị trí được đánh dấu ở kích thước đầy đủ và so với ảnh khác của cảnh đó.",
            }
        )
    if kind in {Kind.IMAGE, Kind.VIDEO}:
        steps.append(
            {
                "en": "Search for earlier copies of the picture and compare with the oldest and largest one.",
                "vi": "Hãy tìm các bản sao sớm hơn của ảnh và so với bản cũ nhất, lớn nhất.",
            }
        )
    if kind in {Kind.TEXT, Kind.HTML}:
        steps.append(
            {
                "en": "Check the claims against independent sources: how a text is written does not show whether it is true.",
                "vi": "Hãy đối chiếu với nguồn độc lập: cách viết không cho biết nội dung đúng hay sai.",
            }
        )
    if Reason.NO_CREDENTIALS in reasons and kind is not Kind.TEXT:
        steps.append(
            {
                "en": "Ask the sender whether a version with Content Credentials exists.",
                "vi": "Hãy hỏi người gửi xem có bản kèm Content Credentials không.",
            }
        )
    if Reason.SKIPPED_UNDER_LOAD in reasons:
        steps.append(
            {
                "en": "Send the file again later: some methods were left out because too many requests were waiting.",
                "vi": "Hãy gửi lại tệp sau: một số phương pháp bị bỏ qua vì quá nhiều yêu cầu đang chờ.",
            }
        )
    if Reason.SKIPPED_BY_POLICY in reasons:
        steps.append(
            {
                "en": "Run the thorough policy: some methods were left out under this one.",
                "vi": "Hãy chạy chính sách kỹ (thorough): một số phương pháp bị bỏ qua ở chính sách này.",
            }
        )
    return tuple(steps)
