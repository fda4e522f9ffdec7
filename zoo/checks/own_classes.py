"""The error for an unknown class in a file, which may be the user's own class."""

from __future__ import annotations


class OwnClassError(ValueError):
    """A file names an unknown class or function, which may be the user's own.

    Attributes:
        problem: a sentence that says what is wrong. name: the name in the file.
    """

    def __init__(self, problem: str, name: str):
        self.problem, self.name = problem, name
        super().__init__(
            f"{problem} If it is your own class, pass custom_objects={{{name!r}: ...}}; use this "
            "name even if the class was renamed."
        )

    def on_command_line(self) -> str:
        """Return the message for users of the command line."""
        return (
            f"{self.problem} If it is your own class, add --import MODULE with the module that "
            f"registers it. If it was renamed, register it under the old name: "
            f"@keras.saving.register_keras_serializable(package=..., name={self.name!r})."
        )
