"""What MkDocs does beside its own: pages from other folders, their links, and formulas.

The documents are plain Markdown whose links work in the repository. The site holds `docs`, and of
the folders beside it the cards, the results, the benchmarks and the changelog.
"""

import html
import os
import posixpath
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
FROM_OTHER_FOLDERS = (
    "pretrained/**/*.md",
    "pretrained/**/*.png",
    "results/*.md",
    "results/*.png",
    "tests/benchmarks/*.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
)
LINK = re.compile(r"(!?)\[((?:[^][]|\[[^][]*\])*)\]\(([^()\s]+)\)")
CODE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</(?:span|div)>', re.DOTALL
)


def on_files(files, config):
    """Add the pages of other folders."""
    for pattern in FROM_OTHER_FOLDERS:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turn links of the repository into links of the site."""
    del config
    uri = page.file.src_uri
    in_repository = os.path.relpath(page.file.abs_src_path, ROOT).replace(os.sep, "/")
    names = set(files.src_uris)

    def link_of_the_site(found):
        image, text, target = found.groups()
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        path, hash_, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository), path))
        if not (ROOT / path).exists():
            raise PluginError(f"{in_repository}: the link {target} leads nowhere.")
        if (ROOT / path).is_dir():
            path += "/README.md"
        name = path.removeprefix("docs/")
        if name in names:
            way = posixpath.relpath(name, posixpath.dirname(uri) or ".")
            return f"{image}[{text}]({way}{hash_}{anchor})"
        return f"{text} (`{path}` in the repository)"  # code, which the site does not hold

    pieces = CODE.split(markdown)
    pieces[::2] = [LINK.sub(link_of_the_site, piece) for piece in pieces[::2]]
    return "".join(pieces)


def on_page_content(content, page, config, files):
    """Turn formulas into MathML, which browsers show without a script."""
    del page, config, files

    def mathml(found):
        display = "block" if found[2] == "[" else "inline"
        math = convert(html.unescape(found[3].strip()), display=display)
        math = math.replace("<mi>log</mi>", '<mi>log</mi><mspace width="0.17em"/>')
        return f'<div class="formula">{math}</div>' if display == "block" else math

    return FORMULA.sub(mathml, content)
