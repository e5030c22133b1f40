"""The `lifecourse` command: parse, call the public function of the same name, show what it gave.

Exit codes: 0 done, 1 our mistake (a traceback), 2 the user's to mend, 3 refused by policy, 130 stopped by
Ctrl-C. Nothing heavy is imported before a command is chosen, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lifecourse.base.errors import LifecourseError
from lifecourse.cli.command import COMMANDS, Command, load
from lifecourse.cli.output import show_error, show_fault, show_result
from lifecourse.privacy.acts import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_OURS, EXIT_STOPPED = 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(words)
    arguments = parser.parse_args(words)
    command: Command = arguments.command
    program = PROGRAM.set(f"lifecourse {arguments.command_name}")
    try:
        show_result(command, command.call(arguments), as_json=arguments.json)
    except LifecourseError as error:
        show_error(error, as_json=arguments.json)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. Nothing is half-written; the same command goes on from here.\n")
        return EXIT_STOPPED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as fault:  # noqa: BLE001 -- the last resort: its words may quote a record
        show_fault(fault)
        return EXIT_OURS
    finally:
        PROGRAM.reset(program)
    return 0


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of all commands; of `words` that begin with a command's name, of that command alone."""
    from lifecourse import __version__

    parser = argparse.ArgumentParser(
        prog="lifecourse",
        description="Medical records in; honest risk and plans a clinician can check out.",
        epilog="start with:\n  lifecourse run SOURCE --out WORKSPACE\n  lifecourse serve WORKSPACE",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lifecourse {__version__}")
    branches = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    # Making the parsers of all commands takes longer than some commands.
    asked = words[:1] if words and words[0] in COMMANDS else COMMANDS
    for name in asked:
        branch = branches.add_parser(
            name,
            help=COMMANDS[name],
            description=f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if words is None or name in words:
            command = load(name)
            branch.epilog = f"example:\n  {command.example}"
            branch.set_defaults(command=command, command_name=name)
            branch.add_argument(
                "--json",
                action="store_true",
                help="one JSON object or array on stdout, nothing else",
            )
            command.add_arguments(branch)
    return parser
