"""`demo`: the registry of tools/demo/run in a folder of its own, as `make run` leaves it: all sent in, and running."""
import json
import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.client import Client, tls_context  # noqa: E402
from harness.registry import ROOT, TOOL, execute  # noqa: E402

FOLDER = f"{ROOT}/build/test/demo"
LIMIT = 420  # seconds that one run may take


class Demo:
    """`said`: what the run printed so far."""

    def __init__(self):
        self.process = self.port = None
        self.said = ""

    def cluster(self, action):
        return subprocess.run([f"{ROOT}/tools/demo/cluster", action, f"{FOLDER}/pg"], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout

    def clean(self):
        subprocess.run([f"{ROOT}/tools/demo/run", "stop", FOLDER], check=True, stdin=subprocess.DEVNULL)
        shutil.rmtree(FOLDER, ignore_errors=True)

    def start(self, pattern):
        """Until it says this; the match. The cluster is ours, so that it stays when the run ends."""
        self.cluster("start")
        self.owner = re.search("BUURTAAL_DB_OWNER='(.*)'", self.cluster("env")).group(1)
        self.said = ""
        self.process = subprocess.Popen([f"{ROOT}/tools/demo/run", "run", FOLDER], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        timer = threading.Timer(LIMIT, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                self.said += line
                found = re.search(pattern, line)
                if found:
                    return found
        finally:
            timer.cancel()
        raise AssertionError(f"it did not come so far: {self.said}")

    def stop(self):
        """Its status, once it was told to end."""
        self.process.terminate()
        try:
            self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode

    def again(self):
        """Runs it to its end over what is there; what it printed."""
        done = subprocess.run([f"{ROOT}/tools/demo/run", "demo", FOLDER], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def second(self):
        """Another start while it runs: its status and what it said."""
        done = subprocess.run([f"{ROOT}/tools/demo/run", "demo", FOLDER], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
        return done.returncode, done.stdout

    def log(self):
        """What the daemon told."""
        with open(f"{FOLDER}/buurtaald.log", encoding="utf-8") as file:
            return file.read()

    def connect(self, party):
        context = tls_context(f"{FOLDER}/ca/ca.pem", (f"{FOLDER}/ca/{party}.pem", f"{FOLDER}/ca/{party}.key"))
        return Client(("localhost", self.port), context)

    def progress(self, party, *options):
        """The rows of `buurtaal progress`."""
        argv = [TOOL, "--profile", f"{FOLDER}/profiles/{party}.conf", "progress", "--json", *options]
        said = subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(said)["rows"]

    def execute(self, sql):
        return execute(self.owner, sql)

    def dump(self):
        return subprocess.run(["pg_dump", "--inserts", "-d", self.owner], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="session")
def demo():
    made = Demo()
    made.clean()
    try:
        made.port = int(made.start(r"It runs on port (\d+)").group(1))
        yield made
    finally:
        if made.process and made.process.poll() is None:
            made.stop()
        made.clean()
