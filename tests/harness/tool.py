"""The `buurtaal` command as a test runs it: with a home of its own and a profile a party."""
import os
import subprocess

from harness.registry import TOOL
from harness.terminal import Terminal


class Tool:
    """`tool = Tool(registry, daemon.address, "25LU")`, then `tool.run("submit", file)`."""

    def __init__(self, registry, address, party):
        self.home = f"{registry.folder}/home"
        self.profile = f"{registry.folder}/{party}-{registry.next_number()}.conf"
        os.makedirs(self.home, exist_ok=True)
        identity = registry.world.identities[party]
        self.run("profile", "--host", address[0], "--port", str(address[1]), "--ca", registry.world.authority.certificate,
                 "--certificate", identity.certificate, "--key", identity.key, wanted=0)

    def start(self, *argv, environment=None, **options):
        environment = {**os.environ, "HOME": self.home, "XDG_CONFIG_HOME": f"{self.home}/.config", "LC_ALL": "C.UTF-8",
                       **(environment or {})}
        return subprocess.Popen([TOOL, "--profile", self.profile, *argv], env=environment, **{
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options})

    def talk(self, *argv, columns=100, environment=None, **options):
        """The command on a Terminal."""
        return Terminal(lambda slave, prepare: self.start(*argv, environment={"TERM": "xterm", **(environment or {})}, **{
            "stdin": slave, "stdout": slave, "stderr": slave, "start_new_session": True, "preexec_fn": prepare, **options}), columns)

    def run(self, *argv, wanted=None):
        """Its status and what it said; `wanted`: the status that it must have."""
        with self.start(*argv) as process:
            said, _ = process.communicate(timeout=120)
        assert wanted is None or process.returncode == wanted, f"{argv}: status {process.returncode}: {said}"
        return process.returncode, said
