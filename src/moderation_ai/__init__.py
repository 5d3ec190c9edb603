"""Receive, keep, judge and act on the comments of every platform."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moderation_ai.pipeline.accounts import get_platform, hide_comment
    from moderation_ai.pipeline.handling.standards import StandardsEngine, standards_engine

__version__ = "0.1.0"

__all__ = ["StandardsEngine", "get_platform", "hide_comment", "standards_engine"]

_PLACES = {
    "StandardsEngine": "handling.standards",
    "get_platform": "accounts",
    "hide_comment": "accounts",
    "standards_engine": "handling.standards",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for and no more: the command line stands in this package too, and begins at once."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.pipeline.{_PLACES[name]}"), name)
