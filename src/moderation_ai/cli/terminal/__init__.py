"""What commands share: their options, their errors, how they print and log."""
