"""The report as one self-contained page: no script, no request, readable on paper and in the dark."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from veriscope.evidence.document import document
from veriscope.evidence.drawing import timeline_svg
from veriscope.types import Report

_ENVIRONMENT = Environment(
    loader=PackageLoader("veriscope.evidence"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html_report(report: Report, lang: str = "en") -> str:
    """The whole report as HTML; pictures are inside as data URIs, everything that was sent in is escaped."""
    data, pictures = document(report, lang)
    sources = {
        name: f"data:{made.media_type};base64,{base64.b64encode(made.data).decode('ascii')}"
        for name, made in pictures.items()
    }
    drawing = timeline_svg(report, lang)  # escapes its own labels
    timeline = None if drawing is None else Markup(drawing)  # noqa: S704
    return _ENVIRONMENT.get_template("report.html.j2").render(d=data, w=data["words"], src=sources, timeline=timeline)
