"""Inside a network: the whole of it in one picture, down to the products behind a single number."""
