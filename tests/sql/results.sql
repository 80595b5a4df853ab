-- Attendance, scores and certificates: what each line answers, what follows from them in any order, who sees what.
begin;
select plan(65);
update demo set ahead = '2027-06-20T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', 'drenthe', 0),
       ('E', 'E', 'exam-office', 'NL', null, 0), ('F', 'F', 'exam-office', 'NL', null, 0);
insert into exam values ('X', 'E', 'de', 'B1', true, '1', null, 110, 0), ('C', 'E', 'de', 'B1', true, '1', true, null, 0),
       ('A1', 'E', 'de', 'A1', false, '1', null, null, 0), ('NONE', 'E', 'de', 'B1', true, '1', null, null, 0);
insert into exam_part values ('X', 'lesen', 100, 50, 0), ('X', 'sprechen', 100, 50, 0), ('C', 'l', 100, 60, 0),
       ('C', 's', 100, 60, 0), ('A1', 'all', 10, 5, 0);
insert into session (session, exam, date, opens, closes, seats, place, host, state, log)
values ('S', 'X', '2027-05-14', null, '2027-05-14', 2, 'x', 'B', 'scheduled', 0),
       ('LATER', 'X', '2027-07-14', null, '2027-07-14', 9, 'x', 'B', 'scheduled', 0),
       ('C1', 'C', '2027-05-14', null, '2027-05-14', 9, 'x', 'B', 'scheduled', 0),
       ('C2', 'C', '2027-06-14', null, '2027-06-14', 9, 'x', 'B', 'scheduled', 0),
       ('Z', 'A1', '2027-05-14', null, '2027-05-14', 9, 'x', 'B', 'scheduled', 0),
       ('N', 'NONE', '2027-05-14', null, '2027-05-14', 9, 'x', 'B', 'scheduled', 0);
create function pg_temp.on_day(day timestamptz) returns void language sql as $$
    update demo set ahead = day - statement_timestamp()
$$;
create function pg_temp.sums() returns text language sql as $$
    select concat_ws(' ', sum(registered), sum(seated), sum(sat), sum(passed), sum(certified)) from cell
$$;
select pg_temp.on_day('2027-05-01T12:00:00Z');
select say('A', 'roc', 'register session=S student=1 name=n born=2009', 'register session=S student=2 name=n born=2009',
           'register session=S student=3 name=n born=2009', 'register session=LATER student=1 name=n born=2009',
           'register session=Z student=9 name=n born=2009', 'register session=N student=8 name=n born=2009',
           'register session=C1 student=5 name=n born=2009', 'register session=C2 student=5 name=n born=2009');
select say('B', 'roc', 'register session=C1 student=6 name=n born=2009 eckid=e1', 'register session=C1 student=66 name=n born=2009',
           'register session=C2 student=67 name=n born=2009');
select say('B', 'roc', 'withdraw session=C1 student=66');
select is(say('E', 'exams', 'attend session=S student=1 college=A part=lesen status=present'), 'NO range field=session',
          'nobody is there before the day');
select pg_temp.on_day('2027-06-20T12:00:00Z');

-- Who may, and of whom.
select is(say('E', 'exams', 'attend session=Q student=1 college=A part=lesen status=present',
              'attend session=S student=1 part=lesen status=present',
              'attend session=S student=1 college=Q part=lesen status=present',
              'attend session=S student=7 college=A part=lesen status=present',
              'attend session=S student=1 college=A part=hören status=present',
              'attend session=S student=3 college=A part=lesen status=present',
              'attend session=S student=1 college=A part=lesen status=present again=2',
              'attend session=LATER student=1 college=A part=lesen status=present'),
          E'NO not-found field=session\nNO not-found field=college\nNO not-found field=college\nNO not-found field=student\n'
          'NO not-found field=part\nNO waiting field=student\nNO again field=again\nNO range field=session', 'of whom');
select is(say('F', 'exams', 'attend session=S student=1 college=A part=lesen status=present'), 'NO not-yours field=session',
          'another office may not');
select is(say('A', 'roc', 'attend session=S student=1 part=lesen status=present'), 'NO not-yours field=session',
          'nor a college that only sends candidates');
select is(say('F', 'exams', 'score session=S student=1 college=A part=lesen points=1'), 'NO not-yours field=session',
          'nor score');
