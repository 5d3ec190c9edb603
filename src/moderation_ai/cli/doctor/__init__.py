"""The doctor command: what is wrong when webhooks do not arrive, arrive twice, or are not handled."""
