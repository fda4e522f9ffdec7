"""The command line, run inside the process of a test."""

from zoo.cli.main import main

DIGITS = "vae_digits"


def run(capsys, *arguments):
    """Run a command line; return its exit code, its output, and its errors."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err
