"""Settings: every setting as a value with its default and its meaning; secrets hide themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from moderation_ai.core.retention import Retention
from moderation_ai.core.retries import RetrySchedule

DEFAULT_STORE_URL = "sqlite:///moderation.db"
"""The store of `serve` and of every command, where none is named."""
MASK = "********"
_PLAN = RetrySchedule()


class Secret(str):
    """A text that does not show itself where a value is displayed, logged or printed by its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return a mask, the same for every secret: not even a length shows."""
        return f"'{MASK}'"


ROLES = ("gateway", "worker", "all")
"""What a process of ``serve`` does: receive and store, handle what is stored, or both."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where events are kept."""

    url: Annotated[
        str | None,
        Meta(
            description="Where events are kept: `sqlite:///moderation.db`, `sqlite:////absolute/path.db`, "
            "`postgresql://user:password@host/database` or `memory://`."
            f" Commands use `{DEFAULT_STORE_URL}` where none is named."
        ),
    ] = None


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway: the way in for what platforms post."""

    host: Annotated[str, Meta(description="Address that the gateway listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port of the gateway.")] = 8080
    public_url: Annotated[
        str | None,
        Meta(description="How platforms reach the gateway from outside, such as `https://hooks.example.org`."),
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks of your own proxies, whose `Forwarded` headers are believed."),
    ] = ()
    allowed_ips: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks that may post; everyone may, if none is listed."),
    ] = ()
    max_body: Annotated[
        int, Meta(description="Bytes that a body may have, where its platform has no limit of its own.")
    ] = 1 << 20
    endpoint: Annotated[str, Meta(description="Path below which the platforms' addresses lie.")] = "/webhook"
    role: Annotated[
        str,
        Meta(
            description="What `serve` does: `gateway` receives and stores, `worker` handles what is stored, `all` does "
            "both. Any number of each may run on one store."
        ),
    ] = "all"


class ConsoleSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The console: admin API, metrics and pages, on a port of its own."""

    host: Annotated[str, Meta(description="Address that the console listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port of the console.")] = 8081
    token: Annotated[
        Secret | None,
        Meta(description="What `/api` and the pages ask for. If none is set, `serve` makes one, beside the store."),
    ] = None


class PubsubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the tokens of a Google Cloud Pub/Sub push subscription must say."""

    audience: Annotated[str | None, Meta(description="Audience that the push tokens are made for.")] = None
    service_account: Annotated[str | None, Meta(description="Address of the service account that signs them.")] = None
    jwks_url: Annotated[str | None, Meta(description="Where the keys are, if not at Google's usual place.")] = None


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform's API asks for, of an app or of one account."""

    access_token: Annotated[Secret | None, Meta(description="Token to act on the platform.")] = None
    refresh_token: Annotated[Secret | None, Meta(description="Token to get the next access token with.")] = None
    client_id: Annotated[str | None, Meta(description="Id of the app on the platform.")] = None
    client_secret: Annotated[Secret | None, Meta(description="Secret of that app, for its API.")] = None
    app_token: Annotated[
        Secret | None, Meta(description="The app's own token, for what concerns no account (X: the bearer token).")
    ] = None
    api_key: Annotated[Secret | None, Meta(description="Key of the platform's API.")] = None
    username: Annotated[str | None, Meta(description="Name to log in with, where the API asks for one.")] = None
    password: Annotated[Secret | None, Meta(description="Password that belongs to it.")] = None
    base_url: Annotated[
        str | None, Meta(description="Address of the installation, for software that you host yourself.")
    ] = None
    page_id: Annotated[
        str | None,
        Meta(description="Id of the Facebook Page that an Instagram account acts through (Facebook Login)."),
    ] = None


class AccountSettings(AccessSettings, frozen=True, kw_only=True):
    """One account on a platform."""

    id: Annotated[str | None, Meta(description="The platform's own id of the account, as its events name it.")] = None
    secrets: Annotated[
        tuple[Secret, ...],
        Meta(description="Secrets of this account's own address, `/webhook/NAME/ACCOUNT`; newest first."),
    ] = ()
    verify_token: Annotated[
        Secret | None, Meta(description="Token of this address's handshake, if not the platform's.")
    ] = None
    topics: Annotated[tuple[str, ...], Meta(description="WebSub topics of this address, if not the platform's.")] = ()
    watch: Annotated[
        tuple[str, ...], Meta(description="What is polled with this account's token, if not the platform's `watch`.")
    ] = ()


