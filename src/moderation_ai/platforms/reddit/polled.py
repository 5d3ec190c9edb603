"""Reddit's listings that are polled, as rows of the table of its Data API.

Source: https://www.reddit.com/dev/api#section_listings. ``before`` is no parameter of ours: it answers an empty page
for ever once the thing that it names is deleted or removed. ``after`` leads to older things.
"""

from __future__ import annotations

from moderation_ai.core.calls import Call, Field

PAGE_SIZE, SPREAD = 100, 30
"""Things on a page. The same words may be answered from a cache, so up to 30 fewer are asked for, by turns."""
_OAUTH = "https://oauth.reddit.com"
_ROOM = 8 << 20
"""Bytes for a page full of the longest texts: one that is refused would keep all that is new from us."""
_COMMENT = (
    '{"kind":"t1","data":{"name":"t1_c10","link_id":"t3_p9","parent_id":"t3_p9","author":"rye_fan","author_fullname":"t2_r",'
    '"body":"Bake it longer","created":1795549800.0,"created_utc":1795521000.0,"edited":false,"subreddit_id":"t5_2b",'
    '"permalink":"/r/breadmakers/comments/p9/starter_help/c10/"}}'
)
_POST = (
    '{"kind":"t3","data":{"name":"t3_p9","author":"rye_fan","author_fullname":"t2_r","title":"Starter help",'
    '"selftext":"","created_utc":1795521000.0,"edited":false,"subreddit_id":"t5_2b","is_self":true,'
    '"permalink":"/r/breadmakers/comments/p9/starter_help/"}}'
)
_ACTION = (
    '{"kind":"modaction","data":{"id":"ModAction_1","action":"removecomment","mod":"crumb_mod","mod_id36":"m","sr_id36":"2b",'
    '"target_fullname":"t1_c10","target_author":"rye_fan","created_utc":1795521000.0}}'
)


def _listing(name: str, path: str, child: str, scopes: tuple[str, ...], source: str, note: str = "") -> Call:
    return Call(
        name=name,
        method="GET",
        url=f"{_OAUTH}/r/{{subreddits}}/{path}",
        fields=(
            Field("limit", "query", "integer"),
            Field("after", "query", required=False),
            Field("raw_json", "query", only=("1",)),
        ),
        scopes=scopes,
        answer=f'{{"kind":"Listing","data":{{"after":null,"before":null,"children":[{child}]}}}}',
        proof="data.children",
        room=_ROOM,
        note=note or "Newest first, about 1,000 things deep. Subreddits are joined by a plus.",
        source=f"https://www.reddit.com/dev/api#{source}",
    )


_READ, _LOG = ("read",), ("modlog",)
POLLED = (
    _listing("new_comments", "comments", _COMMENT, _READ, "GET_comments_{article}"),
    _listing("new_posts", "new", _POST, _READ, "GET_new"),
    _listing("edited", "about/edited", _COMMENT, _READ, "GET_about_{location}", "For moderators."),
    _listing(
        "modqueue", "about/modqueue", _COMMENT, _READ, "GET_about_{location}", "For moderators: reported or filtered."
    ),
    _listing("reports", "about/reports", _COMMENT, _READ, "GET_about_{location}", "For moderators."),
    _listing("modlog", "about/log", _ACTION, _LOG, "GET_about_log", "For moderators; kept for about 90 days."),
)
