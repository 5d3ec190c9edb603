"""The trigger command: what a platform would send, signed, to any address."""
