"""The tokens that we act with: fresh, sealed, and used by one at a time."""
