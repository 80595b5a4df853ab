-- Refusals that the tests of each family do not come by; tests/sql/coverage says which were seen nowhere.
begin;
select plan(18);
create function pg_temp.on_day(day timestamptz) returns void language sql as $$
    update demo set ahead = day - statement_timestamp()
$$;
select pg_temp.on_day('2027-05-01T12:00:00Z');
insert into institution (code, name, kind, country, until, successor, log)
values ('A', 'A', 'college', 'NL', null, null, 0), ('E', 'E', 'exam-office', 'NL', null, null, 0),
       ('NUFFIC', 'N', 'nuffic', 'NL', null, null, 0),
       ('OLD', 'O', 'college', 'NL', '2027-05-02', 'A', 0), ('OLD2', 'O', 'college', 'NL', '2027-05-02', 'A', 0);
insert into elective (code, title, language, receptive, productive, log) values ('K', 'Duits', 'de', 'B1', 'A2', 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, closes, seats, place, host, state, log)
values ('S', 'X', '2027-05-14', '2027-05-14', 3, 'x', 'A', 'scheduled', 0),
       ('FULL', 'X', '2027-05-14', '2027-05-14', 0, 'x', 'A', 'scheduled', 0),
       ('T', 'X', '2027-06-14', '2027-06-01', 9, 'x', 'A', 'scheduled', 0);

select is(say('NUFFIC', 'nuffic', 'offer elective=K schoolyear=2026', 'offer elective=K schoolyear=2026 institution=A correct=yes'),
          E'NO range field=institution\nOK state=offered', 'Nuffic says for whom it speaks');
select is(say('NUFFIC', 'nuffic', 'retract elective=K schoolyear=2026'), 'NO range field=institution', 'also to take back');

-- What others changed meanwhile.
select say('E', 'exams', 'exam-part exam=X part=w max=100 pass=60');
select is(say('E', 'exams', 'exam-part exam=X part=w max=100 pass=61 seen=0'),
          'NO changed last=' || (select log from exam_part where part = 'w'), 'a part of an exam');
select say('E', 'exams', 'reseat session=T seats=8');
select is(say('E', 'exams', 'reseat session=T seats=7 seen=0'),
          'NO changed last=' || (select log from session where session = 'T'),
          'seats of a session');
select is(say('E', 'exams', 'cancel session=T reason=x seen=0'), 'NO changed last=' || (select log from session where session = 'T'),
          'its end');
select is(say('ADMIN', 'admin', 'grant party=A role=roc fingerprint=' || repeat('ab', 32)), 'OK state=granted', 'a grant');
select is(say('ADMIN', 'admin', 'revoke seen=0 fingerprint=' || repeat('ab', 32)),
          'NO changed last=' || (select log from access where fingerprint = decode(repeat('ab', 32), 'hex')), 'and its end');

select is(say('ADMIN', 'admin', 'revoke again=2 fingerprint=' || repeat('ab', 32)), 'NO again field=again',
          'a fingerprint is granted once');

select is(say('ADMIN', 'admin', 'revoke'), 'NO range field=fingerprint', 'which certificate must be told');
select is(say('E', 'exams', 'cancel session=NONE reason=x'), 'NO not-found field=session', 'a session that is not there');
select is_empty($$select verb from unnest(array['audit', 'offers', 'registrations', 'submissions', 'targets']) verb
                  where tests.say('A', 'roc', verb || ' after=x') is distinct from 'NO range field=after'$$,
                'tokens that no list gave');
select is(say('A', 'roc', 'submissions'), null, 'nothing was submitted');

-- Registrations that one cannot speak of so.
select say('A', 'roc', 'register session=S student=1 name=n born=2009', 'register session=S student=2 name=n born=2009',
           'register session=FULL student=3 name=n born=2009');
select say('OLD', 'roc', 'register session=S student=9 name=n born=2009');
select say('OLD2', 'roc', 'register session=FULL student=9 name=n born=2009');
select is(say('A', 'roc', 'move session=S student=1 to=T again=3', 'move session=S student=1 to=T seen=0'),
          E'NO again field=again\nNO changed last=' || (select log from registration where session = 'S'
              and student_hash = substr(tests.sealed('student', '1'), 1, 32)), 'moves');
select say('A', 'roc', 'withdraw session=S student=2');
select pg_temp.on_day('2027-05-20T12:00:00Z');
-- Both predecessors have the number 9 there, and nothing tells which is meant.
update session set seats = seats + 1, taken = taken + 1 where session = 'S';
insert into contingent select 'S', 'OLD2', cell_made('S', 'OLD2');
insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
select 'S', college, student_hash, again, person, 'seated', 100, name, born, 100 from registration where college = 'OLD2';
create function pg_temp.results(verb text, fields text) returns text language sql as $$
    select say('E', 'exams', verb || ' session=S college=A student=1 again=2 ' || fields,
                             verb || ' session=S college=A student=2 ' || fields,
                             verb || ' session=FULL college=A student=3 ' || fields,
                             verb || ' session=S college=A student=9 ' || fields,
                             verb || ' session=S college=A student=8 ' || fields)
$$;
select is(pg_temp.results('score', 'part=w points=70 final=yes'),
          E'NO again field=again\nNO ended again=2\nNO waiting field=student\nNO taken field=student\nNO not-found field=student',
          'scores');
select is(pg_temp.results('attend', 'part=w status=present'), pg_temp.results('score', 'part=w points=70 final=yes'), 'attendance');
select is(pg_temp.results('certify', 'number=N issued=2027-05-19'), pg_temp.results('score', 'part=w points=70 final=yes'),
          'certificates');
select say('E', 'exams', 'score session=S college=A student=1 part=w points=70 final=yes');
select is(say('E', 'exams', 'score session=S college=A student=1 part=w points=71 final=yes revise=yes seen=0'),
          'NO changed last=' || (select log from score), 'points that others gave');
select is(say('E', 'exams', 'certify session=S college=A student=1 number=N issued=2027-05-19 seen=0'),
          'NO changed last=' || (select log from score), 'or before a certificate');
select * from finish();
rollback;
