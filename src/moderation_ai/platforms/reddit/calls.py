"""Reddit's Data API, so far as acting needs it, as a table; the listings that are polled stand in ``polled.py``.

Sources: https://www.reddit.com/dev/api, https://github.com/reddit-archive/reddit/wiki/OAuth2 for tokens, and Reddit's
open source at https://github.com/reddit-archive/reddit (r2/lib/errors.py, r2/controllers/oauth2.py) for the words of
errors, except for ``THREAD_LOCKED``, which is younger and known from other projects.
"""

from __future__ import annotations

from typing import Any

from moderation_ai.core.api import Api, at
from moderation_ai.core.budgets import Budget, Limit, after, read_number
from moderation_ai.core.calls import Call, Effect, Failure, Field
from moderation_ai.core.content import as_text
from moderation_ai.core.errors import (
    ContentGone,
    CredentialsRejected,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
)
from moderation_ai.core.flows import Answer
from moderation_ai.platforms.reddit.polled import POLLED

_OAUTH = "https://oauth.reddit.com"
_PAGE = "https://www.reddit.com/dev/api#"
_JSON = Field("api_type", "form", only=("json",))
_ID = Field("id", "form")
_NOTHING = '{"json":{"errors":[]}}'


def _on_thing(name: str, back: str, visible: str, *more: Field) -> Call:
    """Return a moderator's call on one comment or post."""
    return Call(
        name=name,
        method="POST",
        url=f"{_OAUTH}/api/{name}/",
        fields=(_JSON, _ID, *more),
        scopes=("modposts",),
        effect="sets",
        visible=visible,
        undone_by=back,
        answer="{}",
        proof="",
        source=f"{_PAGE}POST_api_{name}",
    )


def _on_user(name: str, verb: str, kind: str, effect: Effect, back: str, visible: str, *more: Field) -> Call:
    """Return a moderator's call on a user of a subreddit."""
    return Call(
        name=name,
        method="POST",
        url=f"{_OAUTH}/r/{{space}}/api/{verb}/",
        fields=(_JSON, Field("type", "form", only=(kind,)), Field("name", "form"), *more),
        scopes=("modcontributors",),
        effect=effect,
        visible=visible,
        undone_by=back,
        answer=_NOTHING if verb == "friend" else "{}",
        proof="json.errors" if verb == "friend" else "",
        source=f"{_PAGE}POST_api_{verb}",
    )


def _list_of(kind: str) -> Call:
    """Return the call that shows whether a user is on a subreddit's list."""
    return Call(
        name=kind,
        method="GET",
        url=f"{_OAUTH}/r/{{space}}/about/{kind}",
        fields=(Field("user", "query"), Field("raw_json", "query", only=("1",))),
        scopes=("read", "modcontributors"),
        answer='{"kind":"Listing","data":{"children":[{"name":"rye_fan","id":"t2_r","note":""}],"after":null}}',
        proof="data.children",
        source=f"{_PAGE}GET_about_{kind}",
    )


_NOTE = Field("note", "form", required=False)
_TO_NOBODY = "to nobody but moderators"

CALLS = (
    _on_thing("approve", "remove", "to everybody: it is there again"),
    _on_thing(
        "remove",
        "approve",
        "to everybody: it is gone but for its author and moderators",
        Field("spam", "form", only=("False",)),
    ),
    _on_thing("lock", "unlock", "to everybody: nobody may answer"),
    _on_thing("unlock", "lock", "to everybody"),
    Call(
        name="reply",
        method="POST",
        url=f"{_OAUTH}/api/comment/",
        fields=(_JSON, Field("thing_id", "form"), Field("text", "form")),
        scopes=("submit",),
        effect="adds",
        visible="to everybody",
        undone_by="del",
        answer='{"json":{"errors":[],"data":{"things":[{"kind":"t1","data":{"id":"c11","name":"t1_c11"}}]}}}',
        proof="json.data.things.0.data.name",
        makes="json.data.things.0.data.name",
        source=f"{_PAGE}POST_api_comment",
    ),
    Call(
        name="del",
        method="POST",
        url=f"{_OAUTH}/api/del/",
        fields=(_ID,),
        scopes=("edit",),
        effect="sets",
        visible="to everybody",
        answer="{}",
        proof="",
        note="The account's own comments alone.",
        source=f"{_PAGE}POST_api_del",
    ),
    _on_user(
        "ban",
        "friend",
        "banned",
        "adds",
        "unban",
        "to the user, who gets a message each time",
        Field("duration", "form", "integer", required=False),
        _NOTE,
    ),
    _on_user("unban", "unfriend", "banned", "sets", "ban", "to the user"),
    _on_user("mute", "friend", "muted", "adds", "unmute", "to the user, who gets a message each time", _NOTE),
    _on_user("unmute", "unfriend", "muted", "sets", "mute", _TO_NOBODY),
    Call(
        name="info",
        method="GET",
        url=f"{_OAUTH}/api/info",
        fields=(Field("id", "query"), Field("raw_json", "query", only=("1",))),
        scopes=("read",),
        answer='{"kind":"Listing","data":{"children":[{"kind":"t1","data":{"name":"t1_c10","link_id":"t3_p9",'
        '"parent_id":"t3_p9","author":"rye_fan","author_fullname":"t2_r","body":"Bake it longer",'
        '"created_utc":1795521000.0,"edited":false,"removed":false,"approved":true,"locked":false}}]}}',
        proof="data.children",
        note="Up to 100 full names. A moderator is told what is removed, approved and locked.",
        room=8 << 20,
        source=f"{_PAGE}GET_api_info",
    ),
    Call(
        name="me",
        method="GET",
        url=f"{_OAUTH}/api/v1/me",
        fields=(Field("raw_json", "query", only=("1",)),),
        scopes=("identity",),
        answer='{"id":"app","name":"bread_bot","is_mod":true}',
        proof="id",
        makes="id",
        source=f"{_PAGE}GET_api_v1_me",
    ),
    _list_of("banned"),
    _list_of("muted"),
    Call(
        name="refresh",
        method="POST",
        url="https://www.reddit.com/api/v1/access_token",
        fields=(Field("grant_type", "form", only=("refresh_token",)), Field("refresh_token", "form")),
        auth="basic",
        effect="sets",
        visible="to nobody",
        answer='{"access_token":"next","token_type":"bearer","expires_in":86400,"scope":"modposts read"}',
        proof="access_token",
        failures=(
            Failure(
                status=400,
                code="invalid_grant",
                error=CredentialsRejected,
                says="Reddit does not take the refresh token any more: authorise the account again",
                example='{"error":"invalid_grant"}',
            ),
            # Its open source answers 400 with other words too.
            Failure(
                status=400,
                error=CredentialsRejected,
                says="Reddit does not take the refresh token any more: authorise the account again",
                example='{"error":"invalid_request"}',
            ),
            Failure(
                status=401,
                error=CredentialsRejected,
                says="Reddit does not know the app's id and secret",
                example='{"message":"Unauthorized","error":401}',
            ),
        ),
        note="The access token lasts a day, an older app's one hour; the refresh token stays.",
        source="https://github.com/reddit-archive/reddit/wiki/OAuth2",
    ),
)


