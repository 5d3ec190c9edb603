"""The webhooks commands: what platforms are to post where."""
