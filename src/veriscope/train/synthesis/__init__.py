"""Forgeries made from untouched photographs, and the chains of saves that pictures go through on the web."""
