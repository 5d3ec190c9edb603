"""Checks of a store on PostgreSQL: whether it can be reached, has the right schema, keeps what was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from moderation_ai.cli.doctor.findings import Finding, failure, ok, warning
from moderation_ai.cli.terminal.stores import opened, schemas_of
from moderation_ai.core.errors import ConfigurationError, StoreError
from moderation_ai.stores.urls import without_password


def check_database(url: str) -> Iterator[Finding]:
    """Yield what there is to say of the store in a database; nothing is made or changed."""
    try:
        found, newest = asyncio.run(schemas_of(url))
        described = asyncio.run(_describe(url)) if found == newest else None
    except (StoreError, ConfigurationError) as error:
        advice = "see that the server runs, and that this user may connect and use the schema moderation_ai"
        yield failure("store", str(error), advice)
        return
    if described is not None:
        yield ok("store", f"{without_password(url)}, PostgreSQL {described['library']}")
    yield check_schema(found, newest)
    if described is not None:
        yield from judge_settings(described)


async def _describe(url: str) -> dict[str, Any]:
    async with opened(url) as store:
        return await store.describe()


def judge_settings(described: dict[str, Any]) -> Iterator[Finding]:
    """Yield whether the server's settings keep what was acknowledged when the power fails."""
    for name in ("fsync", "full_page_writes"):
        if described[name] == "on":
            yield ok(name, "on")
        else:
            message = f"{name} is {described[name]}: what was acknowledged can be lost when the power fails"
            yield failure(name, message, f"set {name} = on in postgresql.conf")
    if described["synchronous_commit"] == "off":
        message = "synchronous_commit is off; the store turns it on where it acknowledges"
        yield warning("synchronous_commit", message, "leave it on: other programs' commits are not safe either")


def check_schema(found: int, newest: int) -> Finding:
    """Return whether a store has the schema of this program."""
    if found == newest:
        return ok("schema", f"{found}, up to date")
    if found > newest:
        return failure("schema", f"{found}, newer than this program's {newest}", "update moderation-ai")
    return failure("schema", f"{found}, older than this program's {newest}", "run `moderation-ai db upgrade`")
