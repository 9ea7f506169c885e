"""``policy=auto`` over the API: the report says which way it took, and is found again under the same question."""

from __future__ import annotations

import httpx
import pytest

from tests.making import encoded, photo

pytestmark = pytest.mark.e2e
ANALYSES = "/api/v1/analyses"


def test_a_picture_takes_its_way_once(client: httpx.Client) -> None:
    picture = {"file": ("route.png", encoded(photo(96, 96, seed=77), "PNG"))}
    first = client.post(ANALYSES, files=picture, data={"policy": "auto"})
    assert first.status_code == 200, first.text
    report = first.json()
    steps = report["settings"]["route"].split(" → ")
    assert report["settings"]["routing"] == "banded"
    assert report["policy"] == steps[-1].split()[0]
    assert any("step by step" in note for note in report["notes"])
    again = client.post(ANALYSES, files=picture, data={"policy": "auto"}).json()
    assert again["analysisId"] == report["analysisId"]
    other = client.post(ANALYSES, files=picture, data={"policy": "quick"}).json()
    assert other["analysisId"] != report["analysisId"]
    assert other["settings"].get("route") is None


def test_an_unknown_policy_is_refused(client: httpx.Client) -> None:
    answer = client.post(ANALYSES, json={"text": "A text.", "policy": "sometimes"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
