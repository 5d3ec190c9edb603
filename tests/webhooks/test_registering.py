"""``on``: what may be a handler, under which name, for which events."""

from __future__ import annotations

from typing import Any

import pytest

from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.events import WebhookEvent
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.pipeline.handling.handlers import Handler
from moderation_ai.utils import WebhookHandler


@pytest.fixture
def handler() -> WebhookHandler:
    return WebhookHandler(timeout=7, retries=RetrySchedule(max_attempts=2))


def look(event: WebhookEvent) -> None: ...


async def look_later(event: WebhookEvent) -> None: ...


def only(handler: WebhookHandler) -> Handler:
    (name,) = handler.handlers.names()
    found = handler.handlers.named(name)
    assert found is not None
    return found


def test_the_function_stays_what_it_is(handler: WebhookHandler) -> None:
    assert handler.on("comment.created")(look) is look


def test_its_name_is_its_module_and_qualified_name(handler: WebhookHandler) -> None:
    handler.on("*")(look)
    handler.on("*", name="another")(look_later)
    assert handler.handlers.names() == [f"{__name__}.look", "another"]


def test_the_handlers_defaults_count_unless_something_else_is_said(handler: WebhookHandler) -> None:
    handler.on("*")(look)
    assert (only(handler).timeout, only(handler).schedule.max_attempts) == (7, 2)
    other = WebhookHandler(timeout=7)
    other.on("*", timeout=0.5, retries=RetrySchedule(max_attempts=9))(look)
    assert (only(other).timeout, only(other).schedule.max_attempts) == (0.5, 9)


def test_decorators_may_be_stacked(handler: WebhookHandler) -> None:
    handler.on("post.created")(handler.on("comment.created", "comment.updated")(look))
    assert only(handler).patterns == ("comment.created", "comment.updated", "post.created")


@pytest.mark.parametrize("arguments", [(), (look,), (5,), ("comment.created", None)])
def test_an_event_type_has_to_be_named(handler: WebhookHandler, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r'@handler\.on\("comment\.created"\)'):
        handler.on(*arguments)


def test_two_functions_of_one_name_are_refused(handler: WebhookHandler) -> None:
    handler.on("comment.created")(lambda event: None)
    with pytest.raises(ConfigurationError, match="name="):
        handler.on("comment.updated")(lambda event: None)


@pytest.mark.parametrize("networks", [["nonsense"], ["192.0.2.0/33"], ["192.0.2.1", ""]])
def test_an_allow_list_that_cannot_be_read_is_refused(networks: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        WebhookHandler(allowed_ips=networks)


@pytest.mark.parametrize("networks", [["0.0.0.0/0"], ["192.0.2.1", "::/0"]])
def test_an_allow_list_of_everyone_is_taken_and_warned_about(
    networks: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    WebhookHandler(allowed_ips=networks)
    assert [record.levelname for record in caplog.records if "everyone" in record.getMessage()] == ["WARNING"]


def test_proxies_that_are_everyone_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="everyone"):
        WebhookHandler(trusted_proxies=["0.0.0.0/0"])


def test_the_handler_that_was_made_last_is_current() -> None:
    one = WebhookHandler()
    assert WebhookHandler.current() is one
    two = WebhookHandler()
    assert WebhookHandler.current() is two
    del two
    assert not WebhookHandler.has_current()
