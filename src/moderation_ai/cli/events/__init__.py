"""The events commands: list, show, tail, replay, export."""
