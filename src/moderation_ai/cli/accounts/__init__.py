"""The accounts commands: how the tokens that are acted with stand."""
