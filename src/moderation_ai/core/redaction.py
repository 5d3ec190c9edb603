"""Redaction: an event without what people wrote in it, and without whom it was about."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from moderation_ai.core.decisions import read_decision
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.subjects import SUBJECTS, Subject

TEXT_FIELDS = ("text", "title", "caption", "media_urls", "reason")
"""Fields of subjects that hold what people wrote or showed. What a platform adds (``extra``) may hold it too."""
AGE, DELETED, ERASED = "age", "deleted", "erased"
"""Why an event is without its texts."""


def without_text(event: WebhookEvent, why: str) -> WebhookEvent:
    """Return ``event`` without what people wrote; the very event where there is nothing of it.

    Ids, kinds, times and names stay. ``text_removed`` says ``why``.
    """
    data = event.data
    changed: dict[str, Any] = {"extra": {}} if data.extra else {}
    for name in SUBJECTS:
        subject = getattr(data, name)
        if subject is not None and (bare := _without_text(subject)) is not subject:
            changed[name] = bare
    if not changed:
        return event
    return structs.replace(event, data=structs.replace(data, **changed), text_removed=why)


def decision_without_text(data: bytes) -> bytes:
    """Return a recorded decision without what it quotes of the text and where that stood; rules and verdict stay.

    Numbers that were measured stay too; what is no decision of ours goes altogether.
    """
    try:
        decision = read_decision(data)
    except msgspec.MsgspecError:
        return b"{}"
    bare = structs.replace(
        decision,
        reasons=(),
        findings=tuple(structs.replace(each, reason="", spans=()) for each in decision.findings),
        signals=tuple(structs.replace(each, value=_number(each.value), spans=()) for each in decision.signals),
    )
    return bare.to_json()


def _number(value: object) -> bool | int | float | None:
    return value if isinstance(value, bool | int | float) else None


def _without_text(subject: Subject) -> Subject:
    gone = [name for name in TEXT_FIELDS if name in subject.__struct_fields__ and getattr(subject, name) is not None]
    if not gone and not subject.extra:
        return subject
    return structs.replace(subject, **dict.fromkeys(gone), extra={})
