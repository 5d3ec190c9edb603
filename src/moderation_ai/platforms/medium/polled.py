"""Medium's feeds and their hub, as a table: RSS with the ten newest posts, which anybody may read.

Source: https://help.medium.com/hc/en-us/articles/214874118. Medium documents no limit; it answers 429, and 403 to what
looks like a robot.
"""

from __future__ import annotations

from moderation_ai.core.api import Api
from moderation_ai.core.calls import CONDITIONAL, Call, Failure
from moderation_ai.core.errors import ContentGone, PlatformError, PlatformUnavailable, RateLimited
from moderation_ai.core.hubs import hub_call

_PAGE = "https://help.medium.com/hc/en-us/articles/214874118"
_ROOM = 16 << 20
"""Bytes for a page full of the longest texts: one that is refused would keep all that is new from us."""
NEWEST = 10
"""Posts that a feed shows."""
_RSS = (
    '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:atom="http://www.w3.org/2005/Atom" version="2.0"><channel><title>Stories by Rye on Medium</title><item>'
    "<title>Why crust matters</title><link>https://medium.com/@rye/why-crust-matters-0123456789ab?source=rss</link>"
    '<guid isPermaLink="false">https://medium.com/p/0123456789ab</guid><dc:creator>Rye Fan</dc:creator>'
    "<pubDate>Tue, 24 Nov 2026 10:00:00 GMT</pubDate><atom:updated>2026-11-24T10:00:00.000Z</atom:updated>"
    "<description>Steam and patience.</description></item></channel></rss>"
)


def _feed(name: str, path: str) -> Call:
    return Call(
        name=name,
        method="GET",
        url=f"https://medium.com/feed/{path}",
        fields=CONDITIONAL,
        auth="none",
        media="application/rss+xml, application/xml;q=0.9",
        is_conditional=True,
        answer=_RSS,
        room=_ROOM,
        note="The ten newest posts, and no pages. Full texts but for what has to be paid for.",
        source=_PAGE,
    )


def _moved(status: int) -> Failure:
    return Failure(
        status=status,
        error=PlatformError,
        says="the feed has moved: watch the name that its address has now",
        example="<html>Moved</html>",
    )


# The feeds name the hub by http, which is not encrypted and would show the secret; the hub's own page has https.
HUB = hub_call(
    "https://medium.superfeedr.com/",
    "https://medium.superfeedr.com/",
    "Superfeedr's hub, which Medium's feeds name.",
)

API = Api(
    calls=(_feed("feed", "{name}"), _feed("tag", "tag/{tag}"), _feed("tagged", "{name}/tagged/{tag}"), HUB),
    failures=(
        *map(_moved, (301, 302, 307, 308)),
        Failure(
            status=403,
            error=RateLimited,
            says="Medium takes us for a robot: set user_agent to a name of your own, and poll less often",
            wait=3600,
            example="<html>Just a moment...</html>",
        ),
        Failure(
            status=404,
            error=ContentGone,
            says="Medium has no such feed: watch a user (@name), a publication, or a tag (tag/name)",
            example="<html>404</html>",
        ),
        Failure(status=410, error=ContentGone, says="the user or the publication is gone", example="<html>410</html>"),
        Failure(
            status=429,
            error=RateLimited,
            says="Medium wants fewer requests",
            wait=900,
            example="<html>Too Many Requests</html>",
        ),
        Failure(
            status=503, error=PlatformUnavailable, says="Medium is over capacity", example="<html>Unavailable</html>"
        ),
    ),
)
