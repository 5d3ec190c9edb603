"""What platforms do not push is fetched, and compared with what they do."""
