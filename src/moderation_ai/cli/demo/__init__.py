"""The demo: a real gateway, signed traffic with all its troubles, a kill -9, and a count of what was lost."""
