"""What is wanted on platforms is done there, once."""
