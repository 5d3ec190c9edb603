"""The webhooks commands, against TikTok's fake: registered, listed, renewed, deleted, and synced with the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moderation_ai.cli import cli
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.cli.webhooks.printing import print_subscriptions
from moderation_ai.core.subscribing import POLLED, Subscription
from moderation_ai.fakes import Fake, find_fake
from moderation_ai.pipeline.clock import ManualClock
from tests.cli.conftest import rows
from tests.cli.filling import NOW

URL = "https://hooks.example.org/webhook/tiktok"
pytestmark = pytest.mark.usefixtures("filled")


class Desk:
    """The command line of somebody whose app at TikTok is configured."""

    def __init__(self, fake: Fake, call: Callable[..., Result]) -> None:
        self.fake = fake
        self._call = call

    def __call__(self, *words: str, **env: str) -> Result:
        settings = {
            "SERVER__PUBLIC_URL": "https://hooks.example.org",
            "PLATFORMS__TIKTOK__SECRETS": "s",
            "PLATFORMS__TIKTOK__CLIENT_ID": self.fake.client.id,
            "PLATFORMS__TIKTOK__CLIENT_SECRET": self.fake.client.secret,
            **env,
        }
        return self._call(*words, **{f"MODERATION_AI_{name}": value for name, value in settings.items() if value})


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = ManualClock(NOW)
    fake = find_fake("tiktok", clock=clock, times=1000)
    with fake.serve() as served:
        sender = served.sender(timeout=60, now=clock.now)

        def call(*words: str, **env: str) -> Result:
            return CliRunner(env=env).invoke(
                cli, ["webhooks", *words], obj=Invocation(clock, sender), prog_name="moderation-ai"
            )

        yield Desk(fake, call)


def test_one_is_registered_listed_renewed_and_deleted(desk: Desk) -> None:
    made = rows(desk("register", "tiktok", "--json"))
    assert {(each["url"], each["status"], each["ours"]) for each in made} == {(URL, "active", True)}
    listed = rows(desk("list", "--json"))
    assert {each["id"] for each in listed} == {each["id"] for each in made}
    renewed = desk("renew", "--json")
    assert (renewed.exit_code, len(rows(renewed))) == (0, len(made))
    for each in made:
        (said,) = rows(desk("delete", "tiktok", each["id"], "--json"))
        assert said == {"platform": "tiktok", "id": each["id"], "status": "deleted", "reason": None}
    assert rows(desk("list", "--json")) == []


def test_a_list_for_people_says_how_each_stands(desk: Desk) -> None:
    desk("register", "tiktok")
    said = desk("list").stdout
    assert URL in said
    assert "active" in said
    assert "none yet" in said


def test_what_is_in_the_store_is_shown_without_asking(desk: Desk) -> None:
    desk("register", "tiktok")
    asked = len(desk.fake.calls)
    assert rows(desk("list", "tiktok", "--stored", "--json"))
    assert len(desk.fake.calls) == asked


def test_a_difference_is_shown_before_anything_is_done(desk: Desk) -> None:
    planned = desk("sync", "--dry-run", "--json")
    assert [(each["do"], each["url"], each["done"]) for each in rows(planned)] == [("register", URL, False)]
    assert desk.fake.count() == 0
    refused = desk("sync")
    assert (refused.exit_code, desk.fake.count()) == (2, 0)
    assert "--yes" in refused.stderr
    done = desk("sync", "--yes")
    assert (done.exit_code, done.stdout[:1]) == (0, "+")
    assert "register tiktok: active" in done.stderr
    assert desk.fake.count() > 0
    again = desk("sync", "tiktok", "--json")
    assert [each["do"] for each in rows(again)] == ["keep"]
    assert "nothing to do" in again.stderr


def test_what_the_platform_refuses_is_one_line_and_exit_code_1(desk: Desk) -> None:
    refused = desk("register", "tiktok", PLATFORMS__TIKTOK__CLIENT_SECRET="wrong")
    assert refused.exit_code == 1
    assert len(refused.stderr.splitlines()) == 1
    synced = desk("sync", "--yes", PLATFORMS__TIKTOK__CLIENT_SECRET="wrong")
    assert (synced.exit_code, synced.stdout[:6]) == (1, "! fail")
    assert "nothing is changed; 1 place could not be looked at" in synced.stderr
    (told,) = rows(desk("sync", "--yes", "--json", PLATFORMS__TIKTOK__CLIENT_SECRET="wrong"))
    assert (told["do"], told["done"], told["error"] == told["why"]) == ("fail", False, True)


def test_what_came_of_each_step_is_told_to_programs(desk: Desk) -> None:
    (told,) = rows(desk("sync", "--yes", "--json"))
    assert (told["do"], told["done"], told["status"], told["error"]) == ("register", True, "active", None)


def test_accounts_that_share_the_app_have_nothing_of_their_own(desk: Desk) -> None:
    env = {"PLATFORMS__TIKTOK__ACCOUNTS__SHOP__ID": "77", "PLATFORMS__TIKTOK__ACCOUNTS__CAFE__ID": "78"}
    steps = rows(desk("sync", "--yes", "--json", **env))
    assert [(each["do"], each["account"]) for each in steps] == [("register", None)]
    assert {each["ours"] for each in rows(desk("list", "--json", **env))} == {True}


def test_without_what_it_takes_the_platform_is_not_told(desk: Desk) -> None:
    noted = desk("register", "tiktok", "--json", PLATFORMS__TIKTOK__CLIENT_SECRET="")
    (row,) = rows(noted)
    assert (row["status"], "platforms.tiktok.client_secret" in row["reason"]) == ("registered", True)
    assert desk.fake.calls == []
    assert desk("delete", "tiktok", row["id"]).exit_code == 0


def test_what_the_platform_cannot_be_told_is_deleted_only_by_forgetting(desk: Desk) -> None:
    made = rows(desk("register", "tiktok", "--json"))[0]["id"]
    env = {"PLATFORMS__TIKTOK__CLIENT_SECRET": ""}
    refused = desk("delete", "tiktok", made, **env)
    assert (refused.exit_code, "platforms.tiktok.client_secret" in refused.stderr) == (3, True)
    assert desk("delete", "tiktok", made, "--forget", **env).exit_code == 0
    assert rows(desk("list", "--stored", "--json")) == []


@pytest.mark.parametrize(
    ("words", "env", "code", "says"),
    [
        (("register", "tiktok"), {"SERVER__PUBLIC_URL": ""}, 3, "server.public_url"),
        (("sync",), {"SERVER__PUBLIC_URL": ""}, 3, "server.public_url"),
        (("register", "tiktok", "http://hooks.example.org/x"), {}, 3, "not encrypted"),
        (("register", "nowhere"), {}, 1, "known are"),
        (("register", "tiktok", "--topic", "t"), {}, 3, "no topics"),
        (("register", "youtube"), {"PLATFORMS__YOUTUBE__SECRETS": "s"}, 3, "platforms.youtube.topics"),
        (
            ("register", "youtube", "--topic", "https://www.youtube.com/t"),
            {"PLATFORMS__YOUTUBE__TOPICS": '["t"]'},
            3,
            "openssl",
        ),
        (("delete", "tiktok", "wh_none"), {}, 1, "webhooks list tiktok"),
        (("renew", "--id", "wh_none"), {}, 1, "wh_none"),
        (("list", "--store", "sqlite:///none.db"), {}, 4, "serve"),
    ],
)
def test_a_mistake_says_what_to_do(desk: Desk, words: tuple[str, ...], env: Any, code: int, says: str) -> None:
    result = desk(*words, **env)
    assert (result.exit_code, says in result.stderr) == (code, True), result.stderr


def test_an_empty_list_says_what_to_do_next(desk: Desk) -> None:
    said = desk("list", "--stored")
    assert (said.exit_code, "sync --dry-run" in said.stderr) == (0, True)
    assert "nothing is registered" in desk("renew").stderr


def test_what_is_polled_is_shown_with_when_it_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    feed = Subscription(id="poll:posts", url="", platform="medium", status=POLLED, verified_at=NOW, due_at=NOW)
    print_subscriptions([feed], False, NOW)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "poll:posts  medium  polled"
    assert "last read 2026-" in said[1]
    assert "last event" not in said[1]
