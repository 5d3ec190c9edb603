"""For how long what was received is kept."""

from __future__ import annotations

from datetime import timedelta

import msgspec


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """For how long what is kept; None is for ever. ``deleted`` counts from when a deletion was learned.

    ``bodies`` are raw bodies and header fields. What people wrote stands in them too, so they never stay longer than
    ``texts`` do: that is what people wrote, and handlers' errors. Of what was deleted both go.
    """

    bodies: timedelta | None = timedelta(days=30)
    texts: timedelta | None = timedelta(days=180)
    deleted: timedelta | None = timedelta(hours=24)
