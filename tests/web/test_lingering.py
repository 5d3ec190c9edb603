"""The end of a connection: its peer may be gone before we are."""

from __future__ import annotations

import asyncio

import pytest

from moderation_ai.web.lingering import Lingering

pytestmark = pytest.mark.anyio


class Gone(asyncio.Transport):
    """A connection whose peer has hung up, which the socket tells only when it is shut."""

    aborted = False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def abort(self) -> None:
        self.aborted = True


async def test_a_peer_that_is_gone_is_let_go_at_once() -> None:
    transport = Gone()
    lingering = Lingering(transport, asyncio.get_running_loop(), seconds=3600)
    assert transport.aborted
    lingering.connection_lost(None)
