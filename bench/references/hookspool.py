"""The configuration of hookspool, the closest peer on the Python package index."""

from __future__ import annotations

from pathlib import Path

_CONFIG = """
[intake]
listen = "127.0.0.1:{port}"
threads = 64

[sources.x]
module = "hookspool.sources.template"
scheme = "hmac-sha256-hex"
header = "X-Signature"
key = "data.comment.post_id"
dedup = "event_id"
event_type = "event_type"
action = "sink"
secrets.secret = {{ file = "{secret}" }}

[destinations.sink]
type = "http"
url = "http://127.0.0.1:9/"
allow_insecure = true
secret = {{ file = "{secret}" }}
"""


def write_config(folder: Path, port: int, secret: str) -> Path:
    """Write ``config.toml`` and the secret it names into the folder; return where the file stands."""
    secret_file = folder / "secret"
    secret_file.write_text(secret)
    config = folder / "config.toml"
    config.write_text(_CONFIG.format(port=port, secret=secret_file))
    return config
