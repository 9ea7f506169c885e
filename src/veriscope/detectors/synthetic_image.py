"""A network that knows the traces of up-sampling in the finest detail of generated pictures."""

from __future__ import annotations

from veriscope.detectors.base import Method
from veriscope.inference.networks import synthetic_image as network
from veriscope.types import Finding, Infer, Kind, Reason, Scene, Signal


class SyntheticImage(Method):
    """Raw: log-odds of a generated picture."""

    name = "synthetic_image"
    title = {"en": "Generated picture", "vi": "Ảnh do máy sinh"}
    signal = Signal.FREQUENCY
    kinds = frozenset({Kind.IMAGE})
    models = (network.NAME,)
    libraries = ("numpy", "opencv-python-headless", "onnxruntime")
    reference = "X. Zhang et al., Detecting and simulating artifacts in GAN fake images, WIFS 2019"
    sentences = {
        "found": {
            "en": "In its finest detail the picture resembles {side}: {logit:+.1f} on a scale around 0, from the "
            "spectrum and the relations of neighbouring pixels in {patches} patch(es).",
            "vi": "Ở chi tiết mịn nhất, bức ảnh giống {side_vi}: {logit:+.1f} trên thang quanh 0, theo phổ và quan hệ "
            "giữa các điểm ảnh lân cận trong {patches} vùng.",
        },
    }

    def inspect(self, scene: Scene, infer: Infer) -> Finding:
        image = scene.image()
        if min(image.shape[:2]) < network.SMALLEST:
            return self.abstain(Reason.TOO_SMALL)
        logit = network.read(infer.run(network.NAME, network.prepare(image)))
        patches = len(network.positions(*image.shape[:2]))
        side, side_vi = ("generated pictures", "ảnh do máy sinh") if logit > 0 else ("photographs", "ảnh chụp")
        return self.found(
            logit,
            scene.media.kind,
            self.say("found", side=side, side_vi=side_vi, logit=logit, patches=patches),
            parameters={"patch": network.PATCH, "patches": patches, "network": infer.version(network.NAME)},
            measurements={"logit": logit},
        )
