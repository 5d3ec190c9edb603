"""What serve needs before it serves: the user's handlers, and the console's token."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from moderation_ai.cli.serve.loading import load_handlers
from moderation_ai.cli.serve.token import find_token, make_token
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.config import Settings, load
from moderation_ai.core.errors import ConfigurationError
from moderation_ai.core.retries import RetrySchedule

INBOX = """
from moderation_ai.core.retries import RetrySchedule
from moderation_ai.webhooks.handler import WebhookHandler

handler = WebhookHandler()
other = WebhookHandler()
number = 5

@handler.on("comment.created", name="app.look")
async def look(event): ...

@handler.on("post.*", name="app.post", timeout=3.0, retries=RetrySchedule(max_attempts=2))
def post(event): ...

@other.on("*", name="app.all")
def everything(event): ...

class Inner:
    deep = handler
"""


def settings(**environ: str) -> Settings:
    return load(environ={f"MODERATION_AI_{name}": text for name, text in environ.items()}).settings


def test_finds_the_handler_of_a_module_in_the_current_folder() -> None:
    Path("inbox_a.py").write_text(INBOX)
    found = load_handlers(settings(RETRIES__MAX_ATTEMPTS="3"), "inbox_a:handler").handlers
    assert found.names() == ["app.look", "app.post"]
    look, post = found.named("app.look"), found.named("app.post")
    assert look is not None
    assert post is not None
    assert (look.patterns, look.is_async, look.schedule) == (("comment.created",), True, RetrySchedule(max_attempts=3))
    assert (post.patterns, post.timeout, post.schedule) == (("post.*",), 3.0, RetrySchedule(max_attempts=2))


def test_takes_those_of_the_command_line_and_those_of_the_configuration() -> None:
    Path("inbox_b.py").write_text(INBOX)
    configured = settings(HANDLERS__IMPORT='["inbox_b:other", "inbox_b:handler"]')
    assert load_handlers(configured, "inbox_b:handler").handlers.names() == ["app.look", "app.post", "app.all"]
    assert load_handlers(configured).handlers.names() == ["app.all", "app.look", "app.post"]
    assert load_handlers(settings(), "inbox_b:Inner.deep").handlers.names() == ["app.look", "app.post"]
    assert load_handlers(settings()).handlers.names() == []


@pytest.mark.parametrize(
    ("module", "named", "said"),
    [
        (None, "inbox_c:handler", "there is no module 'inbox_c'; run it in the folder of inbox_c.py"),
        ("import nowhere_at_all\n", "inbox_c:handler", "there is no module 'nowhere_at_all'"),
        ("1 / 0\n", "inbox_c:handler", "ZeroDivisionError: division by zero"),
        ("def broken(:\n", "inbox_c:handler", "SyntaxError"),
        (INBOX, "inbox_c:handlr", "the module inbox_c has no 'handlr'"),
        (INBOX, "inbox_c:number", "inbox_c:number is a int; it must be a WebhookHandler"),
        (INBOX, "inbox_c:look", "inbox_c:look is a function; it must be a WebhookHandler"),
        (INBOX, "inbox_c", "write MODULE:HANDLER"),
        (INBOX, ":handler", "write MODULE:HANDLER"),
    ],
)
def test_what_cannot_be_loaded_is_a_wrong_configuration(module: str | None, named: str, said: str) -> None:
    if module is not None:
        Path("inbox_c.py").write_text(module)
    with pytest.raises(ConfigurationError) as caught:
        load_handlers(settings(), named)
    assert said in str(caught.value)


def test_the_token_is_made_once_and_nobody_else_can_read_it() -> None:
    first = make_token(settings(), "sqlite:///moderation.db")
    file = Path("moderation.db.token")
    assert first.file == file
    assert file.read_text().strip() == first.text
    assert len(first.text) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert make_token(settings(), "sqlite:///moderation.db") == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert find_token(settings(), "sqlite:///moderation.db") == first.text


def test_an_empty_token_file_is_written_anew() -> None:
    Path("moderation.db.token").touch(mode=0o644)
    made = make_token(settings(), "sqlite:///moderation.db")
    assert made.text
    assert stat.S_IMODE(Path("moderation.db.token").stat().st_mode) == 0o600


def test_a_configured_token_is_kept_nowhere() -> None:
    made = make_token(settings(CONSOLE__TOKEN="let me in"), "sqlite:///moderation.db")
    assert made == ("let me in", None)
    assert list(Path().iterdir()) == []


def test_a_store_without_a_file_has_a_token_in_a_temporary_one() -> None:
    made = make_token(settings(), "memory://")
    assert made.file is not None
    assert made.file.read_text().strip() == made.text
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert find_token(settings(), "memory://") is None
    made.file.unlink()


def test_a_token_does_not_show_in_a_repr() -> None:
    made = make_token(settings(), "sqlite:///moderation.db")
    assert made.text not in repr(made)


def test_a_token_that_cannot_be_kept_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be kept in nowhere/x\.db\.token"):
        make_token(settings(), "sqlite:///nowhere/x.db")


STORES = """
from moderation_ai.pipeline.handling.standards import StandardsEngine
from moderation_ai.sender import Sender
from moderation_ai.stores.memory import MemoryStore
from moderation_ai.webhooks.handler import WebhookHandler

