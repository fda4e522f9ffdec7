"""The `zoo` command."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys

import zoo
from zoo.checks import installation
from zoo.checks.names import UnknownNameError, suggestion
from zoo.checks.own_classes import OwnClassError
from zoo.checks.words import printable
from zoo.cli import (
    compare,
    compress,
    detect,
    encode,
    engine_options,
    evaluate,
    exporting,
    generate_rows,
    impute,
    lessons,
    own_classes,
    push,
    reproducing,
    search,
    train,
)
from zoo.cli.generate import PICTURES, check, draw, picture_file, usual_picture
from zoo.cli.loading import load_preset
from zoo.cli.shared_options import add_data, add_table_options, count, label, seed
from zoo.cli.standard_error import quiet as _quiet
from zoo.cli.terminal import streams
from zoo.files.atomic_writes import check_file, check_target, publish_file


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; return 0 after success, 1 after an error, 2 if the command is wrong."""
    with streams():
        return _main(arguments)


def _main(arguments) -> int:
    parser = _parser()
    options, settings = parser.parse_known_args(arguments)
    options.settings = settings
    if settings and not _takes_settings(options):
        _refuse(settings, getattr(options, "parser", parser))
    if "run" not in options:
        parser.print_help(sys.stderr)
        print("\nzoo: error: give one of these commands", file=sys.stderr)
        return 2
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with installation.in_words():
            push.pin(options)
            options.run(options)
        sys.stdout.flush()
    except UnknownNameError as error:
        return _complain(error, 2)
    except OwnClassError as error:
        takes = "modules" in options
        return _complain(error, 1, error.on_command_line() if takes else None)
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        return _complain(error, 1)
    except MemoryError as error:
        return _complain(str(error) or "there is not enough memory for this", 1)
    except KeyboardInterrupt as interrupted:
        return _complain(interrupted, 130, "interrupted; no incomplete preset or file was left")
    return 0


def _refuse(settings, parser):
    """Exit with the usage of the command, and with the options that are most like the first one."""
    usage = parser.format_usage()
    near = suggestion(settings[0].partition("=")[0], re.findall(r"--[a-z][a-z-]*", usage))
    parser.error(f"unrecognized arguments: {' '.join(settings)}{near}")


def _takes_settings(options) -> bool:
    """Return whether a command makes a model, so that settings of the model are options."""
    run = getattr(options, "run", None)
    if run is detect.detect:
        return detect.is_class(options.name)
    return run is train.train


def _complain(error, code, said=None):
    for line in (said or str(error), *getattr(error, "__notes__", ())):
        print(f"zoo: {printable(line)}", file=sys.stderr)
    return code


