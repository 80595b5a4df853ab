"""What every verb of `buurtaal` owes on its command line, whichever verbs there are: help in both languages, and faults that are
named, with the status of sysexits.h."""
import os
import re
import subprocess

import pytest

from harness.registry import TOOL

USAGE, IOERR, CONFIG = 64, 74, 78


def run(*argv, home="/nonexistent", output=subprocess.PIPE, lang="C.UTF-8"):
    """Status, standard output, standard error."""
    environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": "", "LC_ALL": lang}
    done = subprocess.run([TOOL, *argv], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True,
                          env=environment, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def verbs():
    found = [verb for line in re.findall(r"^  ([a-z][a-z, ]+?)(?:  .*)?$", run("--lang", "en", "--help")[1], re.M)
             for verb in line.split(", ")]
    assert len(found) >= 14 and "offers" in found
    return found


@pytest.mark.parametrize("verb", verbs())
def test_a_verb_helps_and_names_what_it_does_not_take(verb):
    for lang, word in (("nl", "gebruik: "), ("en", "usage: ")):
        status, out, err = run(verb, "--help", "--lang", lang)
        assert status == 0 and err == ""
        assert re.match(rf"{word}buurtaal .*{verb}", out)
    for argv, named in [(["--nonsense"], "--nonsense"), (["--lang", "xx"], "xx"), (["--lang"], "--lang"), (["--help=yes"], "--help=yes")]:
        status, out, err = run("--lang=en", verb, *argv)
        assert status == USAGE and out == "" and named in err
        assert f"buurtaal {verb} --help" in err, "the remedy"
    if verb != "send":  # which takes any number of lines
        operands = ["file", "extra"] if verb in ("submit", "template", "dossier") else ["extra"]
        status, out, err = run("--lang", "en", verb, *operands)
        assert status == USAGE and out == "" and "extra" in err and f"buurtaal {verb} --help" in err, "one operand too many"
    status, _, err = run("--lang", "en", "--quiet", verb, "--nonsense")
    assert status == USAGE and "--nonsense" in err, "--quiet keeps nothing back that is wrong"


@pytest.mark.parametrize("verb", verbs())
def test_output_that_cannot_be_written_is_told(verb):
    with open("/dev/full", "w", encoding="ascii") as full:
        status, _, err = run(verb, "--help", output=full, lang="en_GB.UTF-8")
    assert status == IOERR and "output cannot be written" in err


def test_a_profile_that_cannot_be_used_is_named_by_each_verb_that_needs_it(tmp_path):
    path = tmp_path / "home" / ".config" / "buurtaal" / "default.conf"
    path.parent.mkdir(parents=True)
    cases = [(None, "profile --help"), ("host = a\nca = a\ncertificate = a\n", "key is missing"), ("host = a\nport = 0\n", "1 to 65535"),
             ("host = a\nhost = b\n", "line 2"), ("hots = a\n", "hots")]
    for content, words in cases:
        if content:
            path.write_text(content)
        for argv in (["send", "ping"], ["progress"], ["doctor"]):
            status, _, err = run("--lang", "en", *argv, home=str(tmp_path / "home"))
            assert status == CONFIG and str(path) in err and words in err, (argv, content, err)


def test_a_verb_that_is_missing_or_unknown():
    assert run()[0] == USAGE and "gebruik" in run()[2]
    status, _, err = run("--lang", "en", "submitt")
    assert status == USAGE and "submitt" in err and "buurtaal --help" in err
    for argv in (["--version"], ["version"]):
        status, out, _ = run(*argv)
        assert status == 0 and re.fullmatch(r"buurtaal \d+\.\d+\n", out)


def test_a_verb_that_was_meant_is_named():
    for word, meant in (("sumbit", "submit"), ("submitt", "submit"), ("sessons", "sessions"), ("Ca", "ca"), ("registation", None),
                        ("", None), ("contacts", None)):
        status, _, err = run("--lang", "en", word)
        assert status == USAGE and ("did you mean" in err) == (meant is not None), err
        assert meant is None or f"did you mean: buurtaal {meant}\n" in err
    status, _, err = run("--lang", "en", "electives")
    assert status == USAGE and "buurtaal send 'electives ...'" in err and "did you mean" not in err


def test_help_is_the_help():
    assert run("help") == run("--help") and run("help", "--lang", "en") == run("--lang", "en", "--help")
    assert run("help", "submit") == run("submit", "--help") and run("help", "offers") == run("offers", "--help")
    assert run("help", "sumbit")[0] == USAGE and run("help", "submit", "ca")[0] == USAGE and run("version", "x")[0] == USAGE


def test_an_option_that_took_the_file_for_its_value_is_told(tmp_path):
    path = tmp_path / "02bom.csv"
    path.write_text("x\n")
    status, _, err = run("--lang", "en", "submit", "--mode", str(path))
    assert status == USAGE and f"{path} was read as the value of --mode" in err and "missing here: FILE" in err
    assert "hier ontbreekt: BESTAND" in run("submit", "--mode", "all")[2]
    for argv in (["submit", "-"], ["audit", "save", "-"], ["template", "-"], ["ca", "fingerprint", "-"]):
        status, out, err = run("--lang", "en", *argv)
        assert status == USAGE and out == "" and "standard input is not read" in err, argv
