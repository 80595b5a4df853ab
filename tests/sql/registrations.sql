-- What register, withdraw and move answer, line by line; who sees which registration.
begin;
select plan(67);
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, numbers, until, successor, log)
values ('A', 'A', 'college', 'NL', 'drenthe', null, null, null, 0), ('B', 'B', 'college', 'NL', null, 'nine', null,
       null, 0),
       ('E', 'E', 'exam-office', 'NL', null, null, null, null, 0), ('OLD', 'O', 'college', 'NL', null, null,
       '2026-08-01', 'A', 0),
       ('OLD2', 'O', 'college', 'NL', null, null, '2026-08-01', 'A', 0);
insert into elective (code, title, language, receptive, productive, log) values ('K0960', 'Duits', 'de', 'B1', 'A2', 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, opens, closes, seats, place, host, state, log)
values ('S', 'X', '2027-05-14', null, null, 2, 'x', 'B', 'scheduled', 0), ('T', 'X', '2027-05-15', null, null, 1, 'x',
       'B', 'scheduled', 0),
       ('FIRST', 'X', '2027-05-14', '2027-03-01', null, 9, 'x', 'B', 'scheduled', 0), ('SOON', 'X', '2027-05-14',
       '2027-03-02', null, 9, 'x', 'B', 'scheduled', 0),
       ('LAST', 'X', '2027-03-29', null, null, 9, 'x', 'B', 'scheduled', 0), ('OVER', 'X', '2027-03-28', null, null,
       9, 'x', 'B', 'scheduled', 0),
       ('BIG', 'X', '2027-06-14', null, null, 99, 'x', 'A', 'scheduled', 0);
create function pg_temp.log_of(session_ text, student_ text, again_ integer default 1) returns bigint language sql as $$
    select log from registration where session = session_ and student_hash = substr(tests.sealed('student', student_),
    1, 32) and again = again_
$$;

-- The days of registration, both included.
select is(say('A', 'roc', 'register session=FIRST student=1 name=n born=2009',
          'register session=SOON student=1 name=n born=2009',
                          'register session=LAST student=1 name=n born=2009',
                          'register session=OVER student=1 name=n born=2009'),
          E'OK state=seated\nNO not-open field=session\nOK state=seated\nNO closed field=session',
          'from the first day to the last');
update session set opens = '2027-03-02' where session = 'FIRST';
update session set closes = '2027-02-27' where session = 'LAST';
select is(say('A', 'roc', 'register session=FIRST student=1 name=n born=2009',
          'register session=LAST student=1 name=n born=2010'),
          E'OK state=seated repeated=yes\nOK state=seated amended=yes', 'outside them repeats and corrections go on');
select is(say('A', 'roc', 'withdraw session=LAST student=1'), 'OK state=withdrawn', 'and withdraw');
select is(say('A', 'roc', 'move session=FIRST student=1 to=SOON', 'move session=FIRST student=1 to=OVER'),
          E'NO not-open field=to\nNO closed field=to', 'but no move into it');

-- What cannot be.
select is(say('A', 'roc', 'register session=Q student=1 name=n born=2009',
          'register session=S student=1 name=n born=2009 elective=K1'),
          E'NO not-found field=session\nNO not-found field=elective', 'no such session, no such elective');
select is(say('A', 'roc', 'register session=S student=BSN1 name=n born=2009'), 'NO looks-like-bsn field=student',
          'a number like a BSN');
select is(say('B', 'roc', 'register session=BIG student=BSN1 name=n born=2009'), 'OK state=seated',
          'unless all of the college have nine digits');
update institution set numbers = null where code = 'B';
select is(say('B', 'roc', 'register session=BIG student=BSN1 name=n born=2009'), 'OK state=seated repeated=yes',
          'one that is held goes on');
select is(say('A', 'roc', 'register session=S student=1 name=n born=2009 again=2'), 'NO again field=again',
          'no second attempt before the first');

-- Seats and queue; a correction keeps the place, a repeat tells today's.
select is(say('A', 'roc', 'register session=S student=1 name=n born=2009',
          'register session=S student=2 name=n born=2009 elective=K0960 needs=time',
                          'register session=S student=1 name=n born=2009',
                          'register session=S student=3 name=n born=2009',
                          'register session=S student=4 name=n born=2009',
                          'register session=S student=3 name=m born=2009'),
          E'OK state=seated\nOK state=seated\nOK state=seated repeated=yes\nOK state=waiting place=1\nOK state=waiting place=2\n'
          'OK state=waiting place=1 amended=yes', 'first come, first seated');