def _parser():
    parser = argparse.ArgumentParser(
        prog="zoo", description="Autoencoders for Keras: pretrained, measured, exported."
    )
    parser.add_argument("--version", action="version", version=zoo.__version__)
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(run, name, description):
        sub = commands.add_parser(name, help=description, description=description)
        sub.set_defaults(run=run, parser=sub)
        if run in _TAKING_CLASSES:
            own_classes.add_option(sub)
        return sub

    sub = command(_list, "list", "list the presets that have weights")
    sub.add_argument("pattern", nargs="?", default="*", help="part of the name, or a glob")

    sub = command(_card, "card", "show the description and the metrics of a preset")
    _add_name(sub, ", or a file that `zoo compress` wrote")
    sub.add_argument("--json", action="store_true", help="print the card as JSON")

    sub = command(_demo, "demo", "load, generate, fine-tune, export and deploy, in a minute")
    sub.add_argument("name", nargs="?", default="cvae_mnist", help="a preset")
    sub.add_argument("--out", default="zoo_demo", help="folder for the results [zoo_demo]")
    _add_overwrite(sub)

    sub = command(_generate, "generate", "make a picture, or rows of a table, with a preset")
    _add_name(sub)
    help_ = "PNG file to write [NAME_PICTURE.png]; .csv for rows of a table [NAME_rows.csv]; "
    help_ += ".parquet with --engine"
    sub.add_argument("--out", default=None, help=help_)
    sub.add_argument("--picture", choices=PICTURES, help="[samples, or what suits the model]")
    sub.add_argument(
        "--labels",
        type=label,
        action="extend",
        nargs="+",
        help="classes of samples, in turn; or one",
    )
    sub.add_argument(
        "--n", type=count, default=None, help="number of images or rows [a sheet; 1000]"
    )
    sub.add_argument("--seed", type=seed, default=None, help="seed of random samples [0]")
    sub.add_argument("--cmap", help="matplotlib color map for gray images [by their borders]")
    generate_rows.add_conditions(sub)
    engine_options.add_engine(sub, None)
    add_data(sub, "data set, folder or file of images to show [the data set it was trained on]")
    add_table_options(sub)
    _add_overwrite(sub)

    sub = command(train.train, "train", "train a recipe or a class; continues if interrupted")
    train.add_train(sub)
    _add_overwrite(sub)

    sub = command(impute.impute, "impute", "fill in the empty cells of a table with a preset")
    impute.add_impute(sub)
    _add_overwrite(sub)

    sub = command(compare.compare, "compare", "measure generated rows of a table; write a page")
    compare.add_compare(sub)
    _add_overwrite(sub)

    sub = command(train.recipe, "recipe", "print a recipe to start from")
    train.add_recipe(sub)

    sub = command(evaluate.evaluate, "evaluate", "measure a preset's metrics on the whole test set")
    _add_name(sub)
    add_data(sub, "data set, folder or file of images [the data set it was trained on]")
    evaluate.add_evaluate(sub)

    sub = command(encode.encode, "encode", "write the codes of many rows or images, in shards")
    encode.add_encode(sub)
    _add_overwrite(sub)

    sub = command(detect.detect, "detect", "find unusual items in data; write a table and a page")
    detect.add_detect(sub)
    _add_overwrite(sub)

    sub = command(detect.renew, "renew", "set the threshold of a detector on new data; train it")
    detect.add_renew(sub)
    _add_overwrite(sub)

    sub = command(search.search, "search", "find the items of a folder or file nearest to a query")
    _add_name(sub)
    search.add_search(sub)
    _add_overwrite(sub)

    sub = command(compress.compress, "compress", "write an image as a small file")
    compress.add_compress(sub)
    _add_overwrite(sub)

    sub = command(compress.decompress, "decompress", "restore the image of a compressed file")
    compress.add_decompress(sub)
    _add_overwrite(sub)

    sub = command(lessons.lesson, "lesson", "write a lesson as a notebook, or list all lessons")
    lessons.add_lesson(sub)
    _add_overwrite(sub)

    sub = command(reproducing.reproduce, "reproduce", "run a comparison and write its table")
    reproducing.add_reproduce(sub)
    _add_overwrite(sub)

    sub = command(push.push, "push", "write a preset to a repository of the Hugging Face hub")
    push.add_push(sub)
    _add_overwrite(sub)

    sub = command(exporting.export, "export", "write ONNX and other files, proved equal to Keras")
    _add_name(sub, ", or by Detector.save")
    exporting.add_export(sub)
    _add_overwrite(sub)
    return parser


def _add_name(parser, more=""):
    parser.add_argument("name", help=f"a preset's name, a folder, or hf://user/name{more}")


def _add_overwrite(parser):
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")


def _list(options):
    names = zoo.list_models(options.pattern)
    if not names:
        raise UnknownNameError("preset that matches", options.pattern, zoo.list_models())
    width = max(map(len, names))
    for name in names:
        print(f"{name:{width}}  {zoo.card(name)['description']}")


def _card(options):
    if compress.is_compressed(options.name):
        print(compress.card(options.name))
        return
    card = zoo.card(options.name)
    print(json.dumps(card, indent=1) if options.json else card)


def _demo(options):
    zoo.card(options.name)
    check_target(options.out, options.overwrite)
    with _quiet():
        from zoo.cli.demo import run
        from zoo.presets import loading  # noqa: F401  starts the backend
    run(options.name, options.out, overwrite=options.overwrite)


def _generate(options):
    card = zoo.card(options.name)
    engine_options.check(options, generate_rows.WITHOUT_ENGINE)
    if options.engine:
        with _quiet():
            from zoo.cli.generate_shards import generate
        generate(options, card)
        return
    if generate_rows.wanted(options, card):
        check_file(generate_rows.rows_file(options), options.overwrite)
        model = load_preset(options.name, options.modules)
        print(generate_rows.write_rows(model, card, options))
        return
    if options.picture:
        check(options)
    if options.out or options.picture:  # otherwise the model determines the name of the file
        check_file(picture_file(options), options.overwrite)
    model = load_preset(options.name, options.modules)
    options.picture = options.picture or usual_picture(model)
    check(options)
    out = picture_file(options)
    with publish_file(out, options.overwrite) as scratch:
        draw(model, options).savefig(scratch)
    print(out)


_TAKING_CLASSES = (
    *(_generate, exporting.export, train.train, evaluate.evaluate, encode.encode),
    *(detect.detect, detect.renew, search.search),
)


if __name__ == "__main__":
    sys.exit(main())
