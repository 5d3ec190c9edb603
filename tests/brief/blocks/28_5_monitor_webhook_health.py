from moderation_ai.utils import WebhookMonitor

monitor = WebhookMonitor()
monitor.start_health_checks()