class PlatformSettings(AccessSettings, frozen=True, kw_only=True):
    """One platform; only those that are configured are served."""

    secrets: Annotated[
        tuple[Secret, ...],
        Meta(
            description="The live secrets, newest first. What is listed counts, what was taken out is refused. "
            "For a platform that signs by a key of its own, its public key."
        ),
    ] = ()
    verify_token: Annotated[Secret | None, Meta(description="Token of Meta's handshake, as set in its console.")] = None
    topics: Annotated[
        tuple[str, ...], Meta(description="WebSub topics whose verification is answered (YouTube, Medium).")
    ] = ()
    generic: Annotated[
        bool, Meta(description="Also accept `X-Signature` and Standard Webhooks on this platform's address.")
    ] = False
    allow_unverified: Annotated[
        bool, Meta(description="Accept requests that nobody signed, if there is no secret. Anyone can post then.")
    ] = False
    timestamp_signed: Annotated[
        bool, Meta(description='`X-Signature` covers `X-Timestamp + "." + body`, not the body alone.')
    ] = False
    silence_after: Annotated[
        float | None, Meta(description="Seconds without any event after which health says that it is silent.")
    ] = None
    user_agent: Annotated[str | None, Meta(description="How our requests name themselves to the platform.")] = None
    limits_factor: Annotated[
        float, Meta(description="How many times the documented limits the platform granted you: 2 is twice as many.")
    ] = 1.0
    watch: Annotated[
        tuple[str, ...],
        Meta(description="What is polled there beside the account's own: subreddits, channels, feeds."),
    ] = ()
    poll: Annotated[
        bool | None,
        Meta(
            description="Whether it is polled. If not set it is, where a token or `watch` is there and reading is free."
        ),
    ] = None
    poll_interval: Annotated[
        float | None, Meta(description="Seconds between two polls, if not those that suit the platform.")
    ] = None
    poll_spend_cap: Annotated[
        float | None,
        Meta(
            description="Dollars that polling may cost in a day where the platform bills what is read (X). There "
            "nothing is polled until it is set."
        ),
    ] = None
    pubsub: PubsubSettings = PubsubSettings()
    accounts: dict[str, AccountSettings] = {}


class CredentialsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the tokens that we act with are kept."""

    keys: Annotated[
        tuple[Secret, ...],
        Meta(
            description="Keys that refreshed tokens are encrypted under in the store, newest first: 32 bytes in base64 "
            "each. If none is set, one is made, in a file beside the store."
        ),
    ] = ()


class HandlersSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The user's functions."""

    imports: Annotated[
        tuple[str, ...],
        Meta(description="`WebhookHandler`s to load, as `package.module:name`; `serve MODULE:HANDLER` adds one."),
    ] = msgspec.field(default=(), name="import")


class RetriesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When a handler that failed runs again, if it names no schedule itself."""

    max_attempts: Annotated[int, Meta(description="Runs before an event becomes a dead letter.")] = _PLAN.max_attempts
    first: Annotated[float, Meta(description="Seconds before the second run.")] = _PLAN.first
    factor: Annotated[float, Meta(description="By how much each wait is longer than the one before.")] = _PLAN.factor
    longest: Annotated[float, Meta(description="Seconds that a wait lasts at most.")] = _PLAN.longest
    jitter: Annotated[float, Meta(description="Share by which waits are spread, 0 to 1.")] = _PLAN.jitter

    def schedule(self) -> RetrySchedule:
        """Return the schedule that these settings amount to."""
        return RetrySchedule(**msgspec.structs.asdict(self))


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """For how long what was received is kept; 0 is for ever."""

    bodies_days: Annotated[float, Meta(description="Days that raw bodies and header fields are kept.")] = 30.0
    texts_days: Annotated[float, Meta(description="Days that what people wrote is kept, and handlers' errors.")] = 180.0
    deleted_hours: Annotated[
        float, Meta(description="Hours that both are kept of a comment or post after we learned that it was deleted.")
    ] = 24.0

    def plan(self) -> Retention:
        """Return the retention that these settings amount to."""
        return Retention(
            bodies=timedelta(days=self.bodies_days) or None,
            texts=timedelta(days=self.texts_days) or None,
            deleted=timedelta(hours=self.deleted_hours) or None,
        )


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How comments are judged."""

    file: Annotated[str | None, Meta(description="File with the policy, YAML; else the one that comes with this.")] = (
        None
    )
    automatic: Annotated[
        bool | None,
        Meta(
            description="Judge what arrives by the policy, record what it decides, and have it done where the policy "
            "enforces. If not set: where `policy.file` is."
        ),
    ] = None
    degrade: Annotated[
        bool,
        Meta(description="What a platform lacks is done by what is milder there (`remove` by `hide` on X and TikTok)."),
    ] = True


class AlertsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is told that something is wrong, and that it is over."""

    url: Annotated[str | None, Meta(description="Address that alerts are posted to, https.")] = None
    secret: Annotated[
        Secret | None, Meta(description="What alerts are signed with (Standard Webhooks); `whsec_…` or any text.")
    ] = None
    allow_private: Annotated[
        bool, Meta(description="Also post to private addresses, and without encryption: for a receiver inside.")
    ] = False


class InboxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An intake log in front of the store."""

    url: Annotated[str | None, Meta(description="Reserved; this version takes no value here.")] = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set."""

    store: StoreSettings = StoreSettings()
    server: ServerSettings = ServerSettings()
    console: ConsoleSettings = ConsoleSettings()
    platforms: dict[str, PlatformSettings] = {}
    credentials: CredentialsSettings = CredentialsSettings()
    handlers: HandlersSettings = HandlersSettings()
    retries: RetriesSettings = RetriesSettings()
    retention: RetentionSettings = RetentionSettings()
    policy: PolicySettings = PolicySettings()
    alerts: AlertsSettings = AlertsSettings()
    inbox: InboxSettings = InboxSettings()
