"""The `zoo` command: `main` defines its options, and each longer command has its own module."""
