"""``actions`` and ``decisions``: what is done on platforms, why, and how a person takes it back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from click.testing import Result

from moderation_ai.core.acts import Target
from moderation_ai.pipeline.handling.standards import default_policy
from moderation_ai.policy.engine import Engine
from moderation_ai.stores.base import Store
from moderation_ai.stores.ledger import Judgement, Settled, Wanted
from moderation_ai.stores.opening import open_store
from tests.cli.conftest import Run
from tests.cli.filling import NOW, URL

pytestmark = pytest.mark.usefixtures("filled")
TOKEN = {"MODERATION_AI_PLATFORMS__TWITTER__ACCESS_TOKEN": "t", "MODERATION_AI_PLATFORMS__TWITTER__SECRETS": "s"}


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def with_store(work: Callable[[Store], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        store = open_store(URL)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def acted() -> None:
    """Fill the ledger: a hiding that was done for a policy's sake, a flag, a dead action and an open one."""

    async def fill(store: Store) -> None:
        decision = Engine(default_policy()).judge("You are a worthless idiot.")
        hide = Wanted(platform="twitter", action="hide", target=Target(id="c1", author_id="a"), version="v", severity=3)
        fields: dict[str, Any] = {"platform": "twitter", "made_by": "house@1", "decision": decision.to_json()}
        await store.decide(Judgement(object_id="c1", version="v", seq=1, verdict="hide", wanted=hide, **fields), NOW)
        await store.decide(Judgement(object_id="c2", verdict="flag", **fields), NOW)
        await store.want(Wanted(platform="twitter", action="hide", target=Target(id="c3")), NOW)
        for action, status in zip(await store.claim_actions("w", 2, NOW, 30), ("done", "dead"), strict=True):
            settled = Settled(id=action.id, status=status, reason=None if status == "done" else "403")
            await store.settle_actions([settled], NOW, worker="w")
        await store.want(Wanted(platform="reddit", action="remove", target=Target(id="t1_c4")), NOW)

    with_store(fill)


def test_lists_actions_newest_first(run: Run) -> None:
    found = rows(run("actions", "list", "--json"))
    assert [(each["target_id"], each["action"], each["status"]) for each in found] == [
        ("t1_c4", "remove", "open"),
        ("c3", "hide", "dead"),
        ("c1", "hide", "done"),
    ]
    assert "target" not in found[0]


@pytest.mark.parametrize(
    ("flags", "objects"),
    [
        (["--platform", "x"], ["c3", "c1"]),
        (["--status", "dead"], ["c3"]),
        (["--object", "c1"], ["c1"]),
        (["--limit", "1"], ["t1_c4"]),
    ],
)
def test_lists_what_was_asked_for(run: Run, flags: list[str], objects: list[str]) -> None:
    assert [each["target_id"] for each in rows(run("actions", "list", "--json", *flags))] == objects


def test_an_action_is_explained_by_its_history_and_its_decisions(run: Run) -> None:
    (found,) = rows(run("actions", "show", "1", "--json"))
    assert [line["status"] for line in found["receipts"]] == ["done"]
    (decided,) = found["decisions"]
    assert (decided["made_by"], decided["verdict"], decided["seq"]) == ("house@1", "hide", 1)
    assert decided["decision"]["policy_id"] == "default"
    shown = run("actions", "show", "1").stdout
    assert "house@1 says hide" in shown
    assert "insults someone" in shown


def test_lists_decisions_also_where_nothing_followed(run: Run) -> None:
    assert [each["object_id"] for each in rows(run("decisions", "list", "--json"))] == ["c2", "c1"]
    (flag,) = rows(run("decisions", "list", "--verdict", "flag", "--json"))
    assert (flag["object_id"], flag["action"], flag["by_person"]) == ("c2", None, False)
    assert "flag" in run("decisions", "list").stdout


def test_what_was_done_is_taken_back_by_what_serve_sends(run: Run) -> None:
    (made,) = rows(run("actions", "undo", "1", "--json", env=TOKEN))
    assert (made["action"], made["target_id"], made["status"]) == ("unhide", "c1", "open")
    (word, *_) = rows(run("decisions", "list", "--json"))
    assert (word["by_person"], word["made_by"], word["action"]) == (True, "the command line", made["id"])


def test_what_is_not_sent_yet_is_not_sent(run: Run) -> None:
    assert "not sent yet" in run("actions", "undo", "3").stderr
    assert [each["status"] for each in rows(run("actions", "list", "--object", "t1_c4", "--json"))] == ["overtaken"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["undo", "2"], "nothing to take back"),
        (["undo", "1"], "no access token is configured for twitter"),
        (["undo", "77"], "no action 77"),
        (["show", "77"], "no action 77"),
        (["dismiss", "1"], "not uncertain or dead: 1"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, args: list[str], message: str) -> None:
    result = run("actions", *args)
    assert result.exit_code == 1
    assert message in result.stderr


def test_what_was_looked_at_is_dismissed(run: Run) -> None:
    assert rows(run("actions", "dismiss", "2", "--json")) == [{"dismissed": 1}]
    assert rows(run("db", "status", "--json"))[0]["actions_dead"] == 0


def test_doctor_tells_of_outboxes(run: Run) -> None:
    found = {each["check"]: each for each in rows_of_doctor(run("doctor", "--json", env=TOKEN))}
    assert found["outbox reddit"]["status"] == "ok"
    assert "1 action to be sent" in found["outbox reddit"]["message"]


def rows_of_doctor(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("verb", ["show", "undo", "dismiss"])
@pytest.mark.parametrize("number", ["0", "99999999999999999999999", "one"])
def test_what_is_no_number_of_an_action_is_not_understood(run: Run, verb: str, number: str) -> None:
    refused = run("actions", verb, number)
    assert (refused.exit_code, "Invalid value for 'ACTION_ID" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("actions", "list", "--status", "ded"), "'dead'"), (("decisions", "list", "--verdict", "hidden"), "'hide'")],
)
def test_a_word_that_nothing_is_called_is_refused_with_those_there_are(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    refused = run(*words)
    assert (refused.exit_code, said in refused.stderr) == (2, True)


@pytest.mark.parametrize("kind", ["actions", "decisions"])
def test_a_platform_that_nobody_knows_is_told(run: Run, kind: str) -> None:
    found = run(kind, "list", "--platform", "redit")
    assert (found.exit_code, "did you mean reddit?" in found.stderr) == (0, True)
