"""Everything in cnnlab that computes. Importing this package is cheap: torch loads with what needs it."""
