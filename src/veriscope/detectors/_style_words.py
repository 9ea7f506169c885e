"""Closed word lists for stylometry: function words, and the cues that studies of false reports count.

Cues after Horne & Adalı (NECO 2017) and Rashkin et al. (EMNLP 2017); the Vietnamese lists are their counterparts.
Phrases are separated by commas; a word of Vietnamese is often several syllables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

LEXICON: Mapping[str, Mapping[str, str]] = {
    "en": {
        "function": "the, a, an, of, to, in, on, at, by, for, with, from, as, and, or, but, if, is, are, was, were, "
        "be, been, has, have, had, it, its, this, that, these, those, which, who, than, then, also",
        "first_person": "i, me, my, mine, we, us, our, ours",
        "second_person": "you, your, yours, yourself",
        "negation": "not, no, never, none, nobody, nothing, neither, nor, cannot, can't, don't, doesn't, didn't, "
        "won't, isn't, aren't, wasn't",
        "absolute": "always, never, all, every, everyone, everybody, nobody, nothing, completely, totally, entirely, "
        "absolutely, proof, proves, proven, truth, exactly, definitely, certainly, only, ever",
        "intensifier": "very, really, so, too, extremely, incredibly, shocking, amazing, terrible, horrible, huge, "
        "massive, secret, hidden, miracle",
        "hedge": "may, might, could, would, likely, possibly, probably, perhaps, reportedly, allegedly, apparently, "
        "suggests, estimated, about, around, nearly",
        "attribution": "said, says, according, reported, reports, told, announced, confirmed, stated, statement, "
        "spokesman, spokesperson, officials, researchers",
        "connective": "because, therefore, however, although, though, while, since, thus, hence, despite, whereas",
    },
    "vi": {
        "function": "và, của, là, các, những, cho, với, trong, để, được, có, này, đó, khi, từ, đã, đang, sẽ, về, tại, "
        "cũng, như, ra, vào, lại, trên",
        "first_person": "tôi, tui, mình, tao, chúng ta, chúng tôi, chúng mình",
        "second_person": "bạn, các bạn, anh em, mọi người, bà con, quý vị",
        "negation": "không, chưa, chẳng, chả, đừng, không hề, chưa từng",
        "absolute": "luôn, tất cả, hoàn toàn, chắc chắn, sự thật, mọi, toàn bộ, không ai, duy nhất, tuyệt đối",
        "intensifier": "rất, quá, lắm, sốc, cực kỳ, vô cùng, kinh hoàng, khủng khiếp, bí mật, thần kỳ",
        "hedge": "có thể, dường như, có lẽ, được cho là, khoảng, nghi, ước tính, dự kiến, có khả năng, bước đầu",
        "attribution": "theo, cho biết, cho hay, khẳng định, thông báo, xác nhận, thông tin từ, phát biểu, "
        "công bố, trả lời",
        "connective": "vì, do đó, tuy nhiên, mặc dù, bởi vì, nhưng, vì vậy, trong khi, ngoài ra, đồng thời",
    },
}
CUES = tuple(LEXICON["en"])


@cache
def pattern(language: str, cue: str) -> re.Pattern[str]:
    """Matches any phrase of the list as whole words in lower-case text, the longest first."""
    phrases = sorted(LEXICON[language][cue].split(", "), key=len, reverse=True)
    return re.compile(r"(?<![^\W_])(?:" + "|".join(map(re.escape, phrases)) + r")(?![^\W_])")
