"""``events reparse``: what an older version kept as unknown becomes events, also while ``serve`` runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.core.events import finish, unknown_fact
from moderation_ai.core.platform import Sample
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import Delivery
from moderation_ai.stores.opening import open_store
from tests.cli.conftest import Run, rows
from tests.cli.filling import NOW, URL
from tests.cli.serving import INBOX, call, served, usual

CONFIGURED = {"MODERATION_AI_PLATFORMS__INSTAGRAM__SECRETS": "5ecretc0ffee5ecretc0ffee"}


def sample() -> Sample:
    """Return a body that is understood today."""
    samples = all_platforms()["instagram"].samples(datetime(2026, 11, 24, tzinfo=UTC), 1)
    return next(one for one in samples if one.name == "comments")


def keep_as_unknown(*bodies: bytes) -> None:
    """Store bodies as a version did that did not understand them, and kept no headers yet."""

    async def keep() -> None:
        store = open_store(URL)
        await store.open()
        for body in bodies:
            keyed = finish(unknown_fact(body, "nobody knows"), platform="instagram", received_at=NOW)
            await store.add(Delivery(platform="instagram", received_at=NOW, body=body, events=[keyed]))
        await store.close()

    asyncio.run(keep())


def listed(run: Run, *options: str) -> list[dict[str, Any]]:
    return rows(run("events", "list", "--json", *options))


def test_makes_events_of_what_is_understood_now(run: Run) -> None:
    keep_as_unknown(sample().body, b"still nothing")
    result = run("events", "reparse", "--json", env=CONFIGURED)
    learned, unknown = rows(result)
    assert (learned["fate"], learned["new"], unknown["fate"]) == ("learned", 1, "unknown")
    assert [event["event_type"] for event in learned["events"]] == ["comment.created"]
    for words in ("1 unknown event understood now", "1 unknown event not understood", "1 event came of them"):
        assert words in result.stderr
    [event] = listed(run, "--type", "comment.*")
    assert (event["status"], event["received_at"]) == ("pending", "2026-11-24T12:00:00Z")
    assert [event["status"] for event in listed(run, "--type", "unknown")] == ["pending", "superseded"]


def test_prints_lines_for_people(run: Run) -> None:
    keep_as_unknown(sample().body)
    result = run("events", "reparse", env=CONFIGURED)
    assert "comment.created evt_" in result.stdout
    assert run("events", "reparse", env=CONFIGURED).stderr == "there are no unknown events\n"


def test_a_dry_run_changes_nothing(run: Run) -> None:
    keep_as_unknown(sample().body)
    result = run("events", "reparse", "--dry-run", env=CONFIGURED)
    assert "1 event would come of them" in result.stderr
    assert [event["status"] for event in listed(run)] == ["pending"]


PAGE = b"""{"kind": "Listing", "data": {"after": null, "children": [{"kind": "t1", "data": {"id": "c9", "name": "t1_c9",
"link_id": "t3_p9", "parent_id": "t3_p9", "author": "rye_fan", "author_fullname": "t2_mod", "body": "Ours.",
"created_utc": 1764000000, "subreddit": "breadmakers"}}]}}"""


def test_reads_a_page_of_what_is_only_polled_again(run: Run) -> None:
    async def keep() -> None:
        store = open_store(URL)
        await store.open()
        keyed = finish(unknown_fact(PAGE, "a defect"), platform="reddit", received_at=NOW, source="poll")
        await store.add(Delivery(platform="reddit", received_at=NOW, body=PAGE, events=[keyed]))
        await store.close()

    asyncio.run(keep())
    polled = "MODERATION_AI_PLATFORMS__REDDIT__ACCOUNTS__MOD__"
    env = {f"{polled}ID": "t2_mod", f"{polled}ACCESS_TOKEN": "t", f"{polled}WATCH": "breadmakers"}
    [learned] = rows(run("events", "reparse", "--json", env=env))
    assert (learned["fate"], learned["new"]) == ("learned", 1)
    [event] = listed(run, "--type", "comment.*")
    assert (event["source"], event["own"], event["lane"]) == ("poll", True, "reddit:t1_c9")


def test_reads_again_without_any_platform_configured(run: Run) -> None:
    keep_as_unknown(sample().body)
    assert [row["fate"] for row in rows(run("events", "reparse", "--json"))] == ["learned"]


@pytest.mark.parametrize("options", [("--platform", "twitter"), ("--since", "2026-11-25"), ("--status", "done")])
def test_leaves_alone_what_is_not_meant(run: Run, options: tuple[str, ...]) -> None:
    keep_as_unknown(sample().body)
    assert rows(run("events", "reparse", "--json", *options)) == []


def test_what_is_learned_while_serve_runs_is_handled(folder: Path) -> None:
    Path("inbox_reparsed.py").write_text(INBOX)
    env = usual(STORE__URL=URL)
    with served("inbox_reparsed:handler", env=env):
        keep_as_unknown(sample().body)
        assert call("events", "reparse", "--json", env=env).returncode == 0
        tail = call(
            "events",
            "tail",
            "--type",
            "comment.*",
            "--status",
            "done",
            "--since",
            "2026-11-24",
            "--limit",
            "1",
            env=env,
        )
        assert tail.returncode == 0
    assert Path("handled").exists()
