"""The events commands on a store: listed, narrowed, shown, exported, followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import msgspec
import pytest

from moderation_ai.core.events import to_dict
from tests.cli.conftest import Run, rows
from tests.cli.filling import ALL, DEAD_ONE, DONE_ONE, HOSTILE, LEFT, RAW, WAITING, ids

pytestmark = pytest.mark.usefixtures("filled")


def test_lists_everything_as_json_newest_first(run: Run) -> None:
    found = rows(run("events", "list", "--json"))
    assert [row["event_id"] for row in found] == ids(ALL)[::-1]
    assert [row["status"] for row in found] == ["pending", "unhandled", "done", "dead", "done"]
    expected = to_dict(DONE_ONE) | {"seq": 1, "status": "done"}
    assert found[-1] == expected


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        (["--platform", "instagram"], [HOSTILE, DEAD_ONE, DONE_ONE]),
        (["--platform", "X"], [WAITING, LEFT]),
        (["--platform", "nowhere"], []),
        (["--type", "post.created"], [LEFT]),
        (["--type", "comment.*"], [WAITING, HOSTILE, DEAD_ONE, DONE_ONE]),
        (["--account", "brand"], [DONE_ONE]),
        (["--status", "dead"], [DEAD_ONE]),
        (["--status", "pending"], [WAITING]),
        (["--since", "150m"], [WAITING, LEFT]),
        (["--since", "4h", "--until", "2h"], [HOSTILE, DEAD_ONE]),
        (["--since", "2026-11-24T10:30:00+00:00"], [WAITING]),
        (["--until", "2026-11-24T08:30:00"], [DEAD_ONE, DONE_ONE]),
        (["--since", "2026-11-24"], ALL[::-1]),
        (["--since", "1d"], ALL[::-1]),
        (["--text", "bad"], [DEAD_ONE]),
        (["--text", "BREAD"], [DEAD_ONE, DONE_ONE]),
        (["--lane", "instagram:c5"], [DONE_ONE]),
        (["--limit", "2"], [WAITING, LEFT]),
        (["--limit", "0"], []),
        (["--platform", "instagram", "--status", "done", "--text", "good"], [DONE_ONE]),
    ],
)
def test_options_narrow_the_list(run: Run, options: list[str], meant: list[object]) -> None:
    found = rows(run("events", "list", "--json", *options))
    assert [row["event_id"] for row in found] == ids(meant)  # type: ignore[arg-type]  # they are events


@pytest.mark.parametrize(
    "options",
    [["--since", "yesterday"], ["--since", "10y"], ["--status", "lost"], ["--limit", "-1"], ["--colour"], ["a"]],
)
def test_refuses_what_it_does_not_understand_as_wrong_use(run: Run, options: list[str]) -> None:
    result = run("events", "list", *options)
    assert result.exit_code == 2
    assert "Error:" in result.stderr


def test_people_get_a_line_for_each_event(run: Run) -> None:
    lines = run("events", "list").stdout.splitlines()
    assert len(lines) == 5
    assert lines[-1].split() == [
        *("2026-11-24", "07:00:00", "done", "comment.created", "instagram/brand", DONE_ONE.event_id),
        *("rye_fan:", "Good", "bread"),
    ]


def test_what_strangers_wrote_neither_colours_nor_forges_a_line(run: Run) -> None:
    for args in (["events", "list"], ["events", "show", HOSTILE.event_id], ["dead-letters", "list"]):
        printed = run(*args).stdout
        assert not any(letter in printed for letter in "\x1b\u202e\x07"), args
        assert "\nforged line" not in printed
    assert "red \\x1b[31mink\\nforged line \\u202eturned" in run("events", "list").stdout


def test_shows_an_event_with_its_attempts(run: Run) -> None:
    (found,) = rows(run("events", "show", DEAD_ONE.event_id, "--json"))
    attempts = found.pop("attempts")
    assert found["event_id"] == DEAD_ONE.event_id
    assert "raw" not in found
    assert [(one["handler"], one["state"], one["attempts"]) for one in attempts] == [
        ("app.count", "dead", 1),
        ("app.judge", "dead", 8),
    ]
    printed = run("events", "show", DEAD_ONE.event_id).stdout
    assert "ValueError: no\\x1b[2J" in printed
    assert '"text": "BAD bread"' in printed


def test_shows_the_raw_body_byte_for_byte(run: Run) -> None:
    assert run("events", "show", DONE_ONE.event_id, "--raw").stdout_bytes == RAW
    (found,) = rows(run("events", "show", DONE_ONE.event_id, "--raw", "--json"))
    assert found["raw"] == RAW.decode()


def test_a_body_that_is_no_text_is_shown_as_base64_and_one_that_is_gone_is_said_so(run: Run) -> None:
    connection = apsw.Connection("moderation.db")
    connection.execute("UPDATE events SET raw = ? WHERE seq = 1", (b"\xff\x00",))
    connection.execute("UPDATE events SET raw = NULL WHERE seq = 2")
    connection.close()
    (found,) = rows(run("events", "show", DONE_ONE.event_id, "--raw", "--json"))
    assert found["raw_base64"] == "/wA="
    (found,) = rows(run("events", "show", DEAD_ONE.event_id, "--raw", "--json"))
    assert found["raw"] is None
    result = run("events", "show", DEAD_ONE.event_id, "--raw")
    assert result.exit_code == 1
    assert "the body is not kept any more" in result.stderr


def test_says_that_no_handler_has_run(run: Run) -> None:
    assert "no handler has run" in run("events", "show", WAITING.event_id).stdout


def test_an_event_that_is_not_there_is_a_failure(run: Run) -> None:
    result = run("events", "show", "evt_nowhere")
    assert result.exit_code == 1
    assert "no event is called 'evt_nowhere'" in result.stderr


def test_exports_oldest_first_to_the_standard_output(run: Run) -> None:
    found = rows(run("events", "export"))
    assert [row["event_id"] for row in found] == ids(ALL)
    assert rows(run("events", "export", "--type", "post.*"))[0]["event_id"] == LEFT.event_id


def test_exports_to_a_file_that_others_cannot_read(run: Run) -> None:
    result = run("events", "export", "--output", "all.jsonl")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "wrote 5 events" in result.stderr
    lines = Path("all.jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line)["event_id"] for line in lines] == ids(ALL)
    assert stat.S_IMODE(os.stat("all.jsonl").st_mode) == 0o600
    assert list(Path().glob("*.part")) == []


def test_an_export_that_fails_leaves_the_older_file_as_it_was(run: Run) -> None:
    Path("all.jsonl").write_text("older")
    assert run("events", "export", "--output", "all.jsonl", "--store", "sqlite:///nowhere.db").exit_code == 4
    assert Path("all.jsonl").read_text() == "older"
    assert list(Path().glob("*.part")) == []


def test_an_export_to_where_nothing_can_be_written_is_one_clear_line(run: Run) -> None:
    result = run("events", "export", "--output", "nowhere/all.jsonl")
    assert result.exit_code == 1
    assert result.stderr == "moderation-ai: there is no folder nowhere\n"
    assert "Traceback" not in result.stderr


def test_follows_from_a_time_or_from_the_last_few(run: Run) -> None:
    since = rows(run("events", "tail", "--since", "1d", "--limit", "5", "--json"))
    assert [row["event_id"] for row in since] == ids(ALL)
    last = rows(run("events", "tail", "--last", "2", "--limit", "2", "--json"))
    assert [row["event_id"] for row in last] == [LEFT.event_id, WAITING.event_id]
    narrowed = rows(run("events", "tail", "--last", "5", "--limit", "2", "--json", "--platform", "instagram"))
    assert [row["event_id"] for row in narrowed] == [DONE_ONE.event_id, DEAD_ONE.event_id]