select is(say('B', 'roc', 'register session=S student=1 name=n born=2009'), 'OK state=waiting place=3',
          'the queue is that of all colleges');
select is(say('A', 'roc', 'register session=S student=2 name=n born=2009',
          'register session=S student=2 name=n born=2009 elective=K0960 needs=time'),
          E'OK state=seated repeated=yes\nOK state=seated repeated=yes', 'what is absent stays');
select is(say('A', 'roc', 'register session=S student=2 name=n born=2009 elective=- needs=-',
          'register session=S student=2 name=n born=2009 needs=-'),
          E'OK state=seated amended=yes\nOK state=seated repeated=yes', 'and can be cleared');
select is(say('A', 'roc', 'withdraw session=S student=1', 'withdraw session=S student=1',
          'withdraw session=S student=77', 'withdraw session=Q student=1'),
          E'OK state=withdrawn\nOK state=withdrawn repeated=yes\nNO not-found field=student\nNO not-found field=session', 'withdrawn once');
select is(say('A', 'roc', 'register session=S student=3 name=m born=2009',
          'register session=S student=4 name=n born=2009'),
          E'OK state=seated repeated=yes\nOK state=waiting place=1 repeated=yes',
          'the first of the queue has the seat');
select is(pg_temp.log_of('S', '3'), (select log from registration where log = pg_temp.log_of('S',
          '1') and state = 'withdrawn'),
          'under the number of the write that freed it');

-- Attempts.
select is(say('A', 'roc', 'register session=S student=1 name=n born=2009',
          'register session=S student=1 name=n born=2009 again=3',
                          'register session=S student=1 name=n born=2009 again=2',
                          'register session=S student=1 name=n born=2009',
                          'register session=S student=1 name=n born=2009 again=2',
                          'register session=S student=1 name=n born=2009 again=3'),
          E'NO ended again=2\nNO again field=again\nOK state=waiting again=2 place=3\nNO ended again=2\n'
          'OK state=waiting again=2 place=3 repeated=yes\nNO again field=again', 'the next attempt is asked for');
select is(say('A', 'roc', 'withdraw session=S student=1', 'withdraw session=S student=1 again=3',
          'withdraw session=S student=1 again=2',
                          'withdraw session=S student=1 again=3'),
          E'OK state=withdrawn repeated=yes\nNO again field=again\nOK state=withdrawn again=2\nNO again field=again',
          'what came late ends the old one only');

-- seen
select is(say('A', 'roc', 'register session=S student=4 name=n born=2009 seen=0',
          'register session=S student=4 name=o born=2009 seen=0'),
          E'OK state=waiting place=1 repeated=yes\nNO changed last=' || pg_temp.log_of('S', '4'),
          'equal is a repeat, else changed since');
select is(say('A', 'roc', 'withdraw session=S student=3 seen=' || pg_temp.log_of('S', '3') - 1),
          'NO changed last=' || pg_temp.log_of('S', '3'), 'a promotion is a change');
select is(say('A', 'roc', 'withdraw session=S student=1 seen=0'), 'OK state=withdrawn repeated=yes',
          'an ended one is a repeat');

-- move
select is(say('A', 'roc', 'move session=S student=4 to=T', 'move session=S student=4 to=T',
          'move session=S student=4 to=BIG'),
          E'OK state=seated\nOK state=seated repeated=yes\nNO ended again=2', 'moved once');
select is(say('A', 'roc', 'move session=S student=2 to=T', 'move session=S student=2 to=S',
          'move session=S student=2 to=Q'),
          E'NO full field=to\nNO range field=to\nNO not-found field=to',
          'not to a full one, nor to itself, nor to none');
select is(say('A', 'roc', 'register session=S student=2 name=n born=2009'), 'OK state=seated repeated=yes',
          'the old seat is kept');
select is(say('A', 'roc', 'move session=T student=4 to=S'), 'NO full field=to', 'nor back into a queue');
select is(say('A', 'roc', 'move session=S student=2 to=BIG'), 'OK state=seated', 'one that frees a seat');
select is(say('B', 'roc', 'register session=S student=1 name=n born=2009'), 'OK state=seated repeated=yes',
          'gives it to who waits');
