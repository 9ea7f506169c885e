"""Protect: personal data taken out of files, proved by a second look at the output. Read ``redact.py`` first."""