named = WebhookHandler(store="sqlite:///of-handler.db")
same = WebhookHandler(store="sqlite:///of-handler.db")
other = WebhookHandler(store="sqlite:///other.db")
made = WebhookHandler(store=MemoryStore())
slow = WebhookHandler(sender=Sender(timeout=60))
slower = WebhookHandler(sender=Sender(timeout=90))
judging = WebhookHandler(standards=StandardsEngine())
judging_too = WebhookHandler(standards=StandardsEngine())
plain = WebhookHandler()
"""


@pytest.fixture
def stores() -> None:
    Path("inbox_stores.py").write_text(STORES)


def chosen(named: str, *imports: str, flag: str | None = None) -> str:
    """Return the URL of the store that ``serve`` would open."""
    invocation = Invocation()
    if flag is not None:
        invocation.flags["store.url"] = ("--store", flag)
    configured = settings(HANDLERS__IMPORT=msgspec.json.encode(imports).decode()) if imports else settings()
    store = invocation.choose_store(load_handlers(configured, f"inbox_stores:{named}").store)
    assert invocation.store_url == store.url
    return store.url


@pytest.mark.usefixtures("stores")
def test_the_store_of_a_handler_comes_before_the_configured_one() -> None:
    assert chosen("named") == "sqlite:///of-handler.db"
    assert chosen("made") == "memory://"
    assert chosen("plain") == "sqlite:///moderation.db"
    assert chosen("plain", "inbox_stores:named", "inbox_stores:same") == "sqlite:///of-handler.db"
    assert chosen("plain", flag="sqlite:///flag.db") == "sqlite:///flag.db"
    assert chosen("named", flag="sqlite:///of-handler.db") == "sqlite:///of-handler.db"


@pytest.mark.usefixtures("stores")
def test_two_stores_are_one_too_many() -> None:
    with pytest.raises(ConfigurationError, match=r"different stores, sqlite:///of-handler\.db and sqlite:///other\.db"):
        chosen("named", "inbox_stores:other")
    with pytest.raises(
        ConfigurationError, match=r"--store says sqlite:///flag\.db, the handlers are made with sqlite:///of"
    ):
        chosen("named", flag="sqlite:///flag.db")


@pytest.mark.usefixtures("stores")
def test_actions_are_sent_by_the_sender_that_a_handler_was_made_with() -> None:
    one = load_handlers(settings(HANDLERS__IMPORT='["inbox_stores:plain"]'), "inbox_stores:slow")
    assert one.sender is not None
    assert one.sender is load_handlers(settings(), "inbox_stores:slow").sender
    assert load_handlers(settings(), "inbox_stores:plain").sender is None
    with pytest.raises(ConfigurationError, match="different senders"):
        load_handlers(settings(HANDLERS__IMPORT='["inbox_stores:slower"]'), "inbox_stores:slow")


@pytest.mark.usefixtures("stores")
def test_what_arrives_is_judged_by_the_standards_that_a_handler_was_made_with() -> None:
    one = load_handlers(settings(HANDLERS__IMPORT='["inbox_stores:plain"]'), "inbox_stores:judging")
    assert one.standards is not None
    assert load_handlers(settings(), "inbox_stores:plain").standards is None
    with pytest.raises(ConfigurationError, match="different standards"):
        load_handlers(settings(HANDLERS__IMPORT='["inbox_stores:judging_too"]'), "inbox_stores:judging")
