"""WebhookRetry: an event that is tried until its handlers succeed, or have failed often enough."""

from __future__ import annotations

from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.webhooks.handled import Handled
from moderation_ai.webhooks.handler import WebhookHandler
from moderation_ai.webhooks.homes import Caller
from moderation_ai.webhooks.report import Report


class WebhookRetry:
    """Process events with ``max_retries`` further attempts after a failure, with back-off and jitter.

    ``first`` is the first pause in seconds, ``factor`` what it grows by. The attempts are stored: in a durable store
    a restart does not forget what is still to be retried (it goes on by the handler's own schedule then).
    """

    def __init__(
        self,
        max_retries: int = 3,
        *,
        first: float = 1.0,
        factor: float = 2.0,
        handler: WebhookHandler | None = None,
    ) -> None:
        """Keep the schedule, and the handler (the one that was made last, if none is given)."""
        self.schedule = RetrySchedule(max_attempts=max_retries + 1, first=first, factor=factor)
        self.handler = handler or WebhookHandler.current()

    def process_event(self, event: WebhookEvent) -> Handled[Report]:
        """Run the event's handlers until each succeeded or is a dead letter; await the ``Report``, or ignore it.

        An event that was handled before runs again with the handlers that failed on it.
        """
        runtime, events = self.handler.runtime(), (event, *event.rest)
        return runtime.run(runtime.handle(events, Caller.here(), until_ended=True, schedule=self.schedule))
