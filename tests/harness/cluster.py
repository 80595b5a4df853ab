"""A PostgreSQL cluster that belongs to one test, which may kill it."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

from harness.registry import ROOT, World, conninfo, execute


def children_of(parent):
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(name)}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(name))
        except (ValueError, FileNotFoundError, ProcessLookupError):
            continue
    return found


class Cluster:
    """Made and started on entering a `with`, stopped and gone at its end. `world` is a World in it."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix=f"buurtaal-{name}-")
        self.data = f"{self.folder}/pg"
        self.world = None

    def __enter__(self):
        try:
            self.start()
            text = self.tool("env", self.name)
            self.owner, write = (re.search(f"BUURTAAL_DB_{role}='(.*)'", text).group(1) for role in ("OWNER", "WRITE"))
            execute(conninfo(self.owner, dbname="postgres"), f"create database {self.name}")
            os.makedirs(f"{self.folder}/world", mode=0o700)
            self.world = World(f"{self.folder}/world", self.owner, write)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self.tool("stop")
        shutil.rmtree(self.folder)

    def tool(self, action, *rest):
        return subprocess.run([f"{ROOT}/tools/demo/cluster", action, self.data, *rest], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout

    def start(self):
        """Also after a kill: PostgreSQL recovers."""
        self.tool("start")

    def kill(self):
        """kill -9 of all its processes, the first one first, so that nobody is started anew. (A backend that is kept busy would
        serve on for a while without it.)"""
        with open(f"{self.data}/postmaster.pid", encoding="ascii") as file:
            first = int(file.readline())
        children = children_of(first)
        for pid in (first, *children):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it has noticed already
