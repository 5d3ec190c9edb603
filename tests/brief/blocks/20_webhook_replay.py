from moderation_ai.utils import WebhookReplay

# Replay saved webhook events
replay = WebhookReplay()
await replay.replay_from_file("webhooks.json")