select is(say('A', 'roc', 'move session=S student=1 to=BIG again=2'), 'NO ended again=3', 'a withdrawn one');
select is(say('A', 'roc', 'withdraw session=S student=3'), 'OK state=withdrawn', 'a seat comes free');
select is(say('A', 'roc', 'move session=T student=4 to=S', 'move session=T student=4 to=S'),
          E'OK state=seated again=2\nOK state=seated again=2 repeated=yes', 'back again: the second attempt there');
select is(say('A', 'roc', 'register session=BIG student=4 name=n born=2009',
          'register session=BIG student=4 name=n born=2009'),
          E'OK state=seated\nOK state=seated repeated=yes', 'also registered elsewhere');
select is(say('A', 'roc', 'move session=S student=4 to=BIG again=2'), 'NO taken field=to',
          'where it is already registered');

-- attended
update registration set reached = 3 where session = 'BIG' and student_hash = substr(tests.sealed('student', '2'), 1,
       32);
select is(say('A', 'roc', 'register session=BIG student=2 name=n born=2009',
          'register session=BIG student=2 name=m born=2009'),
          E'OK state=seated repeated=yes\nNO attended', 'no correction after the first part');
select is(say('A', 'roc', 'withdraw session=BIG student=2'), 'NO attended', 'nor withdraw');
select is(say('A', 'roc', 'move session=BIG student=2 to=T'), 'NO attended', 'nor move');
update registration set reached = 0;

-- Persons.
select is(say('A', 'roc', 'register session=BIG student=10 name=n born=2009 eckid=e1',
          'register session=BIG student=10 name=n born=2009 eckid=e2',
                          'register session=BIG student=10 name=n born=2009',
                          'register session=BIG student=10 name=n born=2009 eckid=e1'),
          E'OK state=seated\nNO eckid-differs field=eckid\nOK state=seated repeated=yes\nOK state=seated repeated=yes', 'one ECK iD a number');
select is(say('B', 'roc', 'register session=BIG student=20 name=n born=2009',
          'register session=BIG student=20 name=n born=2009 eckid=e1'),
          E'OK state=seated\nOK state=seated amended=yes', 'another college knows the same person');
select is((select count(distinct person) from registration where session = 'BIG' and student_hash in
           (substr(tests.sealed('student', '10'), 1, 32), substr(tests.sealed('student', '20'), 1, 32))), 1::bigint,
           'now it is one');
select is(say('A', 'roc', 'register session=BIG student=10 name=n born=2009 eckid=-',
          'register session=BIG student=10 name=n born=2009 eckid=-'),
          E'OK state=seated amended=yes\nOK state=seated repeated=yes', 'taken back, as if nobody else knew the person');
select is((select count(distinct person) from registration where session = 'BIG' and student_hash in
           (substr(tests.sealed('student', '10'), 1, 32), substr(tests.sealed('student', '20'), 1, 32))), 2::bigint,
           'they are two again');
select is_empty('select * from reconcile()', 'and count as two');
select is(say('B', 'roc', 'register session=BIG student=20 name=n born=2009 eckid=e1'), 'OK state=seated repeated=yes',
          'the other keeps it');
select is(say('A', 'roc', 'register session=BIG student=10 name=n born=2009 eckid=e1'), 'OK state=seated amended=yes',
          'given again');
select is(say('A', 'roc', 'register session=BIG student=11 name=n born=2009 eckid=e5',
          'register session=BIG student=11 name=n born=2009 eckid=-',
                          'register session=BIG student=11 name=n born=2009 eckid=-',
                          'register session=BIG student=11 name=n born=2009 eckid=e6'),
          E'OK state=seated\nOK state=seated amended=yes\nOK state=seated repeated=yes\nOK state=seated amended=yes',
          'a wrong one is taken away');
select is_empty('select * from reconcile()', 'the counts follow');

-- The rows of a college that was taken over.
insert into access (party, role, fingerprint, granted, log) values ('OLD', 'roc', tests.fingerprint('OLD', 'roc'), 0,
       0);
select is(say('OLD', 'roc', 'register session=BIG student=30 name=n born=2009',
          'register session=BIG student=31 name=n born=2009'), E'OK state=seated\nOK state=seated', 'made before');
select is(say('OLD2', 'roc', 'register session=BIG student=31 name=n born=2009'), 'OK state=seated',
          'the same number at another');
select is(say('A', 'roc', 'register session=BIG student=30 name=m born=2009',
          'register session=BIG student=31 name=n born=2009'),
          E'OK state=seated amended=yes\nNO taken field=student',
          'its successor corrects them, when it is clear which');