def _in_200(code: str, error: type[PlatformError], says: str, wait: float | None = None) -> Failure:
    """Return the row of an error that Reddit answers inside of a 200."""
    example = f'{{"json":{{"errors":[["{code}","…","name"]]}}}}'
    return Failure(status=200, code=code, error=error, says=says, wait=wait, example=example)


FAILURES = (
    Failure(
        status=400,
        code="TOO_LONG",
        error=PlatformError,
        says="a text is too long for Reddit",
        example='{"fields":["title"],"explanation":"this is too long (max: 50)","message":"Bad Request",'
        '"reason":"TOO_LONG"}',
    ),
    Failure(
        status=401,
        error=CredentialsRejected,
        says="Reddit does not take the access token: refresh it, or authorise the account again",
        example='{"message":"Unauthorized","error":401}',
    ),
    Failure(
        status=403,
        error=PlatformError,
        says="Reddit refused it: the account must moderate the subreddit, with the permission for this, and the token "
        "must have the scope",
        example='{"message":"Forbidden","error":403}',
    ),
    Failure(
        status=404,
        error=ContentGone,
        says="Reddit has no such thing any more",
        example='{"message":"Not Found","error":404}',
    ),
    Failure(
        status=429,
        error=RateLimited,
        says="Reddit wants fewer requests of this app",
        wait=600,
        example='{"message":"Too Many Requests","error":429}',
    ),
    Failure(
        status=503,
        error=PlatformUnavailable,
        says="Reddit is over capacity",
        example='{"message":"Service Unavailable","error":503}',
    ),
    _in_200("USER_DOESNT_EXIST", ContentGone, "Reddit has no such user any more"),
    _in_200("DELETED_COMMENT", ContentGone, "what should be answered was deleted"),
    _in_200("THREAD_LOCKED", PlatformError, "nobody may answer there: the thread is locked"),
    _in_200("RATELIMIT", RateLimited, "the account is writing too much", wait=600),
)


def read_codes(body: Any) -> tuple[str, ...]:
    """Return the words by which an answer says what went wrong, from any of Reddit's three shapes."""
    if not isinstance(body, dict):
        return ()
    found = [as_text(at(body, "json.errors.0.0")), as_text(body.get("reason")), as_text(body.get("error"))]
    if isinstance(body.get("error"), int) and not isinstance(body["error"], bool):
        found.append(str(body["error"])[:8])
    return tuple(code[:64] for code in found if code)


def read_budgets(call: Call, answer: Answer) -> tuple[Budget, ...]:
    """Return what is left for the app in these ten minutes, by Reddit's three header fields."""
    used, remaining, reset = (
        read_number(answer.headers.get(f"x-ratelimit-{name}")) for name in ("used", "remaining", "reset")
    )
    if remaining is None:
        return ()
    limit = None if used is None else used + remaining
    return (Budget(name="app", limit=limit, remaining=remaining, resets_at=after(answer, reset)),)


API = Api(
    calls=(*CALLS, *POLLED),
    failures=FAILURES,
    limits=(Limit(units=1000, seconds=600, shared_by="app"),),
    codes=read_codes,
    budgets=read_budgets,
)
