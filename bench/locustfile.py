"""The reference paper's load, for Locust: to compare with the figures of ``bench/serving.py``, which Locust's own CPU
time lowers on a small machine.

    pip install locust
    locust -f bench/locustfile.py --host http://127.0.0.1:8000 --headless -u 16 -r 0.53 -t 2m --tags mixed

Tags: ``image``, ``text``, ``mixed`` (half of each). Start the service with a high ``rate_limit`` and
``upload_rate_limit``.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from locust import HttpUser, tag, task

from serving import IMAGE, TEXT, pictures, texts

_IMAGES, _BODIES = pictures(200), texts(200)
_NUMBERS = itertools.count()  # makes every request's bytes its own: no cache helps


class Reader(HttpUser):
    """Sends the next request when the last was answered."""

    def _image(self, number: int) -> None:
        data = _IMAGES[number % len(_IMAGES)] + number.to_bytes(4, "big")
        self.client.post(IMAGE, files={"file": ("a.jpg", data, "image/jpeg")})

    def _text(self, number: int) -> None:
        body = _BODIES[number % len(_BODIES)] + f"+{number}".encode()
        self.client.post(TEXT, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})

    @tag("image")
    @task
    def image(self) -> None:
        self._image(next(_NUMBERS))

    @tag("text")
    @task
    def text(self) -> None:
        self._text(next(_NUMBERS))

    @tag("mixed")
    @task
    def mixed(self) -> None:
        number = next(_NUMBERS)
        (self._text if number % 2 else self._image)(number)
