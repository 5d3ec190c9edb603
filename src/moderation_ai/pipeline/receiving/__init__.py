"""What comes in: a request is proved, read, and kept before it is answered."""
