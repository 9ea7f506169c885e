"""The reference system's text route, on its own: the network answers, with the limits and errors of every route."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from veriscope.api import compat_fakenews, errors
from veriscope.api.security import Guard
from veriscope.config import Settings
from veriscope.errors import ModelUnavailable
from veriscope.inference.manifest import manifests
from veriscope.inference.onnx import OnnxInfer

FAKE = "SỐC: bí mật bị giấu kín"


class Secret:
    """Says FAKE of what holds the word it knows."""

    def __init__(self) -> None:
        self.missing = False

    def version(self, model: str) -> str:
        if self.missing:
            raise ModelUnavailable("The network is not installed.")
        return "7"

    def asset(self, model: str, key: str) -> bytes:
        assert (model, key) == ("fake-news-vi", "vocabulary")
        return "<PAD>\n<UNK>\nsốc".encode()

    def run(self, model: str, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        assert inputs["tokens"].shape == (1, 256)
        fake = 0.875 if (inputs["tokens"] == 2).any() else 0.25
        return {"probabilities": np.array([[1 - fake, fake]], np.float32)}


@pytest.fixture
def network() -> Secret:
    return Secret()


@pytest.fixture
def client(network: Secret) -> TestClient:
    settings = Settings(max_text_chars=1000)
    app = FastAPI()
    app.state.service = SimpleNamespace(settings=settings)
    app.state.fakenews = compat_fakenews.Classifier(network, most=2)
    app.include_router(compat_fakenews.router)
    errors.install(app)
    app.add_middleware(Guard, settings=settings)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_golden_answer(client: TestClient) -> None:
    assert client.post("/api/fakenews/", data={"text": FAKE}).json() == {
        "prediction": "FAKE",
        "confidence": 0.875,
        "probabilities": {"real": 0.125, "fake": 0.875},
        "model": {"name": "fake-news-vi", "version": "7"},
    }
    real = client.post("/api/fakenews/", data={"text": "tin thường"}).json()
    assert (real["prediction"], real["confidence"]) == ("REAL", 0.75)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"data": {"text": "  "}}, 400, "empty_input"),
        ({"data": {"other": "x"}}, 400, "bad_request"),
        ({"json": {"text": FAKE}}, 400, "bad_request"),
        ({"data": {"text": "x" * 1001}}, 413, "too_large"),
        ({"data": {f"f{i}": "x" for i in range(40)}}, 400, "bad_request"),
    ],
)
def test_errors_are_those_of_every_route(client: TestClient, sent: dict[str, Any], status: int, code: str) -> None:
    answer = client.post("/api/fakenews/", **sent)
    assert answer.json()["error"]["code"] == code
    assert answer.status_code == status


def test_a_body_without_end_is_cut_off(client: TestClient) -> None:
    form = {"Content-Type": compat_fakenews.FORM}
    answer = client.post("/api/fakenews/", content=(b"text=" + b"x" * 4096 for _ in range(100)), headers=form)
    assert answer.status_code == 413


def test_a_missing_network_is_said_so(client: TestClient, network: Secret) -> None:
    network.missing = True
    answer = client.post("/api/fakenews/", data={"text": FAKE})
    assert answer.status_code == ModelUnavailable.status
    assert answer.json()["error"]["code"] == ModelUnavailable.code


def test_too_many_at_once_are_refused(client: TestClient) -> None:
    classifier = client.app.state.fakenews  # type: ignore[attr-defined]
    classifier._running = 2
    assert client.post("/api/fakenews/", data={"text": FAKE}).json()["error"]["code"] == "overloaded"


@pytest.mark.skipif("fake-news-vi" not in manifests(), reason="the network is not in this package")
def test_shipped_network_answers() -> None:
    body = compat_fakenews.Classifier(OnnxInfer(), 1).classify(FAKE)
    assert body["prediction"] in {"REAL", "FAKE"}
    assert body["confidence"] == max(body["probabilities"].values()) >= 0.5
    assert body["probabilities"]["real"] + body["probabilities"]["fake"] == pytest.approx(1, abs=1e-3)
