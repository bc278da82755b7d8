"""Inside a network: what the page that shows a whole network is made of."""
