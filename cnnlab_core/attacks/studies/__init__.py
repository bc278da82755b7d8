"""The work behind each tab of the adversarial page, one file a tab: plain numpy out."""
