"""No event is lost, none is held by two, each handler has the events of a lane in order: whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.stores.sqlite import SqliteStore
from tests.kinds import KINDS
from tests.stores.conftest import new_postgres
from tests.stores.model import InboxMachine

EXAMPLES = int(os.environ.get("MODERATION_AI_FUZZ_EXAMPLES", "200"))


class MemoryInbox(InboxMachine):
    """The machine on a store in memory."""

    def make_store(self) -> Store:
        return MemoryStore()


class SqliteInbox(InboxMachine):
    """The machine on a store in a file, with readers beside the writer."""

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        super().__init__()

    def make_store(self) -> Store:
        return SqliteStore(f"{self.folder.name}/store.db", synchronous="OFF")

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class PostgresInbox(InboxMachine):
    """The machine on a PostgreSQL database."""

    url: str

    def make_store(self) -> Store:
        return self.do(new_postgres(self.url))


@pytest.fixture(scope="module", autouse=True)
def database(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give the machine its database, where it is to run on one."""
    if "postgres" in KINDS:
        PostgresInbox.url = request.getfixturevalue("postgres_url")
    yield


@pytest.mark.fuzz
class TestMemoryInbox(MemoryInbox.TestCase):  # type: ignore[misc, valid-type]  # hypothesis makes it
    settings = settings(max_examples=EXAMPLES, stateful_step_count=40)


@pytest.mark.fuzz
class TestSqliteInbox(SqliteInbox.TestCase):  # type: ignore[misc, valid-type]  # as above
    settings = settings(max_examples=max(10, EXAMPLES // 10), stateful_step_count=40)


@pytest.mark.fuzz
@pytest.mark.skipif("postgres" not in KINDS, reason="MODERATION_AI_TEST_STORES leaves it out")
class TestPostgresInbox(PostgresInbox.TestCase):  # type: ignore[misc, valid-type]  # as above
    settings = settings(max_examples=max(5, EXAMPLES // 20), stateful_step_count=40)
