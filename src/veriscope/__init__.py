"""Veriscope: self-hosted media integrity. Start reading at ``veriscope.analysis``."""

__version__ = "0.1.0"
