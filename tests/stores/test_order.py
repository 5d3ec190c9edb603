"""No event is lost, none is held by two, each handler has the events of a lane in order: whatever happens."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from moderation_ai.stores.base import Store
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.stores.sqlite import SqliteStore
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


@pytest.mark.fuzz
class TestMemoryInbox(MemoryInbox.TestCase):  # type: ignore[misc, valid-type]  # hypothesis makes it
    settings = settings(max_examples=EXAMPLES, stateful_step_count=40)


@pytest.mark.fuzz
class TestSqliteInbox(SqliteInbox.TestCase):  # type: ignore[misc, valid-type]  # as above
    settings = settings(max_examples=max(10, EXAMPLES // 10), stateful_step_count=40)