select is(say('A', 'roc', 'withdraw session=BIG student=31', 'withdraw session=BIG student=30'),
          E'NO taken field=student\nOK state=withdrawn', 'and withdraws');
select is(say('A', 'roc', 'register session=BIG student=30 name=m born=2009 again=2'), 'OK state=seated again=2',
          'a new attempt');
select results_eq($$ select college, again, person from registration where session = 'BIG'
                     and student_hash = substr(tests.sealed('student', '30'), 1, 32) order by again $$,
                  $$ select college, again,
                  (select person from student where college = 'OLD' and student_hash = substr(tests.sealed('student',
                  '30'), 1, 32))
                     from (values ('OLD', 1), ('A', 2)) made (college, again) $$,
                     'is under its own code, of the same person');
select is(say('B', 'roc', 'withdraw session=BIG student=30'), 'NO not-found field=student', 'nobody else knows it');
select is(say('OLD', 'roc', 'register session=BIG student=33 name=n born=2009') || ' then '
          || say('OLD', 'roc', 'withdraw session=BIG student=33') || ' then '
          || say('A', 'roc', 'register session=BIG student=33 name=n born=2009 again=2') || ' then '
          || say('A', 'roc', 'withdraw session=BIG student=33'),
          'OK state=seated then OK state=withdrawn then OK state=seated again=2 then OK state=withdrawn repeated=yes',
          'what a predecessor ended is told as it ended');

-- One predecessor is enough for doubt: the college's own has ended, the other's lives, and they may be two students.
insert into institution (code, name, kind, country, until, successor, log) values ('OLD3', 'O', 'college', 'NL', '2026-08-01', 'B', 0);
insert into access (party, role, fingerprint, granted, log) values ('OLD3', 'roc', tests.fingerprint('OLD3', 'roc'), 0, 0);
select is(say('B', 'roc', 'register session=BIG student=40 name=n born=2009') || ' then '
          || say('B', 'roc', 'withdraw session=BIG student=40'), 'OK state=seated then OK state=withdrawn', 'its own has ended');
select is(say('OLD3', 'roc', 'register session=BIG student=40 name=n born=2009'), 'OK state=seated', 'a predecessor''s lives');
select is(say('B', 'roc', 'register session=BIG student=40 name=n born=2009'), 'NO taken field=student',
          'register says that it is in doubt');
select is(say('B', 'roc', 'withdraw session=BIG student=40'), 'NO taken field=student', 'as withdraw does');

-- Who sees what.
select is(say('A', 'roc', 'registrations session=BIG student=10'),
          '= session=BIG student=10 institution=A name=n born=2009 eckid=e1 state=seated log=' || pg_temp.log_of('BIG', '10'), 'its own, whole');
select is(say('B', 'roc', 'registrations session=S institution=A'), '= session=S student=4 institution=A',
          'at the host: who has a seat');
select is(say('B', 'roc', 'registrations session=BIG institution=A'), null, 'of others nothing');
select is(say('E', 'exams', 'registrations session=BIG student=10'),
          '= session=BIG student=10 institution=A name=n born=2009 state=seated log=' || pg_temp.log_of('BIG', '10'),
          'the office: with names');
select is(say('N', 'nuffic', 'registrations session=BIG student=10'), null,
          'who may not see numbers cannot ask for one');
select is(say('O', 'ocw', 'registrations'), null, 'the ministry: nothing');
select is((select string_agg(answer, E'\n' order by log) from tests.call('N', 'nuffic',
          array['registrations limit=1']) page where answer like '%student=%' or answer like '%name=%'),
          null, 'Nuffic: without personal data');
select is(say('A', 'roc', 'withdraw session=BIG student=10 reason=ziek'), 'OK state=withdrawn', 'one leaves, and why');
select ok(say('A', 'roc', 'registrations session=BIG student=10') like '% state=withdrawn reason=ziek log=%'
          and say('E', 'exams', 'registrations session=BIG student=10') like '% state=withdrawn log=%',
          'is for its college to read');
select is((with recursive page (number, after, count) as (
               select 0, '0', 0::bigint
               union all
               select number + 1, next.after, next.count
               from page, lateral (select max(called.after::bigint)::text as after, count(*) as count
                                   from tests.call('A', 'roc',
                                   array['registrations limit=3 after=' || page.after]) called) next
               where page.after is not null and number < 50)
           select sum(count) from page)::bigint,
          (select count(*) from tests.call('A', 'roc', array['registrations'])), 'pages are the whole, once');
select * from finish();
rollback;
