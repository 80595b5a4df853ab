"""A wrong configuration stops the start, and says where: file, line and key."""
import os
import subprocess

import pytest

from harness.registry import PROGRAM


def run(*argv):
    return subprocess.run([PROGRAM, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=30, check=False)


def line_of(path, text):
    with open(path, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


@pytest.mark.parametrize("name, value, key", [
    ("listen__port", "70000", "[listen] port"),
    ("listen__port", "http", "[listen] port"),
    ("listen__address", "registry.example", "[listen] address"),
    ("limits__idle", "10 weeks", "[limits] idle"),
    ("tls__tls_min", "1.1", "[tls] tls-min"),
    ("log__level", "loud", "[log] level"),
    ("limits__conections", "10", "conections"),
    ("limit__idle", "10", "[limit]"),
])
def test_a_wrong_value_is_named_by_file_line_and_key(bare, name, value, key):
    path = bare.configure(**{name: value})
    line = line_of(path, f"[{name.split('__')[0]}]" if key == "[limit]" else f"= {value}")
    for options in ((), ("-t",)):
        done = run("-f", path, *options)
        assert done.returncode == 78
        assert f"{path}:{line}:" in done.stdout and key in done.stdout, done.stdout


@pytest.mark.parametrize("name, key", [("tls__certificate", "certificate"), ("database__write", "write"), ("seal__keys", "keys")])
def test_what_is_missing_is_named(bare, name, key):
    path = bare.configure(**{name: None})
    done = run("-f", path)
    assert done.returncode == 78 and path in done.stdout and f"] {key}:" in done.stdout, done.stdout


def test_files_that_are_wrong_are_named(bare):
    loose = f"{bare.folder}/loose.key"
    with open(bare.world.server.key, encoding="ascii") as source, open(loose, "w", encoding="ascii") as copy:
        copy.write(source.read())
    os.chmod(loose, 0o644)
    other = bare.world.authority.issue("other", "server")
    for changes, word in (({"tls__certificate": "/nowhere/tls.pem"}, "/nowhere/tls.pem"),
                          ({"tls__key": loose}, loose),
                          ({"tls__key": other.key}, other.key),
                          ({"seal__keys": bare.world.server.key}, bare.world.server.key),
                          ({"database__write": "host=registry.example dbname=x"}, "write"),
                          ({"database__write": "not a connection string"}, "write")):
        path = bare.configure(**changes)
        for options in ((), ("-t",)):
            done = run("-f", path, *options)
            assert done.returncode != 0 and word in done.stdout, (changes, done.stdout)


def test_the_check_passes_what_the_start_takes(bare):
    assert run("-f", bare.configure(), "-t").returncode == 0
    assert run("-f", f"{bare.folder}/gone.conf").returncode == 78


def test_a_port_in_use_stops_the_start(bare):
    daemon = bare.start()
    done = run("-f", bare.configure(listen__port=daemon.address[1]))
    assert done.returncode != 0 and str(daemon.address[1]) in done.stdout
