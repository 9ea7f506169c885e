"""What the policy ``auto`` saves, and what that costs in verdicts: photographs under ``auto`` and under ``standard``.

Pristine photographs of the test fifth as they are, and casia1 with both classes saved alike (JPEG 90). settled: share
for which the quick look was enough. cpu_ratio: CPU of ``auto`` ÷ CPU of ``standard``, decoder and all. alarm:
``Suspicious`` or worse.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from common import arguments, show
from datasets import Item, casia1, untouched
from serving import cpu_seconds_of
from veriscope.analysis import Examiner, analyse
from veriscope.types import Label, Options, Policy, Report

ALARM = {Label.SUSPICIOUS, Label.MANIPULATED}


def examined(items: Sequence[Item], policy: Policy, route: str) -> tuple[list[Report], float]:
    """Reports, and the CPU seconds that they took together."""
    with Examiner(threads=1, routing=route) as examiner:
        analyse(items[0].load()[0], options=Options(policy=Policy.STANDARD), examiner=examiner)  # the networks load
        began = cpu_seconds_of(os.getpid())
        reports = [analyse(item.load()[0], options=Options(policy=policy), examiner=examiner) for item in items]
        return reports, cpu_seconds_of(os.getpid()) - began


def alarms(reports: Sequence[Report]) -> list[bool]:
    return [report.assessment.label in ALARM for report in reports]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=40, help="pictures of each class, evenly over the set")
    parser.add_argument("--route", default="", help="of routing.yaml; the file's default when left out")
    given = parser.parse_args()
    sets = {"pristine": untouched(given.data, "test", given.limit)}
    casia = casia1(given.data, 90, given.limit)
    sets |= {"casia_real": [i for i in casia if not i.label], "casia_forged": [i for i in casia if i.label]}
    figures: dict[str, object] = {}
    spent = {Policy.AUTO: 0.0, Policy.STANDARD: 0.0}
    same = settled = count = 0
    for name, items in sets.items():
        found = {policy: examined(items, policy, given.route) for policy in spent}
        for policy, (reports, seconds) in found.items():
            spent[policy] += seconds
            figures[f"{name}_{policy}_alarms"] = sum(alarms(reports)) / len(items)
        first = [report.options.policy is Policy.QUICK for report in found[Policy.AUTO][0]]
        figures[f"{name}_settled"] = sum(first) / len(items)
        figures[f"{name}_cpu_ratio"] = found[Policy.AUTO][1] / found[Policy.STANDARD][1]
        settled += sum(first)
        count += len(items)
        same += sum(a == b for a, b in zip(*(alarms(found[policy][0]) for policy in spent), strict=True))
    figures |= {"settled": settled / count, "same_alarm": same / count, "n": count}
    figures |= {"cpu_ratio": spent[Policy.AUTO] / spent[Policy.STANDARD]}
    show(figures, as_json=given.json)


if __name__ == "__main__":
    main()
