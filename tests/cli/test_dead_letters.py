"""The dead-letters commands: with causes, run again, dropped."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run, rows
from tests.cli.filling import DEAD_ONE, DONE_ONE

pytestmark = pytest.mark.usefixtures("filled")


def letters(run: Run, *options: str) -> list[tuple[str, str, int]]:
    found = rows(run("dead-letters", "list", "--json", *options))
    return [(row["event_id"], row["handler"], row["attempts"]) for row in found]


def states(run: Run) -> dict[str, str]:
    (found,) = rows(run("events", "show", DEAD_ONE.event_id, "--json"))
    return {"event": found["status"], **{one["handler"]: one["state"] for one in found["attempts"]}}


BOTH = [(DEAD_ONE.event_id, "app.count", 1), (DEAD_ONE.event_id, "app.judge", 8)]


def test_lists_each_handler_that_gave_up(run: Run) -> None:
    assert letters(run) == BOTH
    (first, second) = rows(run("dead-letters", "list", "--json"))
    assert second["error"] == "ValueError: no\x1b[2J"
    assert second["data"]["comment"]["text"] == "BAD bread"
    assert {"event_id", "event_type", "timestamp", "platform", "lane", "seq", "status"} <= set(first)


@pytest.mark.parametrize(
    ("options", "number"),
    [
        (["--handler", "app.judge"], 1),
        (["--handler", "nobody"], 0),
        (["--platform", "instagram"], 2),
        (["--platform", "twitter"], 0),
        (["--limit", "1"], 1),
        (["--since", "1h"], 0),
    ],
)
def test_options_narrow_the_list(run: Run, options: list[str], number: int) -> None:
    assert len(letters(run, *options)) == number


def test_people_see_the_cause(run: Run) -> None:
    printed = run("dead-letters", "list").stdout
    assert "app.judge, 8 attempts: ValueError: no\\x1b[2J" in printed
    assert "app.count, 1 attempt: Gone" in printed


def test_retries_by_the_handlers_that_failed_alone(run: Run) -> None:
    result = run("dead-letters", "retry", DEAD_ONE.event_id)
    assert result.exit_code == 0
    assert "1 event will be handled again" in result.stderr
    assert states(run) == {"event": "pending", "app.count": "retry", "app.judge": "retry"}
    assert letters(run) == []


def test_retries_one_handler_alone_where_it_is_named(run: Run) -> None:
    run("dead-letters", "retry", "--handler", "app.judge")
    assert states(run)["app.judge"] == "retry"
    assert letters(run) == BOTH[:1]


def test_drops_without_handling(run: Run) -> None:
    result = run("dead-letters", "drop", "--all")
    assert "2 dead letters dropped" in result.stderr
    assert letters(run) == []
    assert states(run) == {"event": "done", "app.count": "dropped", "app.judge": "dropped"}


def test_drops_one_handler_and_keeps_the_other(run: Run) -> None:
    run("dead-letters", "drop", DEAD_ONE.event_id, "--handler", "app.count")
    assert letters(run) == BOTH[1:]


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_refuses_to_guess_what_is_meant(run: Run, verb: str) -> None:
    assert run("dead-letters", verb).exit_code == 2
    assert run("dead-letters", verb, "--all", "--handler", "app.judge").exit_code == 2


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_an_event_that_is_no_dead_letter_stops_the_whole(run: Run, verb: str) -> None:
    result = run("dead-letters", verb, DEAD_ONE.event_id, DONE_ONE.event_id)
    assert result.exit_code == 1
    assert f"no dead letter is called {DONE_ONE.event_id}; nothing was changed" in result.stderr
    assert letters(run) == BOTH


@pytest.mark.parametrize(("verb", "done"), [("retry", {"retried": 1}), ("drop", {"dropped": 2})])
def test_programs_are_told_how_much_was_done(run: Run, verb: str, done: dict[str, int]) -> None:
    assert rows(run("dead-letters", verb, "--all", "--json")) == [done]
