"""Tests of the judge: signals, rules, policy files, decisions."""
