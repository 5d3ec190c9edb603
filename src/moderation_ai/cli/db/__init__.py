"""The db commands: status, upgrade, prune."""
