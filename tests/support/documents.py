"""Runs the code of a page: all of its blocks in order, as a reader would type them."""

import re
import shlex

BLOCK = re.compile(
    r"^(?P<left_out><!-- not run: [^\n]+ -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```",
    re.DOTALL | re.MULTILINE,
)


def needs(text):
    """Return the optional packages that a page says it needs, in `<!-- needs: NAME -->`."""
    return re.findall(r"^<!-- needs: ([\w.]+) -->$", text, re.MULTILINE)


def blocks(text):
    """Yield the line, the language and the code of every block that is to run."""
    for found in BLOCK.finditer(text):
        if not found["left_out"]:
            yield text.count("\n", 0, found.start("code")), found["language"], found["code"]


def run(page, scratch, without=None):
    """Run Python in one namespace, and the lines of shells that call `zoo`.

    Args:
        page: a Markdown file.
        scratch: a file to write the Python to, where TensorFlow's AutoGraph finds its source.
        without: text of blocks that are left out, or None.
    """
    source, namespace = "", {"__name__": "__main__"}
    for line, language, code in blocks(page.read_text("utf-8")):
        if without is not None and without in code:
            continue
        if language == "python":
            source += "\n" * (line - source.count("\n")) + code  # the lines' numbers are the page's
            scratch.write_text(source, "utf-8")
            padded = "\n" * line + code
            exec(compile(padded, str(scratch), "exec"), namespace)
        elif language == "sh":
            run_shell(code)


def run_shell(code):
    """Run the lines that start with `zoo`; of others, such as `pip install`, only look at them."""
    from zoo.cli.main import main

    for command in code.replace("\\\n", " ").splitlines():
        words = shlex.split(command.removeprefix("KERAS_BACKEND=tensorflow "), comments=True)
        if words[:1] == ["zoo"]:
            assert main(words[1:]) == 0, command
