"""The benchmark: ours and what a user would write instead, interleaved in one run on one core."""
