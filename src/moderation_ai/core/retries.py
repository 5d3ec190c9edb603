"""When a failed attempt is tried again: exponential back-off with jitter, as one formula."""

from __future__ import annotations

import msgspec


class RetrySchedule(msgspec.Struct, frozen=True, kw_only=True):
    """How often a handler is tried, and how long is waited between; all durations in seconds.

    The delay before attempt n+1 is ``first * factor ** (n - 1)``, at most ``longest``, spread by ``jitter`` to either
    side so that what failed together does not come back together.
    """

    max_attempts: int = 8
    first: float = 2.0
    factor: float = 4.0
    longest: float = 3600.0
    jitter: float = 0.2

    def delay(self, attempts: int, chance: float) -> float | None:
        """Return the seconds to wait after ``attempts`` failures, or None when it is time to give up.

        ``chance`` is a random number in [0, 1) of the caller's.
        """
        if attempts >= self.max_attempts:
            return None
        exponent = min(attempts - 1, 64)
        plain = min(self.first * self.factor**exponent, self.longest)
        return float(plain * (1 + self.jitter * (2 * chance - 1)))
