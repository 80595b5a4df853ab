"""What the daemon's own log tells, so that whoever reads it finds what it speaks of: our faults to the line of the function, a
write to its row in the registry's log, and who was turned away by the certificate that could be granted."""
import pytest

from harness.client import Closed


def test_a_fault_of_ours_is_told_with_the_function_and_its_line(registry):
    registry.execute("""
        create function registry.refuse() returns trigger language plpgsql as $$
        begin
            raise exception 'no more offers';
        end $$;
        create trigger refuse before insert on registry.offer for each row execute function registry.refuse()""")
    daemon = registry.start()
    registry.excused.append("no more offers")
    with daemon.connect("25LU") as college:
        reply = college.ask("offer", elective="K0959", schoolyear=2026, students=1)
    assert reply.word == "NO internal"
    found = daemon.wait_log(rf'event=internal id={reply["id"]} verb=offer sqlstate=P0001 reason="(.*)"')
    assert found[1] == "no more offers; PL/pgSQL function refuse() line 3 at RAISE"


def test_a_write_is_found_in_the_registry_s_log_by_its_number(registry):
    daemon = registry.start()
    with daemon.connect("25LU") as college, daemon.connect("ADMIN") as admin:
        log = college.must("offer", elective="K0959", schoolyear=2026, students=1, tag="T1")["log"]
        college.must("offer", elective="K0960", schoolyear=2026, students=1, check=True, tag="T2")
        assert college.ask("target", year=2027, language="de", rung="seated", count=1, tag="T3").word == "NO role"
        assert daemon.wait_log(r"event=write .* log=(\S+) check=no tag=T1 ")[1] == log
        assert daemon.wait_log(r"event=write .* log=(\S+) check=yes tag=T2 ")[1] == "-"
        assert daemon.wait_log(r"event=write .* outcome=NO-role log=(\S+) check=no tag=T3 ")[1] == "-"
        assert "elective=K0959" in admin.must("audit", log=log).rows[0]["fields"]


def test_who_is_turned_away_is_told_by_the_certificate(registry):
    daemon = registry.start()
    stranger = registry.world.authority.issue("stranger")
    with pytest.raises(Closed) as closed:
        daemon.connect(stranger)
    assert closed.value.bye == "not-granted"
    assert daemon.wait_log(r"event=bye .* code=not-granted certificate=(\S+) ")[1] == stranger.fingerprint
    with pytest.raises(Closed) as closed:
        daemon.connect(None)
    assert closed.value.bye == "no-certificate"
    assert daemon.wait_log(r"event=bye .* code=no-certificate certificate=(\S+) ")[1] == "-"
