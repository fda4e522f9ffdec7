"""How much a reader has to read: `python tests/support/readability.py` prints the table."""

import ast
import pathlib
import sys
import threading
import types

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def own_classes(cls) -> list[str]:
    """Return the classes of the zoo that a class inherits from, itself first."""
    return [c.__name__ for c in cls.__mro__ if c.__module__.split(".")[0] == "zoo"]


def run_by_one_batch(model, *arrays) -> tuple[set[str], set[str]]:
    """Return the files and the functions of the zoo that one eager `fit` of one batch runs."""
    model.compile("adam", run_eagerly=True)
    seen = set()

    def note(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(ROOT / "zoo")):
            seen.add(code)

    before = sys.getprofile()
    threading.setprofile_all_threads(note) if sys.version_info >= (3, 12) else sys.setprofile(note)
    try:
        model.fit(*arrays, batch_size=len(arrays[0]), verbose=0)
    finally:
        sys.setprofile(before)
    named = {code for code in seen if not code.co_name.startswith("<")}
    functions = {f"{_inside(code.co_filename)}:{code.co_firstlineno}" for code in named}
    return {_inside(code.co_filename) for code in named}, functions


def _inside(path) -> str:
    return pathlib.Path(path).relative_to(ROOT).as_posix()


LAYERS = (
    ("runtime",),
    ("files", "checks", "backend", "nn"),
    ("data", "inference", "training", "plots"),
    ("presets",),
    ("models",),
    ("density", "recipes", "metrics", "pretraining"),
    ("anomaly", "compression", "search", "sklearn"),
    ("experiments", "lessons"),
    ("cli", "__main__"),
)
"""The packages of `zoo`: a module imports from its own layer and from those before it."""


def upward(graph: dict[str, set[str]]) -> list[str]:
    """Return the imports that run from a layer to a later one, as "a -> b"."""
    layer = {package: i for i, packages in enumerate(LAYERS) for package in packages}
    layer = {
        name: layer[name.split(".")[1]]
        for name in graph
        if name.startswith("zoo.") and name != "zoo.__init__"
    }
    return [
        f"{name} -> {other}"
        for name in sorted(layer)
        for other in sorted(graph[name] & layer.keys())
        if layer[other] > layer[name]
    ]


def imports(packages=("zoo", "export")) -> dict[str, set[str]]:
    """Return which modules each module imports, also within functions, but not for types alone.

    A name of the package itself, `zoo.VAE` after `import zoo`, counts as an import of its home, and
    an import of `zoo.a.b` as one of `zoo.a`, too.
    """
    paths = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    modules = {_module(path): path for path in paths}
    found = {}
    for name, path in modules.items():
        visitor = _Imports(name, path.name == "__init__.py", modules)
        visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
        parents = {up for other in visitor.found for up in _above(other)} & modules.keys()
        found[name] = (visitor.found | parents) - {name, *_above(name), *packages}
    return found


def _above(name) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:i]) for i in range(1, len(parts))}


def _module(path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _homes() -> dict[str, str]:
    import zoo

    return {**zoo._HOMES, **zoo._MODULES, "__version__": "zoo.files.version", "__all__": "zoo"}


class _Imports(ast.NodeVisitor):
    def __init__(self, module, is_package, modules):
        self.package = module if is_package else module.rpartition(".")[0]
        self.modules, self.found = modules, set()

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "zoo":
            home = _homes().get(node.attr, f"zoo.{node.attr}")
            assert home in self.modules, f"zoo.{node.attr}"
            self.found.add(home)

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self.generic_visit(node)

    def visit_Import(self, node):
        self.found |= {alias.name for alias in node.names} & self.modules.keys()

    def visit_ImportFrom(self, node):
        base = node.module or ""
        if node.level:
            above = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
            base = ".".join([*above, *([base] if base else [])])
        for alias in node.names:
            inside = f"{base}.{alias.name}"
            self.found |= {inside if inside in self.modules else base} & self.modules.keys()


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other, directly or not."""

    def reached(start):
        todo, seen = [start], set()
        while todo:
            for other in graph[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen

    reach = {name: reached(name) for name in graph}
    groups = {
        tuple(sorted(other for other in graph if other in reach[name] and name in reach[other]))
        for name in graph
    }
    return sorted(list(group) for group in groups if len(group) > 1)


def lines(folder="zoo/models") -> int:
    """Return the number of lines of the Python files below a folder."""
    paths = (ROOT / folder).rglob("*.py")
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def public_classes() -> dict[str, bool]:
    """Return for every public class whether its docstring holds an example that can be run."""

    import zoo
    import zoo.nn.corruption

    found = {}
    for module in (zoo, zoo.nn.corruption, zoo.nn.distributions):
        for name in dir(module):
            value = getattr(module, name)
            if isinstance(value, types.ModuleType) or name.startswith("_"):
                continue
            if isinstance(value, type) and value.__module__.startswith("zoo"):
                found[name] = ">>>" in (value.__doc__ or "")
    return found


def without_hints(packages=("zoo", "export")) -> list[str]:
    """Return the public functions and methods with an argument or a result without a type hint."""
    paths = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    return [
        f"{_inside(path)}:{function.lineno} {function.name}"
        for path in paths
        for function in _public_functions(ast.parse(path.read_text(encoding="utf-8")))
        if not _has_hints(function)
    ]


def _public_functions(node):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _public_functions(child)
        public = isinstance(child, ast.FunctionDef) and not child.name.startswith("_")
        if public or getattr(child, "name", "") == "__init__":
            yield child


def _has_hints(function) -> bool:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    given = [a for a in named if a.arg not in ("self", "cls")]
    returns = function.returns is not None or function.name == "__init__"
    return returns and all(argument.annotation is not None for argument in given)


def tiny(name):
    """Return a small model of a class by name, and the arrays that it fits."""
    import zoo

    x, y = np.random.default_rng(0).random((32, 8, 8, 1), "float32"), np.arange(32) % 4
    if name == "M2":
        few = np.where(np.arange(32) < 16, y, -1)
        return zoo.M2((8, 8, 1), 2, num_classes=4, hidden_units=(8,)), (x, few)
    return getattr(zoo, name)((8, 8, 1), 2, hidden_units=(8,)), (x,)


def main():
    import zoo

    for name in ("VAE", "AAE", "CVAE", "M2", "SemiSupervisedAAE", "M1M2"):
        chain = own_classes(getattr(zoo, name))
        print(f"{name}: {len(chain)} classes, {' < '.join(chain)}")
    for name in ("VAE", "AAE", "M2"):
        model, arrays = tiny(name)
        files, functions = run_by_one_batch(model, *arrays)
        print(f"{name}.fit of one batch: {len(functions)} functions in {len(files)} files")
        print("   " + ", ".join(sorted(files)))
    for circle in circles(imports()):
        print(f"circle of imports: {', '.join(circle)}")
    print(f"zoo/models: {lines()} lines")
    shown = public_classes()
    print(f"public functions without all type hints: {len(without_hints())}")
    print(f"public classes with an example: {sum(shown.values())} of {len(shown)}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
