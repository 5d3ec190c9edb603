"""What can be asked of the second port: one table for its routes and for their description."""

from __future__ import annotations

from moderation_ai.web.openapi import Operation, listing, one
from moderation_ai.web.queries import EVENTS, FILTERS, SUBSCRIPTIONS

_BODY = {
    "type": "object",
    "required": ["event_ids"],
    "properties": {
        "event_ids": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000},
        "handlers": {"type": "array", "items": {"type": "string"}},
        "dry_run": {"type": "boolean", "default": False},
    },
}
OPERATIONS = (
    Operation(path="/healthz", name="alive", summary="Say that the process is alive.", needs_token=False),
    Operation(
        path="/readyz",
        name="ready",
        summary="Say whether events can be received, and at which addresses.",
        answer=one(status="string", gateway="string", console="string"),
        needs_token=False,
    ),
    Operation(path="/metrics", name="metrics", summary="Metrics for Prometheus."),
    Operation(path="/openapi.json", name="description", summary="This description.", answer={"type": "object"}),
    Operation(
        path="/api/v1/health",
        name="health",
        summary="What is stored, what waits, what is wrong.",
        answer={"$ref": "#/components/schemas/Health"},
    ),
    Operation(
        path="/api/v1/events",
        name="events",
        summary="Events, newest first; oldest first after a seq.",
        parameters=EVENTS,
        answer=listing("events", "Event"),
    ),
    Operation(
        path="/api/v1/events/{event_id}",
        name="event",
        summary="The newest event of that id, with what its handlers did, and the seqs of others that show the id.",
        answer=one(event="Event", attempts="[Attempt]", other_seqs="[integer]"),
    ),
    Operation(
        path="/api/v1/dead-letters",
        name="dead_letters",
        summary="What handlers could not handle, newest first.",
        parameters=FILTERS,
        answer=listing("dead_letters", "DeadLetter"),
    ),
    Operation(
        path="/api/v1/replay",
        name="replay",
        summary="Put events back to be handled again.",
        method="POST",
        body=_BODY,
        answer=one(event_ids="[string]", missing="[string]", replayed="integer", dry_run="boolean"),
    ),
    Operation(
        path="/api/v1/webhooks",
        name="webhooks",
        summary="The subscriptions that were registered.",
        parameters=SUBSCRIPTIONS,
        answer=listing("webhooks", "Subscription"),
    ),
)