select is(say('F', 'exams', 'certify session=S student=1 college=A number=1 issued=2027-06-01'), 'NO not-yours field=session',
          'nor certify');
select is(say('E', 'exams', 'score session=S student=1 college=A part=q points=1'), 'NO not-found field=part', 'no such part');

-- Attendance: the host may tell it; what was said of it can be put right, and ends corrections of the registration.
select is(say('B', 'roc', 'attend session=S student=1 college=A part=lesen status=not-present'), 'OK state=seated',
          'the host tells who was not there');
select is(say('B', 'roc', 'attend session=S student=1 college=A part=lesen status=not-present'), 'OK state=seated repeated=yes',
          'once');
select is(pg_temp.sums(), '8 7 0 0 0', 'who was not there has not sat it');
select is(say('A', 'roc', 'withdraw session=S student=1'), 'NO attended', 'the registration cannot end any more');
select is(say('A', 'roc', 'register session=S student=1 name=m born=2009'), 'NO attended', 'nor be corrected');
select is(say('E', 'exams', 'score session=S student=1 college=A part=lesen points=10'), 'NO range field=part',
          'no points for who was not there');
select is(say('E', 'exams', 'attend session=S student=1 college=A part=lesen status=present irregularity=late seen=0'),
          (select 'NO changed last=' || log from registration where session = 'S' and college = 'A'
           and student_hash = substr(tests.sealed('student', '1'), 1, 32)), 'seen');
select is(say('E', 'exams', 'attend session=S student=1 college=A part=lesen status=not-finished'), 'OK state=seated amended=yes',
          'it began');
select is(pg_temp.sums(), '8 7 0 0 0', 'which is not yet to have sat it');
select is(say('E', 'exams', 'attend session=S student=1 college=A part=lesen status=present irregularity=late',
              'attend session=S student=1 college=A part=lesen status=present irregularity=late',
              'attend session=S student=1 college=A part=lesen status=present',
              'attend session=S student=1 college=A part=lesen status=present irregularity=-'),
          E'OK state=seated amended=yes\nOK state=seated repeated=yes\nOK state=seated repeated=yes\n'
          'OK state=seated amended=yes', 'present');
select is(pg_temp.sums(), '8 7 1 0 0', 'that has');

-- Scores: the outcome follows when all parts are in; what is settled changes by revise alone.
select is(say('E', 'exams', 'score session=S student=1 college=A part=lesen points=100.5',
              'score session=S student=1 college=A part=lesen points=55',
              'score session=S student=1 college=A part=lesen points=55',
              'score session=S student=1 college=A part=lesen points=50.5',
              'score session=S student=1 college=A part=sprechen points=59 final=yes'),
          E'NO range field=points\nOK state=seated\nOK state=seated repeated=yes\nOK state=seated amended=yes\n'
          'OK state=seated outcome=failed', 'points');
select is(say('E', 'exams', 'attend session=S student=1 college=A part=lesen status=not-present'), 'NO range field=status',
          'who has points was there');
select is(say('E', 'exams', 'score session=S student=1 college=A part=sprechen points=60',
              'score session=S student=1 college=A part=sprechen points=59 final=no',
              'score session=S student=1 college=A part=sprechen points=59',
              'score session=S student=1 college=A part=sprechen points=60 revise=yes'),
          E'NO final field=points\nNO final field=final\nOK state=seated outcome=failed repeated=yes\n'
          'OK state=seated outcome=passed amended=yes', 'what is settled');
select results_eq($$select trim_scale(points) from score_revised$$, array[59::numeric], 'the old points are kept');
select is(pg_temp.sums(), '8 7 1 0 0', 'passed, but not for good');
select is(say('E', 'exams', 'certify session=S student=1 college=A number=N1 issued=2027-06-01'), 'NO not-passed',
          'so without a certificate');
select is(say('E', 'exams', 'score session=S student=1 college=A part=lesen points=50.5 final=yes'),
          'OK state=seated outcome=passed amended=yes', 'settled');
select is(pg_temp.sums(), '8 7 1 1 0', 'passed');

-- The result before the attendance comes to the same.
select is(say('E', 'exams', 'score session=S student=2 college=A part=lesen points=49 final=yes',
              'score session=S student=2 college=A part=sprechen points=100 final=yes'),
          E'OK state=seated\nOK state=seated outcome=failed', 'a part that is not passed');
