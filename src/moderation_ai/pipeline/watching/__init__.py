"""What is wrong is noticed, shown and told."""
