"""The page “Inside a network”: what it looks at, what the browser gets, and what comes back from there."""
