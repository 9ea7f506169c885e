"""``python -m veriscope.api.openapi``: the OpenAPI document, from which the page's types are generated."""

from __future__ import annotations

import json

from veriscope.api.app import create_app
from veriscope.config import Settings

if __name__ == "__main__":
    print(json.dumps(create_app(Settings()).openapi(), indent=1, ensure_ascii=False))
