"""Files: whole or not at all, locked, downloaded within limits, and JSON without surprises."""
