"""The Python behind the adversarial page, one module a tab; ``arguments`` writes settings down for all of them."""