select is(say('B', 'roc', 'attend session=S student=2 college=A part=lesen status=present',
              'attend session=S student=2 college=A part=sprechen status=present'),
          E'OK state=seated\nOK state=seated', 'attendance may come behind the result');
select is(pg_temp.sums(), '8 7 2 1 0', 'who failed has sat');
select is(say('E', 'exams', 'certify session=S student=2 college=A number=N2 issued=2027-06-01'), 'NO not-passed', 'no more');

-- Certificates.
select is(say('E', 'exams', 'certify session=S student=1 college=A number=N1 issued=2027-05-13',
              'certify session=S student=1 college=A number=N1 issued=2027-06-21',
              'certify session=S student=1 college=A number=N1 issued=2027-06-20',
              'certify session=S student=1 college=A number=N1 issued=2027-06-20'),
          E'NO range field=issued\nNO range field=issued\nOK state=seated\nOK state=seated repeated=yes', 'certified');
select is(pg_temp.sums(), '8 7 2 1 1', 'counted');
select is(regexp_replace(say('E', 'exams', 'certify session=S student=1 college=A number=N3 issued=2027-06-20',
                            'certify session=S student=1 college=A number=N3 issued=2027-06-19 seen=0'), '\d+$', 'N'),
          E'OK state=seated amended=yes\nNO changed last=N', 'a new number, and seen');
select is(say('E', 'exams', 'score session=Z student=9 college=A part=all points=9 final=yes'), 'OK state=seated outcome=passed',
          'A1 can be passed');
select is(say('E', 'exams', 'certify session=Z student=9 college=A number=N9 issued=2027-06-20'), 'NO range field=session',
          'and gives no certificate');
select is(say('E', 'exams', 'certify session=N student=8 college=A number=N8 issued=2027-06-20'), 'NO not-passed',
          'an exam without parts is passed by nobody');

-- Attempts that combine: the best points up to each, in the order of the exams; merged persons too.
select is(say('E', 'exams', 'score session=C2 student=5 college=A part=s points=70 final=yes'), 'OK state=seated',
          'the later attempt first');
select is(say('E', 'exams', 'score session=C1 student=5 college=A part=l points=60 final=yes'), 'OK state=seated',
          'the earlier one does not take from it');
select results_eq($$select session, reached::integer from registration where session in ('C1', 'C2') and college = 'A' order by 1$$,
                  $$values ('C1', 3), ('C2', 4)$$, 'but the later one is passed by it');
select is(say('E', 'exams', 'certify session=C2 student=5 college=A number=N1 issued=2027-06-20'), 'NO taken field=number',
          'a number that was given is not given again');
select is(say('E', 'exams', 'certify session=C2 student=5 college=A number=N5 issued=2027-06-20'), 'OK state=seated', 'another is');
select is(say('E', 'exams', 'score session=C1 student=5 college=A part=l points=40 revise=yes'), 'OK state=seated amended=yes',
          'the earlier result is taken back');
select is((select reached from registration where session = 'C2' and college = 'A'), 5::smallint, 'a number that was given stands');
select say('E', 'exams', 'score session=C1 student=6 college=B part=l points=80 final=yes');
select is(say('E', 'exams', 'score session=C2 student=67 college=B part=s points=80 final=yes'), 'OK state=seated', 'a stranger');
select is(say('B', 'roc', 'register session=LATER student=67 name=n born=2009 eckid=e1'), 'OK state=seated',
          'turns out to be the same person');
select is((select reached from registration where session = 'C2' and college = 'B'), 4::smallint, 'and has passed');

-- The number of a row of scores is what `seen` asks for: it moves with the outcome, whatever that changed by.
create function pg_temp.number_of(line text) returns text language sql as $$
    select string_agg(distinct tests.value_of(answer, 'log'), ' ') from tests.call('E', 'exams', array[line])
$$;
select is(pg_temp.number_of('scores session=S student=2'), (select log::text from registration where session = 'S' and college = 'A'
          and student_hash = substr(tests.sealed('student', '2'), 1, 32)), 'one number for all parts: the registration''s');
select is(say('E', 'exams', 'score session=S student=2 college=A part=sprechen points=99 revise=yes seen='
                            || pg_temp.number_of('scores session=S student=2')), 'OK state=seated outcome=failed amended=yes', 'it has been seen');
