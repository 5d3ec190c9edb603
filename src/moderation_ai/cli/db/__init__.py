"""The db commands: status, upgrade, backup, restore, prune."""
