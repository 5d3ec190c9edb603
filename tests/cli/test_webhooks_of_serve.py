"""The webhooks commands beside ``serve``, each a process of its own: one asks the hub, the other is asked back."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from moderation_ai.cli import cli
from moderation_ai.cli.terminal.invocation import Invocation
from moderation_ai.fakes import find_fake
from moderation_ai.fakes.hub import Hub
from moderation_ai.sender import Sender
from tests.cli.conftest import rows
from tests.cli.serving import SECRET, environment, served

TOPIC = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UCsampleChannelOfOurs000"
HOST = "hooks.example.org"


class Scene:
    """A hub, a gateway that runs, and the command line."""

    def __init__(self, hub: Hub, sender: Sender) -> None:
        self.hub = hub
        self._sender = sender

    def __call__(self, *words: str) -> Result:
        env = {
            "MODERATION_AI_SERVER__PUBLIC_URL": f"https://{HOST}",
            "MODERATION_AI_PLATFORMS__YOUTUBE__SECRETS": SECRET,
        }
        result = CliRunner(env=env).invoke(cli, list(words), obj=Invocation(sender=self._sender))
        self.hub.settle()
        return result

    def publish(self) -> None:
        self.hub.publish(TOPIC)
        self.hub.postman.settle()


@pytest.fixture
def scene() -> Iterator[Scene]:
    hub = find_fake("youtube", secret=SECRET)
    assert isinstance(hub, Hub)
    env = environment(PLATFORMS__YOUTUBE__SECRETS=SECRET, SERVER__PORT="0", CONSOLE__PORT="0")
    with served("--json", env=env) as gateway, hub.serve() as playing, hub.push():
        hub.reach(HOST, f"http://{urlsplit(gateway.ready['gateway']).netloc}")
        yield Scene(hub, playing.sender(timeout=60))


def test_a_topic_is_asked_for_by_one_process_confirmed_by_another_and_ended_again(scene: Scene) -> None:
    (made,) = rows(scene("webhooks", "register", "youtube", "--topic", TOPIC, "--json"))
    # The hub asks the gateway while the command still runs, or a moment later.
    assert (made["status"] in ("pending", "active"), made["topic"]) == (True, TOPIC)
    (row,) = rows(scene("webhooks", "list", "--json"))
    assert (row["status"], row["expires_at"] is not None) == ("active", True)
    scene.publish()
    (event,) = rows(scene("events", "list", "--json"))
    assert (event["platform"], event["event_type"]) == ("youtube", "post.created")
    ended = scene("webhooks", "delete", "youtube", row["id"], "--json")
    assert [each["status"] in ("leaving", "deleted") for each in rows(ended)] == [True]
    assert rows(scene("webhooks", "list", "--json")) == []
    assert scene.hub.living(TOPIC) == []


def test_a_denial_and_its_reason_are_seen_by_the_doctor(scene: Scene) -> None:
    scene.hub.denies = "too many topics"
    scene("webhooks", "register", "youtube", "--topic", TOPIC)
    listed = scene("webhooks", "list")
    assert "denied" in listed.stdout
    assert "too many topics" in listed.stdout
    found = [each for each in rows(scene("doctor", "--json")) if each["check"] == "subscription"]
    assert [each["status"] for each in found] == ["failure"]
    assert "too many topics" in found[0]["message"]
