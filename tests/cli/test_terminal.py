"""What commands share: times, text, tables, questions, logs."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation_ai.cli.terminal.logs import JsonFormatter, TextFormatter, set_up_logs
from moderation_ai.cli.terminal.stores import unreadable
from moderation_ai.cli.terminal.text import plain, plain_json, shortened
from moderation_ai.cli.terminal.times import read_time
from tests.cli.filling import NOW


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("30s", NOW - timedelta(seconds=30)),
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("1w", NOW - timedelta(days=7)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T10:00:00Z", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00:00.250+02:00", datetime(2026, 11, 24, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-11-24T10:00:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("1795521600", NOW),
        ("10", None),
        ("m", None),
        ("-5m", None),
        ("1.5h", None),
        ("999999999w", None),
        ("2026-02-30", None),
        ("now", None),
        ("", None),
    ],
)
def test_times_are_read_as_people_give_them(text: str, when: datetime | None) -> None:
    assert read_time(text, NOW) == when


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Grüße 你好 👍🏽", "Grüße 你好 👍🏽"),
        ("👩‍👧", "👩‍👧"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028\u2029\ufeff", "\\u2028\\u2029\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_text_of_strangers_is_shown_escaped(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(st.characters()))
def test_no_text_makes_more_than_one_line_or_steers_a_terminal(text: str) -> None:
    shown = plain(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown)
    shown.encode()


@given(st.text(st.characters(codec="utf-8")))
@example("\x7f\x9b31m\u202e\u2028\U000e0041")
def test_json_on_a_terminal_says_the_same_and_steers_nothing(text: str) -> None:
    line = plain_json(msgspec.json.encode({"text": text}))
    assert msgspec.json.decode(line) == {"text": text}
    shown = line.decode()
    assert len(shown.splitlines()) == 1
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter in "\u202e\u2066" for letter in shown)


def test_a_text_is_cut_where_the_width_ends() -> None:
    assert shortened("12345", 5) == "12345"
    assert shortened("123456", 5) == "1234…"
    assert shortened("12", 0) == "…"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def record(message: str, *args: object) -> logging.LogRecord:
    made = logging.LogRecord("moderation_ai.x", logging.WARNING, "x.py", 1, message, args, None)
    made.created = NOW.timestamp()
    return made


def test_a_log_line_cannot_be_forged() -> None:
    hostile = record("refused %s", "x\n2026-11-24T12:00:00.000Z error fake: all is lost\x1b[2J")
    expected = "refused x\\n2026-11-24T12:00:00.000Z error fake: all is lost\\x1b[2J"
    assert TextFormatter().format(hostile) == f"2026-11-24T12:00:00.000Z warning moderation_ai.x: {expected}"
    assert msgspec.json.decode(JsonFormatter().format(hostile)) == {
        "time": "2026-11-24T12:00:00.000Z",
        "level": "warning",
        "logger": "moderation_ai.x",
        "message": expected,
    }


def test_a_traceback_follows_its_line() -> None:
    made = record("it broke")
    try:
        raise ValueError("no\x1b[2J")
    except ValueError:
        made.exc_info = sys.exc_info()
    text = TextFormatter().format(made).splitlines()
    assert text[1] == "    Traceback (most recent call last):"
    assert text[-1] == "    ValueError: no\\x1b[2J"
    found = msgspec.json.decode(JsonFormatter().format(made))
    assert found["traceback"][-1] == "ValueError: no\\x1b[2J"


@pytest.mark.parametrize("form", ["text", "json"])
def test_logs_go_to_the_standard_error_from_their_level_on(
    root: logging.Logger, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    set_up_logs("warning", form)
    logging.getLogger("somewhere").info("unheard")
    logging.getLogger("somewhere").error("heard")
    assert "heard" in written.getvalue()
    assert "unheard" not in written.getvalue()


def test_a_store_that_this_user_may_not_write_is_told_as_that() -> None:
    assert "it takes a user who may write it" in str(unreadable(Path("a.db"), apsw.ReadOnlyError("no")))
    assert "a.db cannot be read as a store: odd" in str(unreadable(Path("a.db"), apsw.NotADBError("odd")))
