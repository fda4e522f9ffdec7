"""The `zoo` command: `main` has its options, and each longer command a module of its own."""
