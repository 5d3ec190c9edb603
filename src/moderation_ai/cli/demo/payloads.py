"""The demo on real bodies: each comes by its road, posted to the running gateway or read as a poller reads it.

What is stored then is compared with what must come of it.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from moderation_ai.cli.demo import polled
from moderation_ai.cli.demo.client import Client, Reply
from moderation_ai.cli.demo.corpus import Case, differences, load_corpus, request_of
from moderation_ai.cli.demo.process import GatewayProcess
from moderation_ai.core.errors import ModerationError
from moderation_ai.core.events import to_dict
from moderation_ai.core.http import Request
from moderation_ai.pipeline.receiving.reading import parse_or_keep
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import EventFilter, Store
from moderation_ai.stores.opening import open_store

PUSHED = "webhook"
GOOD_SHARE = 0.95
"""The share of the certain bodies that must give exactly the expected events."""

Say = Callable[[str], None]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one body: as expected, or what was different."""

    case: Case
    notes: Sequence[str]


async def run(folder: Path, say: Say) -> dict[str, Any]:
    """Post the bodies in ``folder`` to a gateway of their own, read what is polled, and return the summary.

    Each body has an address and a credential of its own, so that two bodies about one comment do not count as one
    event, and the account that the body names is configured there. Raises ``ModerationError`` for an empty folder.
    """
    corpus = load_corpus(folder)
    cases, pages = list(_of_road(corpus, PUSHED)), list(_of_road(corpus, polled.ROAD))
    if not cases and not pages:
        raise ModerationError(
            f"{folder} holds no bodies that a platform pushed or a poller read; PLATFORM/NAME.meta.json names one"
        )
    with tempfile.TemporaryDirectory() as temporary:
        say(f"{len(cases)} bodies in {folder}, each signed and posted to a gateway of ours")
        verdicts = await _push(cases, f"sqlite:///{temporary}/payloads.db") if cases else []
        say(f"{len(pages)} bodies, each read and stored as a poller does")
        verdicts += await _poll(pages, f"sqlite:///{temporary}/polled.db")
    for verdict in verdicts:
        _show(verdict, say)
    return summarise(verdicts)


def _of_road(cases: Sequence[Case], road: str) -> Iterator[Case]:
    """Yield the bodies that came by a road, of platforms that there are."""
    platforms = all_platforms()
    for case in cases:
        if case.road == road and case.platform in platforms:
            yield case


async def _push(cases: Sequence[Case], url: str) -> list[Verdict]:
    secret = secrets.token_hex(16)
    gateway = GatewayProcess(_settings(cases, secret, url))
    try:
        return await _post_all(cases, secret, gateway.start(), url)
    finally:
        gateway.stop()


async def _poll(cases: Sequence[Case], url: str) -> list[Verdict]:
    store = open_store(url)
    await store.open()
    notes = await polled.read_all(cases, store)
    await store.close()
    return [Verdict(case=case, notes=each) for case, each in zip(cases, notes, strict=True)]


def _settings(cases: Sequence[Case], secret: str, url: str) -> dict[str, str]:
    settings = {
        "MODERATION_AI_STORE__URL": url,
        "MODERATION_AI_SERVER__PORT": "0",
        "MODERATION_AI_CONSOLE__PORT": "0",
    }
    for number, case in enumerate(cases):
        prefix = f"MODERATION_AI_PLATFORMS__{case.platform.upper()}__ACCOUNTS__{_account(number).upper()}"
        settings[f"{prefix}__SECRETS"] = case.vector.secret if _must_fail(case) and case.vector else secret
        native = _account_in(case)
        if native is not None:
            settings[f"{prefix}__ID"] = native
    return settings


def _account(number: int) -> str:
    return f"body{number}"


def _account_in(case: Case) -> str | None:
    """Return the platform's id of the account that a body names."""
    request = Request(body=case.body, received_at=datetime.now(UTC))
    facts = parse_or_keep(request, all_platforms()[case.platform]).facts
    return next((fact.account_id for fact in facts if fact.account_id), None)


def _must_fail(case: Case) -> bool:
    return case.vector is not None and case.vector.must_fail


async def _post_all(cases: Sequence[Case], secret: str, port: int, url: str) -> list[Verdict]:
    store = open_store(url)
    await store.open()
    verdicts = []
    async with Client("127.0.0.1", port, 1) as client:
        for number, case in enumerate(cases):
            reply = await _post(client, case, _account(number), secret)
            verdicts.append(Verdict(case=case, notes=await _judge(case, reply, store)))
    await store.close()
    return verdicts


async def _post(client: Client, case: Case, account: str, secret: str) -> Reply:
    if _must_fail(case) and case.vector is not None:
        headers = dict(case.vector.headers)
    else:
        request = request_of(case, all_platforms()[case.platform], secret, datetime.now(UTC))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    return await client.post(f"/webhook/{case.platform}/{account}", case.body, headers)


async def _judge(case: Case, reply: Reply, store: Store) -> list[str]:
    """Return what is different from what was expected: the answer, or the events that are now in the store."""
    if _must_fail(case):
        return [] if reply.status == 401 else [f"a signature that must be refused was answered {reply.status}"]
    if reply.status != 200:
        return [f"answered {reply.status}: {reply.body[:200].decode(errors='replace')}"]
    stored = msgspec.json.decode(reply.body)["new"]
    newest = await store.events(EventFilter(), limit=stored) if stored else []
    return differences(case.expected, [to_dict(event) for event in newest])


def _show(verdict: Verdict, say: Say) -> None:
    if verdict.notes:
        doubt = "" if verdict.case.certain else f" (uncertain: {verdict.case.why_uncertain})"
        say(f"  differs: {verdict.case.name}: {'; '.join(verdict.notes)}{doubt}")


def summarise(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return how many bodies gave exactly the expected events, by platform and road, and the others with the reason."""
    platforms: dict[str, dict[str, Any]] = {}
    roads: dict[str, dict[str, Any]] = {}
    for verdict in verdicts:
        for table, name in ((platforms, verdict.case.platform), (roads, verdict.case.road)):
            _count(table, name, verdict)
    certain = sum(row["certain"] for row in platforms.values())
    exact = sum(row["certain_exact"] for row in platforms.values())
    return {
        "bodies": len(verdicts),
        "certain": certain,
        "certain_exact": exact,
        "share": round(exact / certain, 4) if certain else 1.0,
        "roads": roads,
        "platforms": platforms,
        "differing": [
            {
                "body": verdict.case.name,
                "certain": verdict.case.certain,
                "notes": list(verdict.notes),
                "why_uncertain": verdict.case.why_uncertain,
            }
            for verdict in verdicts
            if verdict.notes
        ],
    }


def _count(table: dict[str, dict[str, Any]], name: str, verdict: Verdict) -> None:
    row = table.setdefault(name, {"bodies": 0, "exact": 0, "certain": 0, "certain_exact": 0, "share": 1.0})
    row["bodies"] += 1
    row["exact"] += not verdict.notes
    row["certain"] += verdict.case.certain
    row["certain_exact"] += verdict.case.certain and not verdict.notes
    row["share"] = round(row["certain_exact"] / row["certain"], 4) if row["certain"] else 1.0
