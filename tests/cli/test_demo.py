"""The demo: its traffic, its sums, whose store it fills, and one whole run with a kill in it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation_ai.cli.demo.client import Reply
from moderation_ai.cli.demo.command import is_good
from moderation_ai.cli.demo.noting import Notes
from moderation_ai.cli.demo.owning import foreign, own_store
from moderation_ai.cli.demo.playing import POLICY, Hiding, Playing
from moderation_ai.cli.demo.running import playable
from moderation_ai.cli.demo.summing import print_summary, summarise
from moderation_ai.cli.demo.traffic import Post, Traffic
from moderation_ai.core.acts import Act, Target
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.http import Headers
from moderation_ai.platforms import all_platforms
from moderation_ai.stores.base import EventFilter
from moderation_ai.stores.opening import open_store
from tests.cli.filling import URL
from tests.kinds import lasting_url

SIX = {"twitter", "instagram", "reddit", "youtube", "medium", "tiktok"}
PATIENCE = 180.0

posts = st.builds(
    Post,
    platform=st.sampled_from(["generic", "reddit"]),
    body=st.just(b""),
    headers=st.just({}),
    event_ids=st.lists(st.sampled_from("abcdef"), max_size=3, unique=True).map(tuple),
    ignored=st.integers(0, 2),
    forged=st.booleans(),
)
replies = st.builds(
    Reply,
    status=st.sampled_from([0, 200, 401, 404, 500, 503]),
    body=st.sampled_from([b"", b"{}"]),
    seconds=st.just(0.1),
)


@given(sent=st.lists(st.tuples(posts, replies)), kept=st.sets(st.sampled_from("abcdef")))
def test_the_sums_add_up_whatever_is_sent_and_answered(sent: list[tuple[Post, Reply]], kept: set[str]) -> None:
    notes = Notes()
    for post, reply in sent:
        notes.note(post, reply)
    summary = summarise(notes, dict.fromkeys(kept, "pending"), dict.fromkeys(kept, "done"))
    assert summary["sent"] == sum(post.size for post, _ in sent)
    for row in [summary, *summary["by_platform"].values()]:
        assert row["sent"] == row["accepted"] + row["rejected"] + row["unanswered"] + row["wrong"]
        assert row["accepted"] == row["stored"] + row["duplicates"] + row["ignored"] + row["lost"]
    assert summary["platforms"] == {name: row["accepted"] for name, row in summary["by_platform"].items()}


def test_a_request_that_was_answered_wrongly_is_no_good_run() -> None:
    notes = Notes()
    forged = Post(platform="reddit", body=b"", headers={}, forged=True)
    fine = Post(platform="reddit", body=b"", headers={}, event_ids=("a",))
    notes.note(fine, Reply(200, b"{}", 0.1))
    some = Hiding(hidden=1)
    assert is_good(summarise(notes, {"a": "done"}, {"a": "done"}, some))
    assert not is_good(summarise(notes, {}, {}, some))
    notes.note(forged, Reply(200, b'{"new":1}', 0.1))
    assert not is_good(summarise(notes, {"a": "done"}, {"a": "done"}, some))


@pytest.mark.parametrize("hiding", [Hiding(), Hiding(hidden=3, missed=1)])
def test_a_run_that_hides_nothing_or_misses_something_is_no_good_run(hiding: Hiding) -> None:
    notes = Notes()
    notes.note(Post(platform="reddit", body=b"", headers={}, event_ids=("a",)), Reply(200, b"{}", 0.1))
    assert not is_good(summarise(notes, {"a": "done"}, {"a": "done"}, hiding))


def test_what_breaks_the_policy_and_is_not_hidden_is_missed() -> None:
    stage = Playing(
        {"twitter": "a secret", "generic": "another", "medium": "none can be hidden there"}, seed=1, serial=9
    )
    (fake,) = stage.fakes
    stage.write(20)
    assert 0 < stage.written < 20
    assert stage.summary() == Hiding(missed=stage.written)
    session, platform = fake.session, fake.platform
    for thing in list(fake.things.values()):
        flow = platform.moderate(Act(action="hide", targets=(Target(id=thing.id),)), session)
        request = next(flow)
        fake.handle(request.method, request.url, Headers.of(dict(request.headers)), request.body)
    stage.take_times()
    assert stage.summary().hidden == stage.written
    assert stage.summary().missed == 0
    assert 0 < stage.summary().time_to_hide_p50_ms <= stage.summary().time_to_hide_p99_ms


def test_two_runs_on_one_store_have_neither_comments_nor_tokens_in_common() -> None:
    keys = dict.fromkeys(playable(), "a secret")
    one, other = Playing(keys, seed=1, serial=1000), Playing(keys, seed=1, serial=2000)
    for stage in (one, other):
        stage.write(50)
    for mine, yours in zip(one.fakes, other.fakes, strict=True):
        assert not mine.things.keys() & yours.things.keys()
        assert mine.session.access_token != yours.session.access_token
    assert not set(one.settings().values()) & set(other.settings().values()) - {str(POLICY), "1000", "{}"} - {
        fake.account for fake in one.fakes
    }


def test_the_traffic_is_of_every_platform_with_all_its_troubles() -> None:
    keys = {name: f"secret of {name}" for name in playable()}
    traffic = Traffic(list(playable().values()), keys, seed=1, serial=1)
    made = traffic.batch(datetime(2026, 11, 24, 12, tzinfo=UTC), 3000)
    assert SIX | {"generic"} <= {post.platform for post in made}
    counts = Counter((post.platform, post.forged) for post in made)
    assert all(counts[name, forged] for name in keys for forged in (False, True))
    honest = [post for post in made if not post.forged]
    assert len({(post.body, *sorted(post.headers.items())) for post in honest}) < len(honest), "nothing came twice"
    useless = sum(1 for post in honest if post.ignored and not post.event_ids)
    assert 0 < useless < len(honest) / 5


def test_plays_all_platforms_but_those_that_sign_by_private_keys() -> None:
    assert set(playable()) == {name for name, platform in all_platforms().items() if not platform.public_keys}


def fill_as_a_demo(folder: Path, handler: str) -> str:
    """Store events that the handler of that name took, and return the store's URL."""
    url = f"sqlite:///{folder / 'filled.db'}"
    module = (
        "from moderation_ai.webhooks.handler import WebhookHandler\n"
        "from moderation_ai.core.events import WebhookEvent\n"
        "import asyncio, sys\n"
        "handler = WebhookHandler(store=sys.argv[1])\n"
        "@handler.on('*', name=sys.argv[2])\n"
        "async def take(event): pass\n"
        "async def main(): await handler.handle(WebhookEvent(event_id='e1', event_type='unknown'))\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", module, url, handler], check=True, timeout=PATIENCE)
    return url


