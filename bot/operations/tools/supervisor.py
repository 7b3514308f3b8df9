"""Run as a script: starts one program, and kills its own group when the bot that asked for it is gone.

Usage: `python -I -S supervisor.py <fd of the life pipe> <program> <argument>...`. The pipe's other end is the bot's:
it closes when the bot dies in any way. Imports little, since this start is part of every program's.
"""

import os
import select
import signal
import sys


def main(arguments: list[str]) -> int:
    """The program's exit code, or 128 and the number of the signal that ended it."""
    life, program = int(arguments[0]), arguments[1:]
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # Handlers, not SIG_IGN, which the program would inherit: SIGTERM goes to the whole group and is the program's.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    child = os.posix_spawn(program[0], program, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, life)])
    _let_go_of_streams()
    return _wait(child, life, ended)


def _let_go_of_streams() -> None:
    """The program's pipes must close when the program ends, so no end of them may stay here."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _wait(child: int, life: int, ended: int) -> int:
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        readable, _, _ = select.select([life, ended], [], [])
        if life in readable:
            os.killpg(0, signal.SIGKILL)
        os.read(ended, 64)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
