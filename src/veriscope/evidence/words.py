"""The fixed wording of the written report, in English and Vietnamese.

Tone: what was measured, then what it may mean. Nothing here names a person or calls anything a fake.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

LANGUAGES = ("en", "vi")

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Media integrity report", "Báo cáo tính toàn vẹn của nội dung"),
    "file": ("File", "Tệp"),
    "size": ("Size", "Kích thước"),
    "bytes": ("bytes", "byte"),
    "pixels": ("pixels", "điểm ảnh"),
    "seconds": ("s", "giây"),
    "characters": ("characters", "ký tự"),
    "kind": ("Kind", "Loại"),
    "kind.image": ("Image", "Ảnh"),
    "kind.video": ("Video", "Video"),
    "kind.audio": ("Sound", "Âm thanh"),
    "kind.text": ("Text", "Văn bản"),
    "kind.html": ("Web page", "Trang web"),
    "kind.pdf": ("PDF", "PDF"),
    "examined": ("Examined", "Thời điểm kiểm tra"),
    "analysis": ("Analysis", "Mã phân tích"),
    "policy": ("Policy", "Chính sách"),
    "policy.quick": ("quick", "nhanh"),
    "policy.standard": ("standard", "tiêu chuẩn"),
    "policy.thorough": ("thorough", "kỹ lưỡng"),
    "policy.auto": ("automatic", "tự động"),
    "coverage": ("Coverage", "Phạm vi đã xem"),
    "coverage.of": ("{analysed} of {total} {unit}", "{analysed} trên {total} {unit}"),
    "coverage.frames": ("{n} frames", "{n} khung hình"),
    "coverage.rate": ("{n} frames a second", "{n} khung hình mỗi giây"),
    "coverage.faces": ("{n} faces", "{n} khuôn mặt"),
    "coverage.left_out": ("without {n} methods under load", "không chạy {n} phương pháp do quá tải"),
    "caption": ("Caption sent along", "Chú thích gửi kèm"),
    "asked": ("Only this part was asked for", "Chỉ yêu cầu xem phần này"),
    "label.Likely Authentic": ("Likely authentic", "Nhiều khả năng nguyên gốc"),
    "label.Inconclusive": ("Inconclusive", "Chưa kết luận được"),
    "label.Suspicious": ("Suspicious", "Đáng ngờ"),
    "label.Likely Manipulated": ("Likely manipulated", "Nhiều khả năng đã bị chỉnh sửa"),
    "means.Likely Authentic": (
        "The methods that could measure this file found no sign of manipulation.",
        "Các phương pháp đo được tệp này không thấy dấu hiệu chỉnh sửa.",
    ),
    "means.Inconclusive": (
        "The measurements do not settle it either way.",
        "Các phép đo chưa đủ để kết luận theo hướng nào.",
    ),
    "means.Suspicious": (
        "Some measurements do not fit an untouched file and need an explanation.",
        "Một số phép đo không khớp với tệp chưa chỉnh sửa và cần được giải thích.",
    ),
    "means.Likely Manipulated": (
        "The measurements that weigh most fit a manipulated file better than an untouched one.",
        "Các phép đo có trọng số lớn nhất khớp với tệp đã chỉnh sửa hơn là tệp nguyên gốc.",
    ),
    "risk": ("Risk {risk} of 100", "Mức rủi ro {risk} trên 100"),
    "risk.none": (
        "No risk figure: no method could score this file",
        "Không có mức rủi ro: không phương pháp nào cho điểm được",
    ),
    "interval": ("interval {low} to {high}", "khoảng từ {low} đến {high}"),
    "confidence": ("Confidence", "Độ tin cậy"),
    "confidence.Low": ("low", "thấp"),
    "confidence.Medium": ("medium", "trung bình"),
    "confidence.High": ("high", "cao"),
    "false_alarms": (
        "About {percent} % of authentic files reach “Suspicious” or worse.",
        "Khoảng {percent} % tệp thật cũng đạt mức “Đáng ngờ” hoặc nặng hơn.",
    ),
    "incomplete": (
        "This report is incomplete: at least one method failed, see below.",
        "Báo cáo này chưa đầy đủ: có phương pháp gặp lỗi, xem bên dưới.",
    ),
    "decided": ("What decided", "Điều gì quyết định"),
    "recommendations": ("What to do next", "Nên làm gì tiếp theo"),
    "notes": ("Keep in mind", "Cần lưu ý"),
    "findings": ("What was measured", "Những gì đã đo"),
    "score": ("score {score}", "điểm {score}"),
    "score.none": ("no score", "không cho điểm"),
    "weight": ("{percent} % of the decision", "{percent} % của quyết định"),
    "reliability": ("Reliability", "Độ đáng tin"),
    "unmeasured": ("not measured on media like this", "chưa được đo trên loại nội dung này"),
    "method": ("Method", "Phương pháp"),
    "measurements": ("Measurements", "Số đo"),
    "parameters": ("Parameters", "Tham số"),
    "failed": ("Failed with code {code}.", "Gặp lỗi với mã {code}."),
    "also": ("Without a score here", "Không cho điểm ở đây"),
    "signal.visualSpatial": ("Picture plane", "Mặt phẳng ảnh"),
    "signal.frequency": ("Compression and spectrum", "Nén và phổ tần số"),
    "signal.noise": ("Noise", "Nhiễu"),
    "signal.temporalAnalysis": ("Course in time", "Diễn biến theo thời gian"),
    "signal.audio": ("Sound", "Âm thanh"),
    "signal.audioVisual": ("Mouth and voice", "Khẩu hình và giọng nói"),
    "signal.metadataForensics": ("Metadata", "Siêu dữ liệu"),
    "signal.provenance": ("Provenance", "Nguồn gốc"),
    "signal.textAnalysis": ("Text", "Văn bản"),
    "where": ("Where to look", "Nên nhìn vào đâu"),
    "where.regions": ("Numbered regions on the preview", "Các vùng đánh số trên ảnh xem trước"),
    "map": (
        "Map of {detector}: dark blue is little, yellow is much; the picture beneath is greyed.",
        "Bản đồ của {detector}: xanh đậm là ít, vàng là nhiều; ảnh bên dưới được chuyển xám.",
    ),
    "moments": ("Moments with the highest scores", "Những thời điểm có điểm cao nhất"),
    "timeline": ("Timeline", "Dòng thời gian"),
    "timeline.alt": (
        "Scores (lines, 0 to 1) and marked stretches (bars) through time.",
        "Điểm (đường, từ 0 đến 1) và các đoạn được đánh dấu (thanh) theo thời gian.",
    ),
    "waveform": ("Waveform with marked stretches", "Dạng sóng với các đoạn được đánh dấu"),
    "spectrogram": ("Spectrogram, 0 to {hz} Hz", "Phổ đồ, 0 đến {hz} Hz"),
    "views": ("Views for the analyst (no score)", "Hình xem cho chuyên viên (không cho điểm)"),
    "text": ("Text with marked stretches", "Văn bản với các đoạn được đánh dấu"),
    "text.cut": ("Only the beginning is shown.", "Chỉ hiển thị phần đầu."),
    "av_sync": ("Sound against picture", "Âm thanh so với hình"),
    "av_sync.value": ("{ms} ms (confidence {confidence})", "{ms} ms (độ tin cậy {confidence})"),
    "provenance": ("Content Credentials", "Content Credentials"),
    "provenance.none": (
        "None. Most files carry none; this is neutral.",
        "Không có. Đa số tệp không có; điều này là trung tính.",
    ),
    "provenance.invalid": (
        "Present, but broken: the file or its credentials were changed after signing.",
        "Có, nhưng bị hỏng: tệp hoặc chứng thực đã bị thay đổi sau khi ký.",
    ),
    "provenance.valid": (
        "Intact since signing. The signer is not on a trust list, so the name below is a claim.",
        "Nguyên vẹn từ khi ký. Bên ký không nằm trong danh sách tin cậy nên tên bên dưới chỉ là lời khai.",
    ),
    "provenance.trusted": (
        "Intact since signing, and the signer is on the trust list.",
        "Nguyên vẹn từ khi ký và bên ký nằm trong danh sách tin cậy.",
    ),
    "provenance.signer": ("Signer", "Bên ký"),
    "provenance.ai": (
        "The credentials declare generation or editing by AI.",
        "Chứng thực khai báo nội dung do AI tạo hoặc chỉnh sửa.",
    ),
    "metadata": ("Metadata", "Siêu dữ liệu"),
    "metadata.odd": ("remarkable", "đáng chú ý"),
    "metadata.none": ("The file carries no metadata.", "Tệp không có siêu dữ liệu."),
    "settings": ("Versions, thresholds and settings", "Phiên bản, ngưỡng và thiết lập"),
    "networks": ("Networks", "Mạng nơ-ron"),
    "versions": ("Versions", "Phiên bản"),
    "thresholds": ("Risk of each label", "Mức rủi ro của mỗi nhãn"),
    "uncalibrated": (
        "The value is shown without a score: this method was not measured on labelled media of this kind.",
        "Giá trị được nêu mà không cho điểm: phương pháp này chưa được đo trên tư liệu có nhãn thuộc loại này.",
    ),
    "options": ("Settings", "Thiết lập"),
    "timings": ("Time taken, ms", "Thời gian, ms"),
    "limits": ("What this report cannot say", "Báo cáo này không thể nói gì"),
    "limits.0": (
        "Finding no trace is not proof of authenticity: traces fade with every copy, screenshot and recompression.",
        "Không thấy dấu vết không chứng minh là thật: dấu vết mờ dần sau mỗi lần sao chép, chụp màn hình, nén lại.",
    ),
    "limits.1": (
        "A trace of processing is not proof of deceit: cropping, retouching and sharing apps leave traces too.",
        "Dấu vết xử lý không chứng minh sự lừa dối: cắt ảnh, làm đẹp và ứng dụng chia sẻ cũng để lại dấu vết.",
    ),
    "limits.2": (
        "It does not say whether what is shown or claimed is true, who made it, or why.",
        "Báo cáo không nói điều được thể hiện có đúng hay không, ai làm ra và vì sao.",
    ),
    "limits.3": (
        "Reliabilities were measured on the named data; on other material they can be lower.",
        "Độ đáng tin được đo trên dữ liệu đã nêu; với tư liệu khác có thể thấp hơn.",
    ),
    "limits.4": (
        "It supports a decision by people who know the context, and replaces no expert opinion.",
        "Báo cáo hỗ trợ người hiểu bối cảnh ra quyết định và không thay thế giám định của chuyên gia.",
    ),
    "limits.text": (
        "Style is not truth: plain wording can be false, and excited wording can be true.",
        "Văn phong không phải sự thật: lời lẽ điềm đạm có thể sai, lời lẽ kích động có thể đúng.",
    ),
}


class Words:
    """The wording in one language; unknown languages read English."""

    def __init__(self, lang: str) -> None:
        self.lang = lang if lang in LANGUAGES else "en"
        self._at = LANGUAGES.index(self.lang)
        self._marks = str.maketrans(",.", ".,") if self.lang == "vi" else {}

    def __call__(self, key: str, **values: object) -> str:
        text = _WORDS[key][self._at]
        return text.format(**values) if values else text

    def number(self, value: float, digits: int = 0) -> str:
        """With the decimal mark of the language: 12,345.6 or 12.345,6."""
        return f"{value:,.{digits}f}".translate(self._marks)

    def figure(self, value: float) -> str:
        """Four significant digits, scientific where plain ones would mislead."""
        if value != 0 and not 1e-3 <= abs(value) < 1e6:
            return f"{value:.3g}".translate(self._marks)
        digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
        text = f"{value:,.{digits}f}"
        return (text.rstrip("0").rstrip(".") if "." in text else text).translate(self._marks)

    def percent(self, share: float) -> str:
        return self.figure(round(100 * share, 0 if share >= 0.1 else 1))

    def clock(self, seconds: float) -> str:
        """m:ss.s, or h:mm:ss.s from an hour on."""
        tenths = round(max(0.0, seconds) * 10)
        minutes, rest = divmod(tenths, 600)
        hours, minutes = divmod(minutes, 60)
        tail = f"{rest // 10:02d}{',' if self.lang == 'vi' else '.'}{rest % 10}"
        return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
