"""The `buurtaal` command as a test runs it: with a home of its own and a profile a party."""
import os
import pty
import select
import subprocess
import time

from harness.registry import TOOL


class Tool:
    """`tool = Tool(registry, daemon.address, "25LU")`, then `tool.run("submit", file)`."""

    def __init__(self, registry, address, party):
        self.home = f"{registry.folder}/home"
        self.profile = f"{registry.folder}/{party}-{registry.next_number()}.conf"
        os.makedirs(self.home, exist_ok=True)
        identity = registry.world.identities[party]
        self.run("profile", "--host", address[0], "--port", str(address[1]), "--ca", registry.world.authority.certificate,
                 "--certificate", identity.certificate, "--key", identity.key, wanted=0)

    def start(self, *argv, **options):
        environment = {**os.environ, "HOME": self.home, "XDG_CONFIG_HOME": f"{self.home}/.config", "LC_ALL": "C.UTF-8"}
        return subprocess.Popen([TOOL, "--profile", self.profile, *argv], env=environment, **{
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options})

    def talk(self, *argv, **options):
        """The command on a terminal."""
        return Terminal(lambda slave: self.start(*argv, **{"stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True, **options}))

    def run(self, *argv, wanted=None):
        """Its status and what it said; `wanted`: the status that it must have."""
        with self.start(*argv) as process:
            said, _ = process.communicate(timeout=120)
        assert wanted is None or process.returncode == wanted, f"{argv}: status {process.returncode}: {said}"
        return process.returncode, said


class Terminal:
    """A program on a terminal of its own: `with` it, `until(text)` it has said something, `type` what it asks."""

    def __init__(self, start):
        self.master, slave = pty.openpty()
        try:
            self.process = start(slave)
        finally:
            os.close(slave)
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self, deadline):
        """A part of what it says; False when it has ended."""
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"it says no more than: {self.said}"
        try:
            part = os.read(self.master, 65536)
        except OSError:  # nobody has the other end open
            return False
        self.said += part.decode(errors="replace")
        return bool(part)

    def until(self, text, seconds=60):
        """What it said up to here, since the last time."""
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self.read(deadline), f"it ended without {text!r}: {self.said}"
        before, _, self.said = self.said.partition(text)
        return before + text

    def type(self, line):
        os.write(self.master, (line + "\n").encode())

    def end(self, wanted, seconds=60):
        """The rest of what it says until it ends, which it must with this status."""
        deadline = time.monotonic() + seconds
        while self.read(deadline):
            pass
        assert self.process.wait(seconds) == wanted, f"status {self.process.returncode}: {self.said}"
        return self.said
