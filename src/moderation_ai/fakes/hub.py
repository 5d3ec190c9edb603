"""A WebSub hub: it takes note, asks whether that was meant, pushes while the lease lasts, and is down at times.

Sources: https://www.w3.org/TR/websub/, and for the outages https://github.com/SeoulSKY/ytnoti/issues/8.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from moderation_ai.core.calls import Call
from moderation_ai.core.websub import sign_websub
from moderation_ai.fakes.fake import Fake
from moderation_ai.fakes.postman import Delivery
from moderation_ai.fakes.replies import Refusal, Reply

USUAL, LONGEST = 432_000, 864_000
"""Seconds of a lease if nothing is asked for, and at most."""
RETRY_AFTER = 120
"""Seconds that a hub which is down asks for."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that was confirmed."""

    topic: str
    callback: str
    secret: str | None
    ends_at: datetime


class Hub(Fake):
    """Play the hub of a platform's feeds.

    ``is_down`` has it take nothing new while it pushes on, ``denies`` (a reason) has it say no instead of asking,
    ``is_deaf`` has it take everything and never push.
    """

    is_down = False
    denies: str | None = None
    is_deaf = False

    def __init__(self, **arguments: Any) -> None:
        """Begin with no subscription."""
        super().__init__(**arguments)
        self.leases: dict[tuple[str, str], Lease] = {}
        """The confirmed subscriptions, by topic and address."""
        self._asking: list[threading.Thread] = []

    # --- for tests and demos ---

    def settle(self) -> None:
        """Return when everybody was asked who is to be asked."""
        while self._asking:
            self._asking.pop().join()

    def living(self, topic: str) -> list[Lease]:
        """Return the subscriptions to a topic whose lease has not ended."""
        return [each for each in self.leases.values() if each.topic == topic and each.ends_at > self.now()]

    def publish(self, topic: str, label: str = "entry") -> None:
        """Push what the platform's sample of that label has, to everybody who is subscribed to ``topic``."""
        with self._changed:
            samples = self.platform.samples(self.now(), self.next_id())
            sample = next(each for each in samples if each.label == label)
            self.push_feed(topic, sample.body, sample.headers)

    def push_feed(self, topic: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Push a feed to everybody who is subscribed to ``topic``, signed with the secret of each."""
        url = self.platform.api.call("hub").url
        fields = {**headers, "Link": f"<{topic}>; rel=self, <{url}>; rel=hub"}
        leases = [] if self.is_deaf else self.living(topic)
        for each in leases:
            signed = sign_websub(body, each.secret) if each.secret else {}
            self.postman.post(Delivery(body=body, sign=partial(dict, {**fields, **signed}), to=(each.callback,)))
        if not leases:
            self.postman.post(Delivery(body=body, sign=partial(dict, {**fields, **sign_websub(body, self.secret)})))

    # --- answering ---

    def do_hub(self, call: Call, values: dict[str, Any]) -> Reply:
        """Take note and say so; whether it was meant is asked afterwards, from elsewhere."""
        if self.is_down:
            raise Refusal(self.refusal(call, (503, None)).failure, {"Retry-After": str(RETRY_AFTER)})
        if not values["hub.callback"].startswith(("https://", "http://")) or "://" not in values["hub.topic"]:
            raise self.refusal(call, (400, None))
        asking = threading.Thread(target=self._ask_back, args=(call, values), daemon=True)
        self._asking.append(asking)
        asking.start()
        return Reply(status=202)

    def _ask_back(self, call: Call, values: dict[str, Any]) -> None:
        mode, topic, callback = values["hub.mode"], values["hub.topic"], values["hub.callback"]
        if self.denies is not None:
            denied = {"mode": "denied", "topic": topic, "reason": self.denies}
            self.asker.ask(callback, _named(denied))
            self._keep(call, "deny", topic, callback, None)
            return
        seconds = min(values.get("hub.lease_seconds", USUAL), LONGEST)
        with self._changed:
            challenge = f"challenge-{self.next_id()}"
        asked = {"mode": mode, "topic": topic, "challenge": challenge}
        heard = self.asker.ask(
            callback, _named({**asked, "lease_seconds": str(seconds)} if mode == "subscribe" else asked)
        )
        if not 200 <= heard.status < 300 or heard.body != challenge.encode():
            return
        ends_at = self.now() + timedelta(seconds=seconds)
        lease = Lease(topic=topic, callback=callback, secret=values.get("hub.secret"), ends_at=ends_at)
        self._keep(call, mode, topic, callback, lease if mode == "subscribe" else None)

    def _keep(self, call: Call, action: str, topic: str, callback: str, lease: Lease | None) -> None:
        with self._changed:
            if lease is None:
                self.leases.pop((topic, callback), None)
            else:
                self.leases[topic, callback] = lease
            self.note(call, action, topic)
            self._changed.notify_all()


def _named(values: dict[str, str]) -> dict[str, str]:
    return {f"hub.{name}": value for name, value in values.items()}
