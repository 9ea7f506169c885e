"""The re-synthesis of voices now lies with the training code: ``veriscope.train.speech_resynthesis``."""

from veriscope.train.speech_resynthesis import VOCODERS

__all__ = ["VOCODERS"]
