"""``erase``: by a person or an object, also while ``serve`` runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from moderation_ai.core.events import Fact, finish
from moderation_ai.core.subjects import Data
from moderation_ai.stores.base import Delivery
from moderation_ai.stores.opening import open_store
from tests.cli.conftest import Run, rows
from tests.cli.filling import NOW, URL
from tests.cli.serving import INBOX, call, served, usual

ANNA = "17841405309211844"
SAID = "Zwetschgendatschi"


def keep(*comments: tuple[str, str, str]) -> None:
    """Store comments: id, author, text."""

    async def add() -> None:
        store = open_store(URL)
        await store.open()
        for comment_id, author, text in comments:
            data = Data.of({"comment": {"id": comment_id, "author_id": author, "text": text}})
            fact = Fact(event_type="comment.created", object_id=comment_id, data=data)
            keyed = finish(fact, platform="generic", received_at=NOW)
            await store.add(Delivery(platform="generic", received_at=NOW, body=text.encode(), events=[keyed]))
        await store.close()

    asyncio.run(add())


@pytest.fixture
def two(folder: Path) -> None:
    keep(("c1111111", ANNA, SAID), ("c2222222", "90010087645123", "stays"))


def files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("moderation.db*"))


@pytest.mark.usefixtures("two")
def test_erases_a_person_and_says_what_that_was(run: Run, folder: Path) -> None:
    result = run("erase", "--author", ANNA)
    assert result.exit_code == 0
    assert result.stdout == (
        "erased: 1 event emptied, 0 other events without what named it, 1 raw body, 0 handler errors, 0 objects forgotten, "
        "0 actions and 0 decisions without it\n"
    )
    assert SAID.encode() not in files(folder)
    assert [row.get("text_removed") for row in rows(run("events", "list", "--json"))] == [None, "erased"]


@pytest.mark.usefixtures("two")
def test_a_dry_run_changes_nothing(run: Run, folder: Path) -> None:
    [counted] = rows(run("erase", "--object", "c1111111", "--dry-run", "--json"))
    assert (counted["events"], counted["bodies"], counted["dry_run"]) == (1, 1, True)
    assert SAID.encode() in files(folder)
    assert run("erase", "--object", "c1111111", "--dry-run").stdout.startswith("would erase: 1 event emptied")


@pytest.mark.usefixtures("two")
def test_a_platform_goes_by_any_of_its_names(run: Run) -> None:
    assert rows(run("erase", "--author", ANNA, "--platform", "x", "--json"))[0]["events"] == 0
    assert rows(run("erase", "--author", ANNA, "--platform", "GENERIC", "--json"))[0]["events"] == 1


@pytest.mark.usefixtures("two")
def test_a_platform_that_may_be_misspelt_is_said_so(run: Run) -> None:
    result = run("erase", "--author", ANNA, "--platform", "genric")
    assert "no platform is called 'genric': did you mean generic?" in result.stderr
    assert "nothing was erased" in result.stderr
    assert result.exit_code == 1


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("options", [[], ["--author", "a", "--object", "b"], ["--platform", "x"], ["--author", ""]])
def test_has_to_know_what_is_meant(run: Run, options: list[str]) -> None:
    result = run("erase", *options)
    assert result.exit_code == 2
    assert "--author ID or --object ID" in result.stderr


def test_what_serve_has_in_hand_is_erased_too(folder: Path) -> None:
    Path("inbox_erased.py").write_text(INBOX)
    env = usual(STORE__URL=URL)
    with served("inbox_erased:handler", env=env):
        keep(("c1111111", ANNA, SAID), ("c2222222", "90010087645123", "stays"))
        done = call("erase", "--author", ANNA, "--json", env=env)
        assert done.returncode == 0, done.stderr
        erased: dict[str, Any] = msgspec.json.decode(done.stdout)
        assert (erased["events"], erased["is_scrubbed"]) == (1, True)
        assert SAID.encode() not in files(folder)
        assert (
            call("events", "tail", "--status", "done", "--since", "2026-11-24", "--limit", "1", env=env).returncode == 0
        )
    assert SAID.encode() not in files(folder)
