"""What is kept goes to its handlers, in order, and to the policy."""
