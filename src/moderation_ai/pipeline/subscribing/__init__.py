"""Platforms are told to post to us, and kept at it."""
