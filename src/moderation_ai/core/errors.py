"""Every error that leaves our rooms, as one tree.

::

    ModerationError
    ├── RequestRejected            .status: what the sender is answered
    │   ├── UnknownPlatform        404
    │   ├── AddressNotAllowed      403
    │   ├── InvalidSignature       401 (or the platform's own status)
    │   │   ├── MissingSignature   401
    │   │   └── StaleTimestamp     401
    │   ├── MalformedPayload       400
    │   ├── BodyTooLarge           413
    │   └── KeyNeeded              503; .url, .key_id
    ├── PlatformError              .retryable, .retry_after
    │   ├── RateLimited
    │   ├── PlatformUnavailable
    │   │   └── OutcomeUnknown
    │   ├── CredentialsRejected
    │   └── ContentGone
    ├── UnsupportedAction          .alternatives
    ├── HandlerError               raised by handlers to steer their own retries
    │   ├── Retry                  .after
    │   └── GiveUp
    ├── ConfigurationError         .file, .line, .each
    │   └── ConfigurationErrors
    ├── AddressInUse               another program listens there
    └── StoreError
        └── StoreBusy              .retry_after

Two questions are asked of an error: who was wrong, and what should be done next? The class answers the first, the
attributes and the message the second. No message holds a secret or a body.
"""

from __future__ import annotations

from collections.abc import Sequence


class ModerationError(Exception):
    """Stand above every error that this package raises on purpose."""


class RequestRejected(ModerationError):
    """Say that a request posted to us is refused, and with which HTTP status."""

    status = 400

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Keep the reason, and the status where it differs from the class's."""
        super().__init__(message)
        if status is not None:
            self.status = status


class UnknownPlatform(RequestRejected):
    """Say that no platform of that name is known, or that it is not configured."""

    status = 404


class AddressNotAllowed(RequestRejected):
    """Say that the sender's address stands on no allow list."""

    status = 403


class InvalidSignature(RequestRejected):
    """Say that a signature is missing, malformed or made with a secret that is not ours."""

    status = 401


class MissingSignature(InvalidSignature):
    """Say that a request carries no signature at all: hardly the platform's own, or a proxy took its header away."""


class StaleTimestamp(InvalidSignature):
    """Say that the signed time lies outside the window, in the past or in the future."""


class MalformedPayload(RequestRejected):
    """Say that a request or its body cannot be made sense of."""

    status = 400


class BodyTooLarge(RequestRejected):
    """Say that a body is longer than the limit."""

    status = 413


class KeyNeeded(RequestRejected):
    """Say that a signature can only be checked with a public key that has to be fetched first, and from where.

    A platform raises it; who receives the request fetches the key and asks again. If nobody does, the request is
    refused for now.
    """

    status = 503

    def __init__(self, url: str, key_id: str) -> None:
        """Keep the address of the key set, and the id of the key in it."""
        super().__init__("the key that this is signed with is not at hand; send it again")
        self.url = url
        self.key_id = key_id


class PlatformError(ModerationError):
    """Say that a platform's API did not do what was asked."""

    retryable = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the reason, and how many seconds the platform asks us to wait."""
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(PlatformError):
    """Say that the platform wants fewer requests."""

    retryable = True


class PlatformUnavailable(PlatformError):
    """Say that the platform could not be reached, or failed."""

    retryable = True


class OutcomeUnknown(PlatformUnavailable):
    """Say that it may have been done or not, and that doing it again could do it twice: look, or ask a person."""

    retryable = False


class CredentialsRejected(PlatformError):
    """Say that our token or secret is not accepted any more."""


class ContentGone(PlatformError):
    """Say that the comment or post does not exist there any more."""


class UnsupportedAction(ModerationError):
    """Say that a platform cannot do this action, and what it can do instead."""

    def __init__(self, message: str, *, alternatives: Sequence[str] = ()) -> None:
        """Keep the reason and the names of the actions that would work."""
        super().__init__(message)
        self.alternatives = tuple(alternatives)


class HandlerError(ModerationError):
    """Stand above what a handler raises to steer its own retries."""


class Retry(HandlerError):
    """Ask for another attempt, ``after`` so many seconds where given."""

    def __init__(self, message: str = "the handler asked for a retry", *, after: float | None = None) -> None:
        """Keep the reason and the wished delay in seconds."""
        super().__init__(message)
        self.after = after


class GiveUp(HandlerError):
    """Ask that no further attempt is made: the attempt ends in dead letters."""


class ConfigurationError(ModerationError):
    """Say which setting is wrong, where it stands, and what to do."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        """Keep the reason, with the file and line that it was read from."""
        self.file = file
        self.line = line
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(where + message)

    @property
    def each(self) -> tuple[ConfigurationError, ...]:
        """Return the single mistakes that this error tells of."""
        return (self,)


class ConfigurationErrors(ConfigurationError):
    """Say of several settings at once what is wrong: who mends one wants to know of the others."""

    def __init__(self, errors: Sequence[ConfigurationError]) -> None:
        """Keep the single errors."""
        super().__init__("; ".join(str(error) for error in errors))
        self._each = tuple(errors)

    @property
    def each(self) -> tuple[ConfigurationError, ...]:
        """Return the single mistakes that this error tells of."""
        return self._each


class AddressInUse(ModerationError):
    """Say that another program listens at the address that we were to listen at."""


class StoreError(ModerationError):
    """Say that the store could not do what was asked; nothing was acknowledged."""


class StoreBusy(StoreError):
    """Say that the store cannot take more just now, and when to come again."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        """Keep the reason and the seconds to wait."""
        super().__init__(message)
        self.retry_after = retry_after
