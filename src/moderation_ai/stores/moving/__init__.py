"""Moving a store: what one kind keeps is copied into another."""
