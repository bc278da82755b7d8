"""The report card's tabs, one module each."""
