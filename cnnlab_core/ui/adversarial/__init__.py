"""The adversarial page, one module a tab; ``choice`` holds what they share."""
