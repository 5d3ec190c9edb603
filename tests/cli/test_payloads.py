"""The demo on captured bodies: what a poller reads goes the poller's way, and is counted by its road."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moderation_ai.cli.demo.command import is_good
from moderation_ai.cli.demo.corpus import Case, load_corpus
from moderation_ai.cli.demo.payloads import Verdict, summarise
from moderation_ai.cli.demo.polled import read_all
from moderation_ai.platforms.reddit.calls import API
from moderation_ai.stores.opening import open_store

pytestmark = pytest.mark.anyio

COMMENT = {"event_type": "comment.created", "source": "poll", "data": {"comment": {"id": "t1_c10"}}}


def case(folder: Path, name: str, body: str, *events: dict[str, Any]) -> None:
    (folder / "reddit").mkdir(exist_ok=True)
    (folder / "reddit" / f"{name}.json").write_text(body, "utf-8")
    note = {"road": "poll", "events": events, "certain": True}
    (folder / "reddit" / f"{name}.meta.json").write_text(json.dumps(note), "utf-8")


async def verdicts(folder: Path) -> list[Verdict]:
    store = open_store("memory://")
    await store.open()
    cases: list[Case] = load_corpus(folder)
    notes = await read_all(cases, store)
    await store.close()
    return [Verdict(case=each, notes=said) for each, said in zip(cases, notes, strict=True)]


async def test_bodies_about_one_comment_are_judged_each_by_itself(tmp_path: Path) -> None:
    listing = API.call("new_comments").answer
    case(tmp_path, "one", listing, COMMENT)
    case(tmp_path, "two", listing, COMMENT)
    summary = summarise(await verdicts(tmp_path))
    assert summary["roads"]["poll"] == {"bodies": 2, "exact": 2, "certain": 2, "certain_exact": 2, "share": 1.0}
    assert is_good(summary)


async def test_what_differs_is_told_and_no_success(tmp_path: Path) -> None:
    case(tmp_path, "none", '{"kind":"Listing","data":{"children":[]}}', COMMENT)
    case(tmp_path, "odd", "[]", {"event_type": "unknown"})
    none, odd = await verdicts(tmp_path)
    assert list(none.notes) == ["comment.created: nothing came"]
    assert list(odd.notes) == []
    assert not is_good(summarise([none, odd]))
