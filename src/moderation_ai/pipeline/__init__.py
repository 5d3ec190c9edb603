"""The story: what happens to an event, told in order: intake, dispatcher, worker, moderation."""
