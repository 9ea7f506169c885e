from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from veriscope.evidence.artifacts import artifacts, layer, overlay, waveform
from veriscope.evidence.schema import public
from veriscope.perception.exhibits import shrink
from veriscope.types import Exhibits, Report


def decoded(report: Report) -> dict[str, np.ndarray]:
    read = {}
    for made in artifacts(report):
        picture = cv2.imdecode(np.frombuffer(made.data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None, made.name
        signature = b"\xff\xd8" if made.media_type == "image/jpeg" else b"\x89PNG"
        assert made.data.startswith(signature), made.name
        read[made.name] = picture
    return read


def linked(value: Any) -> set[str]:
    """Every artifact name anywhere in the public JSON."""
    if isinstance(value, dict):
        own = {value["name"]} if "mediaType" in value and "url" in value else set()
        return own.union(*(linked(v) for v in value.values()))
    return set().union(*(linked(v) for v in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", ["image_report", "video_report", "text_report"])
def test_json_and_artifacts_agree(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    made = [a.name for a in artifacts(report)]
    assert len(made) == len(set(made))
    assert linked(public(report).model_dump(mode="json")) == set(made) - {"regions.jpg"}


def test_sizes(image_report: Report) -> None:
    pictures = decoded(image_report)
    assert pictures["heatmap-jpeg_grid.png"].shape == (90, 120, 4)
    assert pictures["overlay-jpeg_grid.jpg"].shape == (90, 120, 3)
    # The region is 40×20 of 240×180; the preview has half that scale, and 15 % are added on each side.
    assert pictures["crop-1.jpg"].shape[:2] == (14, 26)


def test_layer_is_transparent_where_nothing_was_found() -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0], heat[3, 3] = np.nan, 1.0
    rgba = layer(heat, (4, 4))
    assert rgba[0, 0, 3] == 0
    assert rgba[3, 3, 3] == 255
    red, green, blue = rgba[3, 3, :3].astype(int)
    assert min(red, green) > blue + 60  # yellow, never red
    grey = np.full((4, 4, 3), 80, np.uint8)
    assert (overlay(grey, rgba)[0, 0] == 80).all()


def test_lightness_of_the_colours_rises_steadily() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    colours = layer(ramp, (256, 1))[..., :3]
    lightness = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)[0, :, 0].astype(int)
    assert (np.diff(lightness) >= -1).all()
    assert lightness[-1] - lightness[0] > 150


def test_waveform_marks_the_span(video_report: Report) -> None:
    picture = waveform(video_report)
    assert picture is not None
    amber = np.flatnonzero((picture[0, :, 0] == 230) & (picture[0, :, 3] > 0))
    assert amber[0] == 600  # 2.0 of 4 s on 1200 pixels
    assert amber[-1] == 750


def test_large_views_are_reduced_and_small_ones_left_alone() -> None:
    assert shrink(np.zeros((3000, 1500, 3), np.uint8), 2048).shape == (2048, 1024, 3)
    assert shrink(np.zeros((30, 15), np.uint8), 2048).shape == (30, 15)


def test_no_exhibits_no_artifacts(image_report: Report) -> None:
    bare = replace(image_report, findings=(), exhibits=Exhibits())
    assert artifacts(bare) == []