def test_a_store_is_a_demos_if_it_is_new_empty_or_filled_by_demos(folder: Path) -> None:
    assert asyncio.run(foreign("sqlite:///new.db")) is None
    assert asyncio.run(foreign("sqlite:///new.db")) is None
    assert asyncio.run(foreign(fill_as_a_demo(folder, "demo.count"))) is None


def test_a_store_with_other_events_is_not(filled: Path, folder: Path) -> None:
    assert "events that no demo made" in (asyncio.run(foreign(URL)) or "")
    assert "1 event that no demo made" in (asyncio.run(foreign(fill_as_a_demo(folder, "inbox.look"))) or "")
    assert "memory" in (asyncio.run(foreign("memory://")) or "")


def test_events_in_the_default_store_are_left_alone_and_in_a_named_one_are_an_error() -> None:
    with own_store(None, "it is full") as url:
        other = url
        assert Path(url.removeprefix("sqlite:///")).parent.is_dir()
    assert other != "sqlite:///moderation.db"
    assert not Path(other.removeprefix("sqlite:///")).parent.exists()
    with own_store(None, None) as url:
        assert url == "sqlite:///moderation.db"
    with own_store("sqlite:///mine.db", None) as url:
        assert url == "sqlite:///mine.db"
    with pytest.raises(ConfigurationError, match="--store"), own_store("sqlite:///mine.db", "it is full"):
        pass


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_AI_")}
    command = [sys.executable, "-m", "moderation_ai", "demo", *arguments]
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=PATIENCE, check=False)


async def stored(url: str) -> list[WebhookEvent]:
    store = open_store(url)
    try:
        return await store.events(EventFilter())
    finally:
        await store.close()


def test_a_whole_run_loses_nothing_and_tells_so(capsys: pytest.CaptureFixture[str]) -> None:
    url = lasting_url("demo.db")
    done = run_demo("--seconds", "0.5", "--rate", "120", "--json", "--store", url)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    assert summary["lost"] == summary["wrong"] == summary["dead"] == 0
    assert summary["accepted"] == summary["stored"] + summary["duplicates"] + summary["ignored"]
    assert summary["handled"] == summary["stored"] + summary["stored_unanswered"]
    assert set(summary["platforms"]) >= SIX
    assert summary["healed"]
    assert len(asyncio.run(stored(url))) == summary["handled"]

    assert asyncio.run(foreign(url)) is None, "a second demo may use it again"

    print_summary(summary)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["PLATFORM", "ACCEPTED", "STORED"]
    assert [line.split()[0] for line in lines[: len(summary["by_platform"]) + 1]] == [*summary["by_platform"], "all"]
    assert lines[-1].startswith(f"lost 0; hidden {summary['hidden']}, missed 0, time to hide p50 ")


def test_a_store_of_yours_is_not_filled(filled: Path) -> None:
    before = filled.read_bytes()
    refused = run_demo("--seconds", "0.1", "--store", URL)
    assert refused.returncode == 3
    assert "name a store that the demo may fill" in refused.stderr
    assert filled.read_bytes() == before
