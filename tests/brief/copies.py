"""Our copy of the brief's code blocks, and what each of them leaves undefined."""

from __future__ import annotations

from pathlib import Path

BLOCKS = Path(__file__).parent / "blocks"

STAND_INS: dict[str, tuple[str, ...]] = {
    "01_webhook_handler_interface.py": (),
    "06_comment_created.py": (),
    "07_comment_updated.py": (),
    "08_comment_deleted.py": (),
    "09_post_created.py": (),
    "10_hmac_signature_verification.py": ("process_webhook",),
    "11_ip_whitelisting.py": (),
    "12_timestamp_validation.py": ("process_webhook",),
    "13_fastapi_example.py": (),
    "14_flask_example.py": (),
    "15_pattern_1_real_time_moderation.py": ("get_platform", "handler", "standards_engine"),
    "16_pattern_2_event_queue.py": ("handler", "process_event"),
    "17_pattern_3_multi_platform_aggregation.py": ("handler",),
    "18_pattern_4_conditional_processing.py": ("handler", "hide_comment"),
    "19_mock_webhook_events.py": ("handler",),
    "20_webhook_replay.py": (),
    "21_registering_webhooks.py": (),
    "22_listing_webhooks.py": (),
    "23_deleting_webhooks.py": (),
    "24_1_always_verify_signatures.py": ("payload", "secret", "signature", "verify_webhook_signature"),
    "25_2_respond_quickly.py": ("app", "asyncio", "process_event"),
    "26_3_retry_failed_events.py": ("event",),
    "27_4_log_events.py": ("handler",),
    "28_5_monitor_webhook_health.py": (),
}
"""The names that a block uses and the brief does not define; ``handler`` and ``app`` come from blocks before it."""


def block(number: int) -> Path:
    """Return the file of the block with that number."""
    return next(BLOCKS.glob(f"{number:02}_*"))


def text_of(number: int) -> str:
    """Return a block as it stands."""
    return block(number).read_text(encoding="utf-8")
