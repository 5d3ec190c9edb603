"""The demo on the bodies that a poller reads: each goes the poller's way into a store, and is compared there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from moderation_ai.cli.demo.corpus import Case, differences
from moderation_ai.core.access import Access, Watch
from moderation_ai.core.errors import MalformedPayload
from moderation_ai.core.events import to_dict
from moderation_ai.core.flows import Session
from moderation_ai.core.platform import Credential
from moderation_ai.core.polling import Page
from moderation_ai.pipeline.polling.pages import keep_page, unread_page
from moderation_ai.platforms import find_platform
from moderation_ai.stores.base import EventFilter, Store

ROAD = "poll"


async def read_all(cases: Sequence[Case], store: Store) -> list[list[str]]:
    """Store what each body tells, under an account of its own; return what is different from what was expected."""
    return [await _read(case, f"page{number}", store) for number, case in enumerate(cases)]


async def _read(case: Case, account: str, store: Store) -> list[str]:
    platform, now = find_platform(case.platform), datetime.now(UTC)
    try:
        page = Page(facts=tuple(platform.read_page(case.body, now).facts), body=case.body)
    except MalformedPayload as error:
        page = unread_page(case.body, str(error))
    access = Access(platform=platform, account=account, session=Session(access_token=""))
    stored = await keep_page(store, Watch(access=access, credential=Credential(name=account)), page, now)
    newest = await store.events(EventFilter(), limit=stored.added.new) if stored.added.new else []
    return differences(case.expected, [to_dict(event) for event in newest])
