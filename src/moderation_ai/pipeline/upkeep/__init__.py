"""What was kept is read anew, removed when it is old, and erased."""
