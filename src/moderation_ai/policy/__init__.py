"""The judge: signals, rules, policy files and the engine; pure, text in and a decision out."""
