"""Setup: what is configured, as values that the parts are made from."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from moderation_ai.core.access import Access, Watch
from moderation_ai.core.addresses import Networks
from moderation_ai.core.retention import Retention
from moderation_ai.core.sites import Site
from moderation_ai.core.sources import Source
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.pipeline.receiving.intake import MAX_BODY
from moderation_ai.pipeline.watching.alerting import AlertReceiver


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Who may post what, who is acted with, what is polled, and by which policy it is judged.

    ``sources`` maps ``platform`` or ``platform/account`` to what is received there, from the ``allowed`` networks, seen
    through ``trusted`` proxies, with bodies of ``max_body`` bytes at most. ``accesses`` are the accounts that can be
    acted with; their tokens are saved under ``keys`` (newest first; without any, under those in the store's key file).
    ``sites`` are the accounts whose webhooks are kept, ``watches`` those that are polled. What is wrong
    is told to ``receiver``, if there is one. What arrives is moderated by
    ``standards``, if there are any; with ``degrade`` what a platform cannot do is done by what is milder there.
    """

    sources: Mapping[str, Source] = {}
    allowed: Networks | None = None
    trusted: Networks | None = None
    max_body: int = MAX_BODY
    retention: Retention = Retention()
    accesses: tuple[Access, ...] = ()
    keys: tuple[str, ...] = ()
    sites: tuple[Site, ...] = ()
    watches: tuple[Watch, ...] = ()
    receiver: AlertReceiver | None = None
    standards: StandardsEngine | None = None
    degrade: bool = True
