"""What every store promises, and what SQLite's does beyond that."""
