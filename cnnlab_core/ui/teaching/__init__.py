"""What stands on the page Teaching."""
