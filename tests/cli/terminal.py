"""A command on a pseudo-terminal: what a person at a keyboard sees and types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self


class Terminal:
    """Runs a command whose input and output are a terminal.

    Attributes:
        shown: all that was written to the terminal, with its control sequences.
    """

    def __init__(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], width: int = 100
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        # a session of its own, whose terminal this is: prompts for keys look for it
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *words],
            cwd=folder,
            env={**environment, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""
        self._read_up_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def text(self) -> str:
        """What was shown, without control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown).replace("\r\n", "\n")

    def wait_for(self, words: str) -> None:
        """Read until words appear that were not read before."""
        while (found := self.text.find(words, self._read_up_to)) < 0:
            assert self._read(), self.text
        self._read_up_to = found + len(words)

    def type(self, words: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{words}\n".encode())

    def press(self, control: str) -> None:
        """Press a control key, such as C."""
        os.write(self._ours, bytes([ord(control) - ord("@")]))

    def finish(self) -> int:
        """Read to the end. Returns the exit code."""
        while self._read():
            pass
        return self.process.wait()

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # Linux: the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
