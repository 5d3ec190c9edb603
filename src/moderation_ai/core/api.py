"""A platform's API as data, and the one way to ask it: yield a request of the table, read the answer by the table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from moderation_ai.core.budgets import Budget, Limit, read_retry_after, seconds_until
from moderation_ai.core.calls import Call, Failure
from moderation_ai.core.content import read_json
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    MalformedPayload,
    ModerationError,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
)
from moderation_ai.core.flows import Answer, Client, Flow, Session

_BY_STATUS: Mapping[int, type[PlatformError]] = {
    401: CredentialsRejected,
    404: ContentGone,
    408: PlatformUnavailable,
    410: ContentGone,
    429: RateLimited,
}
_SAYS: Mapping[type[PlatformError], str] = {
    CredentialsRejected: "the token is not accepted any more: refresh it, or authorise the account again",
    ContentGone: "what is asked for does not exist there any more",
    PlatformUnavailable: "the platform failed; this can be tried again",
    RateLimited: "the platform wants fewer requests",
    PlatformError: "the platform refused it; trying again would change nothing",
}


# What a platform says stands in no message of ours; the word or number for it may, if it is one. Tokens, which it may
# have put there, mix letters and digits.
_PLAIN = re.compile(r"(?:[0-9]{1,10}(?:[./-][0-9]{1,10})?|[A-Za-z_./ -]{1,64})\Z", re.ASCII)


def no_codes(body: Any) -> tuple[str, ...]:
    """Return no error codes: for an API whose statuses say all."""
    return ()


def no_budgets(call: Call, answer: Answer) -> tuple[Budget, ...]:
    """Return nothing: for an API whose answers do not tell what is left."""
    return ()


class Reading(msgspec.Struct, frozen=True):
    """An answer that says that it was done, with the JSON value in it (None where it has none)."""

    body: Any
    answer: Answer

    @property
    def is_unchanged(self) -> bool:
        """Say whether nothing has changed since what a conditional request named."""
        return self.answer.status == 304


class Api(msgspec.Struct, frozen=True, kw_only=True):
    """One platform's API.

    ``calls`` and ``failures`` are its table; a call's own failures stand before these. ``limits`` are those of all
    calls together. ``codes`` finds the error codes in an answer's JSON, the most telling first, and none in a success;
    ``budgets`` finds what is left of the allowances.
    """

    calls: tuple[Call, ...] = ()
    failures: tuple[Failure, ...] = ()
    limits: tuple[Limit, ...] = ()
    codes: Callable[[Any], tuple[str, ...]] = no_codes
    budgets: Callable[[Call, Answer], tuple[Budget, ...]] = no_budgets
    reset: Callable[[Answer], float | None] | None = None
    """Seconds until the platform's day begins anew, where what is spent comes back only then."""

    def call(self, name: str) -> Call:
        """Return the row of that name."""
        return next(call for call in self.calls if call.name == name)

    def ask(
        self, name: str, values: Mapping[str, object], session: Session | None = None, client: Client | None = None
    ) -> Flow[Reading]:
        """Yield one request and return what its answer says; raise one of our errors if that is no success.

        Where nothing came back, a call that only reads or sets may be repeated: ``PlatformUnavailable`` comes out. One
        that adds may not: ``OutcomeUnknown``.
        """
        call = self.call(name)
        try:
            answer = yield call.request(values, session, client)
        except OutcomeUnknown as error:
            if call.effect == "adds":
                raise
            raise PlatformUnavailable(str(error), retry_after=error.retry_after) from error
        return self.read(call, answer)

    def read(self, call: Call, answer: Answer) -> Reading:
        """Return what an answer to ``call`` says; raise one of our errors if it is no success."""
        body = _json(answer.body)
        codes = self.codes(body)
        if 200 <= answer.status < 300 and not codes:
            if is_proved(call, answer.status, body):
                return Reading(body, answer)
            raise _unsure(call, "the answer is none that we know of this call")
        if answer.status == 304 and call.is_conditional:
            return Reading(None, answer)
        raise self._failure(call, answer, codes)

    def _failure(self, call: Call, answer: Answer, codes: tuple[str, ...]) -> ModerationError:
        row = self._row(call, answer.status, codes)
        kind = row.error if row else _by_status(answer.status)
        if not issubclass(kind, PlatformError):
            return kind(row.says if row else "")
        if issubclass(kind, PlatformUnavailable) and call.effect == "adds":
            kind = OutcomeUnknown
        says = row.says if row else _SAYS.get(kind, _SAYS[PlatformUnavailable])
        named = f" {codes[0]}" if codes and _PLAIN.match(codes[0]) else ""
        wait = self.retry_after(call, answer, row) if issubclass(kind, RateLimited | PlatformUnavailable) else None
        return kind(f"{call.name}: {says} ({answer.status}{named})", retry_after=wait)

    def _row(self, call: Call, status: int, codes: tuple[str, ...]) -> Failure | None:
        """Return the row of a failure: by the first code that the table has, else by the status."""
        rows = (*call.failures, *self.failures)
        by_code = (row for code in codes for row in rows if row.code == code)
        by_status = (row for row in rows if row.code is None and row.status == status)
        return next(by_code, None) or next(by_status, None)

    def retry_after(self, call: Call, answer: Answer, row: Failure | None = None) -> float | None:
        """Return how many seconds the platform wants us to wait: by ``Retry-After``, its budgets, or the table."""
        seconds = read_retry_after(answer)
        if seconds is not None:
            return seconds
        spent = [each.resets_at for each in self.budgets(call, answer) if each.is_spent and each.resets_at]
        if spent:
            return seconds_until(max(spent), answer.received_at)
        if row is not None and row.until_reset and self.reset is not None:
            return self.reset(answer)
        return row.wait if row else None


def is_proved(call: Call, status: int, body: Any) -> bool:
    """Say whether an answer shows that the call was understood, by what its row asks for; a proxy says 200 too."""
    if call.proof is None:
        return status == call.status
    return isinstance(body, dict) and (call.proof == "" or at(body, call.proof) is not None)


def at(body: Any, path: str) -> Any:
    """Return what stands at a path such as ``data.id`` or ``json.data.things.0`` in a JSON value, or None."""
    value = body
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def _json(body: bytes) -> Any:
    try:
        return read_json(body) if body else None
    except MalformedPayload:
        return None


def _by_status(status: int) -> type[PlatformError]:
    if 400 <= status < 500:
        return _BY_STATUS.get(status, PlatformError)
    # An error code in a 2xx that the table does not have is a refusal; a redirection is not followed.
    return PlatformError if 200 <= status < 300 else PlatformUnavailable


def _unsure(call: Call, says: str) -> PlatformUnavailable:
    kind = OutcomeUnknown if call.effect == "adds" else PlatformUnavailable
    return kind(f"{call.name}: {says}")
