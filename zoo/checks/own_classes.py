"""The error for a class in a file that may be a user's own."""

from __future__ import annotations


class OwnClassError(ValueError):
    """A file names a class or function that is not known, and may be a user's own.

    Attributes:
        problem: what is wrong. name: the name in the file.
    """

    def __init__(self, problem: str, name: str):
        self.problem, self.name = problem, name
        super().__init__(
            f"{problem} If it is your own class, pass custom_objects={{{name!r}: ...}}, by this "
            "name also if it was renamed."
        )

    def on_command_line(self) -> str:
        """Return the message for those who run a command."""
        return (
            f"{self.problem} If it is your own class, add --import MODULE with the module that "
            f"registers it. If it was renamed, register it under the old name: "
            f"@keras.saving.register_keras_serializable(package=..., name={self.name!r})."
        )
