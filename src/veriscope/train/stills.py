"""Labelled pictures for the two-stage classifier: aligned faces from folders of videos, or forgeries made in code."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from veriscope.errors import VeriscopeError
from veriscope.inference.networks.forgery_classifier import SIZE
from veriscope.inference.onnx import OnnxInfer
from veriscope.media.child import DecodeChild
from veriscope.media.limits import Limits
from veriscope.perception.faces import align_face, largest
from veriscope.perception.scene import OpenScene, open_scene
from veriscope.train.labelled import Item, groups_of, read
from veriscope.train.recipes import forgery_heatmap as first
from veriscope.train.stacks import Labelled, Split
from veriscope.train.synthesis.store import Part, opened
from veriscope.types import Image, Kind, Options

_PARTS: tuple[tuple[Part, Split], ...] = (("train", "train"), ("validation", "dev"))


def of_folder(folder: Path, frames: int = 16) -> Iterator[Labelled]:
    """Aligned faces of a labelled folder (``labels.csv``, or ``real`` and ``fake``) of videos and pictures.

    A video gives at most ``frames`` faces at even distances, one a frame; what shows no face, or cannot be decoded,
    gives none. The groups of ``labels.csv`` (the person, or the original of a swap) decide the split; without them
    each file is its own, and a swap may be learned from where its original is graded: name the groups.
    """
    items = read(folder)
    infer = OnnxInfer()
    with DecodeChild(Limits()) as child, tempfile.TemporaryDirectory() as spool:
        path = Path(spool) / "item"
        for item, group in zip(items, groups_of(items), strict=True):
            content = item.load().content
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            try:
                with open_scene(path, Options(), child=child, infer=infer) as scene:
                    yield from _stills(scene, item, group, frames)
            except VeriscopeError:
                continue


def _stills(scene: OpenScene, item: Item, group: str, frames: int) -> Iterator[Labelled]:
    split = item.split or None
    if scene.media.kind is Kind.IMAGE:
        images: list[Image] = [scene.image()]
        faces = [[track.faces[0] for track in scene.faces()]]
    else:
        seen = [(frame, scene.look(frame)) for frame in scene.frames() if frame.sampled]
        chosen = [seen[int(i)] for i in np.linspace(0, len(seen) - 1, min(frames, len(seen))).round()]
        images, faces = [frame.image for frame, _ in chosen], [list(found) for _, found in chosen]
    for image, found in zip(images, faces, strict=True):
        face = largest(found)
        if face is not None:
            crop = align_face(image, face, SIZE)
            yield Labelled(crop, item.label, group, item.name, split)  # type: ignore[arg-type]


def of_forgeries(data: Path) -> Iterator[Labelled]:
    """The forgeries that ``forgery-heatmap`` learns from and their untouched twins, each after saves of its own.

    Those of its held-out photographs are ``dev``; hosts and donors never cross. Made in its cache the first time.
    """
    rng = np.random.default_rng(1)
    for part, split in _PARTS:
        store = opened(first.cache_folder(), data, part, first.how_many(part))
        for index in range(len(store)):
            for label in (0, 1):
                name = f"{part}-{index}-{label}"
                yield Labelled(first.sent(store, index, bool(label), rng)[0], label, name, name, split)