select say('E', 'exams', 'score session=C1 student=5 college=A part=l points=60 final=no revise=yes');
create temp table seen as select pg_temp.number_of('scores session=C2 student=5') as log;
select is(say('E', 'exams', 'score session=C1 student=5 college=A part=l points=50'), 'OK state=seated amended=yes',
          'an earlier attempt that comes to less');
select is(regexp_replace(say('E', 'exams', 'score session=C2 student=5 college=A part=s points=71 revise=yes seen=' || (select log from seen)),
                         '\d+$', ''), 'NO changed last=', 'changes the outcome of the later one');

-- Attempts go by their days, also when a day turns out to have been another.
select is(say('E', 'exams', 'schedule session=C2 exam=C date=2027-06-21 seats=9 place=x host=B',
              'schedule session=C2 exam=C date=2027-05-13 closes=2027-05-13 seats=9 place=x host=B'),
          E'NO attended field=date\nOK state=scheduled seats=9 free=7 waiting=0 amended=yes', 'what was attended is not ahead');
select results_eq($$select session, reached::integer from registration where session in ('C1', 'C2') and college = 'B'
                    and state = 'seated' order by 1$$, $$values ('C1', 4), ('C2', 3)$$, 'the other attempt is the later one now');

-- Rules that were passed by stay.
select is(say('E', 'exams', 'exam exam=X issuer=E language=de level=B1 certificate=yes edition=1 total=120',
              'exam exam=X issuer=E language=de level=B1 certificate=yes edition=1 combine=yes',
              'exam exam=X issuer=E language=de level=B1 certificate=yes edition=2',
              'exam exam=X issuer=E language=de level=B1 certificate=yes edition=1 notice=20'),
          E'NO range field=total\nNO range field=combine\nNO range field=edition\nOK amended=yes', 'of the exam');
select is(say('E', 'exams', 'exam-part exam=X part=lesen max=100 pass=40', 'exam-part exam=X part=lesen max=90 pass=50',
              'exam-part exam=X part=neu max=90 pass=50', 'exam-part exam=X part=lesen max=100 pass=50'),
          E'NO range field=pass\nNO range field=max\nNO range field=part\nOK repeated=yes', 'of its parts');

-- Ended attempts.
select is(say('E', 'exams', 'attend session=C1 student=66 college=B part=l status=present',
              'attend session=C1 student=66 college=B part=l status=present again=2'),
          E'NO ended again=2\nNO again field=again', 'one that has ended is not attended');

-- Who sees what.
select is(regexp_replace(say('A', 'roc', 'scores session=S'), 'log=\d+', 'log=N', 'g'),
          E'= session=S student=1 institution=A part=lesen status=present points=50.5 final=yes outcome=passed number=N3 issued=2027-06-20 log=N\n'
          '= session=S student=1 institution=A part=sprechen points=60 final=yes outcome=passed number=N3 issued=2027-06-20 log=N\n'
          '= session=S student=2 institution=A part=lesen status=present points=49 final=yes outcome=failed log=N\n'
          '= session=S student=2 institution=A part=sprechen status=present points=99 final=yes outcome=failed log=N', 'the college');
select is(say('B', 'roc', 'scores session=S'), null, 'not the host');
select is(say('F', 'exams', 'scores'), null, 'nor another office');
select is(say('OCW', 'ocw', 'scores'), null, 'nor the ministry');
select is((select count(*) from tests.call('E', 'exams', array['scores'])), 9::bigint, 'the office sees those of its exams');
select is((select count(*) from tests.call('NUFFIC', 'nuffic', array['scores']) where answer like '%student%'), 0::bigint,
          'Nuffic no students');
select is(say('NUFFIC', 'nuffic', 'scores student=1'), null, 'nor may it ask for one');
select is(say('A', 'roc', 'scores after=x'), 'NO range field=after', 'a token that is none');
select results_eq($$with recursive page as (
        (select 1 as n, answer, after from tests.call('E', 'exams', array['scores limit=1']))
        union all
        select n + 1, next.answer, next.after from page, lateral tests.call('E', 'exams', array['scores limit=1 after=' || page.after]) next)
    select answer from page order by n$$, $$select answer from tests.call('E', 'exams', array['scores']) order by ord$$, 'in pages');
select is((select count(*) from reconcile()), 0::bigint, 'all adds up');
select * from finish();
rollback;
