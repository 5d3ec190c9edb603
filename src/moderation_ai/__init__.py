"""Receive, keep, judge and act on the comments of every platform."""

from moderation_ai.pipeline.accounts import get_platform, hide_comment
from moderation_ai.pipeline.moderation import standards_engine

__version__ = "0.1.0"

__all__ = ["get_platform", "hide_comment", "standards_engine"]
