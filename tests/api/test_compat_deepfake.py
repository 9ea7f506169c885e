"""The reference platform's route for pictures: its shape to the key, and the errors of every other route."""

from __future__ import annotations

import pytest

from tests.making import encoded, photo, tone, wav
from tests.serving import Server, eventually

pytestmark = pytest.mark.e2e
SHAPE = {"prediction", "confidence", "probabilities", "model"}


def test_the_answer(server: Server) -> None:
    with server.client() as client:
        answers = [
            client.post("/api/deepfake/", files={field: ("a.jpg", encoded(photo(512, 512, seed=8), quality=90))})
            for field in ("file", "image")
        ]
    assert [a.status_code for a in answers] == [200, 200], answers[0].text
    one, other = (a.json() for a in answers)
    assert one == other, "the same picture, the same answer"
    assert one.keys() == SHAPE
    assert one["prediction"] in {"REAL", "FAKE"}
    real, fake = one["probabilities"]["real"], one["probabilities"]["fake"]
    assert real + fake == pytest.approx(1, abs=1e-3)
    assert one["confidence"] == max(real, fake)
    assert (one["prediction"] == "FAKE") == (fake > real)
    assert one["model"]["name"] == "forgery-classifier"
    eventually(lambda: server.spooled() == [])


@pytest.mark.parametrize(("size", "mode"), [((64, 64), "RGB"), ((3000, 200), "RGB"), ((640, 480), "L")])
def test_pictures_of_every_size(server: Server, size: tuple[int, int], mode: str) -> None:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(photo(*size, seed=1)).convert(mode).save(buffer, "PNG")
    with server.client() as client:
        assert client.post("/api/deepfake/", files={"file": ("a.png", buffer.getvalue())}).status_code == 200


def test_what_is_no_picture_is_refused(server: Server) -> None:
    with server.client() as client:
        sound = client.post("/api/deepfake/", files={"file": ("a.jpg", wav(tone()))})
        broken = client.post("/api/deepfake/", files={"file": ("a.jpg", encoded(photo(seed=2))[:400])})
        nothing = client.post("/api/deepfake/", files={"file": ("a.jpg", b"")})
    assert [(a.status_code, a.json()["error"]["code"]) for a in (sound, broken, nothing)] == [
        (415, "unsupported_kind"),
        (422, "damaged_media"),
        (400, "empty_input"),
    ]
    eventually(lambda: server.spooled() == [])
