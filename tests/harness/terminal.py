"""A program on a (pseudo)terminal of its own: `type` keys, `expect` what it shows."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07")


class Terminal:
    """`start(slave, prepare)` starts the program on the slave's descriptor and gives its Popen; `prepare` is to be its
    preexec_fn. `with` it."""

    def __init__(self, start, columns=100):
        self.shown = ""  # all of it, as it came
        self.at = 0
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        try:
            self.process = start(slave, lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        finally:
            os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self):
        """What has come within a moment; False at the end."""
        ready, _, _ = select.select([self.master], [], [], 0.05)
        if ready:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has the other end open
                data = b""
            if not data:
                return False
            self.shown += data.decode(errors="replace")
        return True

    def text(self):
        """What was shown since the last time something was expected, without the movements of the cursor."""
        return CONTROL.sub("", self.shown[self.at:]).replace("\r", "")

    def expect(self, *wanted, last="", seconds=60):
        """Waits until each text stands there, in any order, and `last` at the end; gives all of it."""
        def there():
            return all(word in self.text() for word in wanted) and self.text().endswith(last)
        deadline = time.monotonic() + seconds
        while not there():
            assert time.monotonic() < deadline, f"{wanted} {last} not in {self.text()!r}"
            if not self.read():
                break
        found = self.text()
        assert there(), f"{wanted} {last} not in {found!r}"
        self.at = len(self.shown)
        return found

    def type(self, keys):
        os.write(self.master, keys.encode())

    def ask(self, line, *wanted):
        """Types a line, and waits for what it wants and the next prompt: a key typed before that may be lost."""
        self.type(line + "\r")
        return self.expect(*wanted, last="> ")

    def end(self, wanted=0, seconds=60):
        """The rest of what it shows until it ends, which it must with this status."""
        deadline = time.monotonic() + seconds
        while self.read():
            assert time.monotonic() < deadline, f"it does not end: {self.text()!r}"
        assert self.process.wait(seconds) == wanted, f"status {self.process.returncode}: {self.text()!r}"
        return self.text()
