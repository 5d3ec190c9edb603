"""Logs: one line for each record, for people or as JSON; nothing that a stranger wrote can forge or colour a line."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

from moderation_ai.cli.terminal.text import plain

LEVELS = ("debug", "info", "warning", "error")
_ENCODE = msgspec.json.Encoder().encode


def set_up_logs(level: str, form: str) -> None:
    """Write the logs of this process to stderr, as ``text`` or ``json``, from ``level`` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # The server tells of each of its two beginnings and ends, which we do ourselves.
    logging.getLogger("uvicorn").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    # The client tells of each request with its whole address, in which a token may stand.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


class TextFormatter(logging.Formatter):
    """Write a record as a line for people; a traceback follows on lines of its own, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {plain(record.getMessage())}"
        return "\n".join([line, *(f"    {plain(part)}" for part in _traceback(self, record))])


class JsonFormatter(logging.Formatter):
    """Write a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": plain(record.getMessage()),
        }
        traceback = _traceback(self, record)
        return _ENCODE(fields | ({"traceback": [plain(part) for part in traceback]} if traceback else {})).decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    return formatter.formatException(record.exc_info).splitlines() if record.exc_info else []
