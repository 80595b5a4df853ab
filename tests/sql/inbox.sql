-- The inbox: who is told what of what others did, what the calendar brings, and that it is gone once it is read.
begin;
select plan(72);
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', null, 0), ('C', 'C', 'college', 'NL', null, 0),
       ('H', 'H', 'college', 'NL', null, 0), ('E', 'E', 'exam-office', 'NL', null, 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', true, null, 0), ('Y', 'E', 'fr', 'A2', true, '1', null, null, 0);
insert into exam_part values ('X', 'p', 100, 60, 0), ('X', 'q', 100, 60, 0);

-- What is told of since the last time this was asked: party, then its row without time and number.
create temp table seen_upto (log bigint);
insert into seen_upto values (0);
create function pg_temp.told() returns text language plpgsql as $$
declare
    text_ text;
begin
    select string_agg(concat_ws(' ', i.party, i.role, i.notice, i.session, i.elective, i.exam, tests.opened(s.student),
                                'again' || nullif(r.again, 1), i.date, 'until ' || i.until, i.outcome,
                                case when i.final then 'final' end, i.number, encode(i.certificate, 'hex')), ', '
                      order by i.log, i.role, i.party, i.place)
    into text_
    from registry.inbox i
    left join registration r on r.entered = i.entered
    left join student s on s.college = r.college and s.student_hash = r.student_hash
    where i.log > (select max(log) from seen_upto);
    insert into seen_upto select log from log_head;
    return text_;
end
$$;

-- seats
select say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Assen host=H',
                         'schedule session=T exam=X date=2027-05-20 seats=9 place=Assen host=H');
select say('A', 'roc', 'register session=S student=1 name=n born=2009', 'register session=S student=2 name=n born=2009');
select say('B', 'roc', 'register session=S student=3 name=n born=2009', 'register session=S student=4 name=n born=2009');
select say('A', 'roc', 'register session=S student=5 name=n born=2009');
select is(pg_temp.told(), null, 'who comes in is told nothing: its answer says all');
select say('A', 'roc', 'withdraw session=S student=1');
select is(pg_temp.told(), 'B roc seat-offered S 3', 'who was promoted is told to its college alone');
select say('A', 'roc', 'withdraw session=S student=1', 'withdraw session=S student=9');
select is(pg_temp.told(), null, 'no repeat or refusal tells anything');
select say('B', 'roc', 'move session=S student=3 to=T');
select is(pg_temp.told(), 'B roc seat-offered S 4', 'also to the college that freed the seat itself: no answer says it');
select say('H', 'roc', 'reseat session=S seats=3');
select is(pg_temp.told(), 'A roc seat-offered S 5', 'by more seats');
select say('A', 'roc', 'register session=S student=6 name=n born=2009', 'register session=S student=7 name=n born=2009');
select say('H', 'roc', 'reseat session=S seats=9');
select is(pg_temp.told(), 'A roc seat-offered S 6, A roc seat-offered S 7', 'each, in the order of the queue');

-- sessions
select say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=9 place=Assen host=H opens=2027-02-01');
select is(pg_temp.told(), null, 'a session that stays where it is tells nothing');
select say('E', 'exams', 'schedule session=S exam=X date=2027-05-15 seats=9 place=Assen host=H');
select is(pg_temp.told(), 'A roc session-moved S 2027-05-15, B roc session-moved S 2027-05-15, H roc session-moved S 2027-05-15',
          'a new day is told to those who have students there and to the host');
select say('H', 'roc', 'schedule session=S exam=X date=2027-05-15 seats=9 place=Emmen host=H');
select is(pg_temp.told(), 'E exams session-moved S 2027-05-15, A roc session-moved S 2027-05-15, B roc session-moved S 2027-05-15',
          'a new place of the host''s also to the exam office, and not to the host');
select say('A', 'roc', 'withdraw session=S student=2');
select say('H', 'roc', 'register session=S student=8 name=n born=2009');
select say('H', 'roc', 'cancel session=S reason=ill');
select is(pg_temp.told(),
          'E exams session-cancelled S, A roc session-cancelled S, A roc seat-lost S 5, A roc seat-lost S 6, '
          'A roc seat-lost S 7, B roc session-cancelled S, B roc seat-lost S 4',
          'cancelled: once a college, then each registration, to all but who did it');
select say('H', 'roc', 'cancel session=S reason=ill');
select is(pg_temp.told(), null, 'once');
select say('E', 'exams', 'schedule session=U exam=X date=2027-05-20 seats=9 place=Assen host=H');
select say('E', 'exams', 'cancel session=U reason=ill');
select is(pg_temp.told(), 'H roc session-cancelled U', 'the host of a session without students');

-- results
update demo set ahead = '2027-05-20T12:00:00Z' - statement_timestamp();
select pg_temp.told();
select say('E', 'exams', 'attend session=T student=3 college=B part=p status=present');
select say('E', 'exams', 'score session=T student=3 college=B part=p points=70');
select is(pg_temp.told(), null, 'a part is no result');
select say('E', 'exams', 'score session=T student=3 college=B part=q points=50');
select is(pg_temp.told(), 'B roc result-in T 3 failed', 'all parts are in');
select say('E', 'exams', 'score session=T student=3 college=B part=q points=55');
select is(pg_temp.told(), null, 'not when it stays what it was');
select say('E', 'exams', 'score session=T student=3 college=B part=p points=70 final=yes');
select is(pg_temp.told(), null, 'nor when one of two parts is settled');
select say('E', 'exams', 'score session=T student=3 college=B part=q points=55 final=yes');
select is(pg_temp.told(), 'B roc result-in T 3 failed final', 'when it is settled');
select say('E', 'exams', 'score session=T student=3 college=B part=q points=60 revise=yes');
select is(pg_temp.told(), 'B roc result-in T 3 passed final', 'and when that is revised');
select say('E', 'exams', 'certify session=T student=3 college=B number=N1 issued=2027-05-20');
select is(pg_temp.told(), 'B roc certificate-in T 3 2027-05-20 N1', 'a certificate');
select say('E', 'exams', 'certify session=T student=3 college=B number=N1 issued=2027-05-20');
select is(pg_temp.told(), null, 'once');
select say('E', 'exams', 'certify session=T student=3 college=B number=N2 issued=2027-05-20');
select is(pg_temp.told(), 'B roc certificate-in T 3 2027-05-20 N2', 'and another number');

-- nothing of what does not stay
savepoint before;
select say('E', 'exams', 'score session=T student=3 college=B part=q points=10 revise=yes');
rollback to before;
select is(pg_temp.told(), null, 'what is undone tells nothing');

-- reading
select is(say('C', 'roc', 'inbox'), null, 'who has nothing reads nothing');
select is(say('B', 'exams', 'inbox'), null, 'nor does another role of the party');
select is((select string_agg(regexp_replace(answer, '^= log=[0-9]+ time=2027-\S+ ', ''), E'\n' order by ord)
           from tests.call('B', 'roc', array['inbox limit=3'])),
          E'notice=seat-offered party=B session=S student=3\nnotice=seat-offered party=B session=S student=4\n'
          'notice=session-moved party=B session=S date=2027-05-15', 'in the order in which it was told');
select is((select array_agg(regexp_replace(answer, '^.*(notice=\S+) .*$', '\1') order by ord)
           from tests.call('B', 'roc', array['inbox after=' || (select (array_agg(after))[5]
                                                                  from tests.call('B', 'roc', array['inbox']))])),
          array['notice=seat-lost', 'notice=result-in', 'notice=result-in', 'notice=result-in', 'notice=certificate-in',
                'notice=certificate-in'], 'the next page goes on within what one write told');
select is(say('B', 'roc', 'inbox after=x'), 'NO range field=after', 'a token that is none');
select is((select count(*) from tests.call('A', 'roc', array['inbox']) where answer like '%party=A%'), 9::bigint,
          'each its own alone');

-- who acts for another
select say('ADMIN', 'admin', 'institution-end code=B until=2027-04-30 successor=C');
select is((select count(*) from tests.call('C', 'roc', array['inbox']) where answer like '%party=B%'), 11::bigint,
          'a successor reads what its predecessor was told');

-- ack
select is(say('C', 'roc', 'ack upto=99999'), 'NO range field=upto', 'a number that is not there yet');
select is(say('C', 'roc', 'ack upto=0'), 'OK repeated=yes', 'nothing is told that early');
select is(say('A', 'roc', 'ack upto=' || (select max(log) from inbox where party = 'A') || ' seen='
              || (select max(log) - 1 from inbox where party = 'A')),
          'NO changed last=' || (select max(log) from inbox where party = 'A'), 'something was told since');
select is(say('A', 'roc', 'ack upto=' || (select min(log) from inbox where party = 'A')), 'OK', 'the first');
select is((select count(*) from inbox where party = 'A'), 8::bigint, 'is gone');
select is(say('A', 'roc', 'ack upto=' || (select min(log) - 1 from inbox where party = 'A') || ' seen=0'), 'OK repeated=yes',
          'a repeat is one whatever was told since');
select is(say('C', 'roc', 'ack upto=' || (select log from log_head) || ' seen=' || (select log from log_head)), 'OK',
          'all, by who acts for the code');
select is((select string_agg(distinct party, ',' order by party) from inbox), 'A,E,H', 'and nobody else''s');
select is(say('E', 'exams', 'ack upto=' || (select log from log_head)), 'OK', 'the exam office');
select is(say('N', 'nuffic', 'ack upto=1'), 'OK repeated=yes', 'every role has one');

-- deadlines, each once
create function pg_temp.chore(chore text) returns text language plpgsql as $$
begin
    if not chore_due(chore) then
        return 'not due';
    end if;
    perform chores();
    return coalesce(pg_temp.told(), 'nothing');
end
$$;
update demo set ahead = '2028-01-10T12:00:00Z' - statement_timestamp();
select say('ADMIN', 'admin', 'institution code=D name=D kind=college country=NL', 'institution code=F name=F kind=college country=NL');
select say('ADMIN', 'admin', 'elective code=K1 title=K language=de receptive=B1 productive=A2',
                             'elective code=K2 title=K language=fr receptive=B1 productive=A2');
select say('A', 'roc', 'offer elective=K1 schoolyear=2027'), say('D', 'roc', 'offer elective=K1 schoolyear=2027'),
       say('C', 'roc', 'offer elective=K1 schoolyear=2026'), say('F', 'roc', 'offer elective=K2 schoolyear=2027');
select say('E', 'exams', 'schedule session=V exam=X date=2028-05-20 closes=2028-04-20 seats=3 place=Assen host=H',
                         'schedule session=W exam=X date=2028-05-20 closes=2028-04-21 seats=3 place=Assen host=H');
select say('A', 'roc', 'register session=V student=9 name=n born=2009');
select pg_temp.told();
update demo set ahead = '2028-04-12T12:00:00Z' - statement_timestamp();
select is(pg_temp.chore('remind'), 'not due', 'eight days before is not near');
update demo set ahead = '2028-04-13T12:00:00Z' - statement_timestamp();
select is(pg_temp.chore('remind'), 'A roc deadline-near V until 2028-04-20, D roc deadline-near V until 2028-04-20, '
                                   'H roc deadline-near V until 2028-04-20',
          'who has students there, who offers the language and has nobody, and the host; not who offered last year, or French');
select is(pg_temp.chore('remind'), 'not due', 'once');
update demo set ahead = '2028-04-14T12:00:00Z' - statement_timestamp();
select is(pg_temp.chore('remind'), 'D roc deadline-near W until 2028-04-21, H roc deadline-near W until 2028-04-21',
          'who has students at one session is not told of another');
select say('E', 'exams', 'schedule session=V exam=X date=2028-05-20 closes=2028-04-19 seats=3 place=Assen host=H');
select is(pg_temp.chore('remind'), 'A roc deadline-near V until 2028-04-19, D roc deadline-near V until 2028-04-19, '
                                   'H roc deadline-near V until 2028-04-19', 'a deadline that was moved is another');
select say('E', 'exams', 'schedule session=W exam=X date=2028-05-20 closes=2028-04-18 seats=3 place=Assen host=H');
select say('D', 'roc', 'register session=W student=9 name=n born=2009');
select say('E', 'exams', 'reseat session=W seats=1');
select is(pg_temp.chore('remind'), 'D roc deadline-near W until 2028-04-18, H roc deadline-near W until 2028-04-18',
          'who has students there, also where no seat is free');
select say('E', 'exams', 'schedule session=Z exam=X date=2028-05-20 closes=2028-04-13 seats=3 place=Assen host=H');
select is(pg_temp.chore('remind'), 'not due', 'a day that is over is not near');
select say('ADMIN', 'admin', 'elective code=K1 title=K language=de receptive=B1 productive=A2 enrol-until=2028-04-14');
select is(pg_temp.chore('remind'), 'A roc deadline-near K1 until 2028-04-14, C roc deadline-near K1 until 2028-04-14, '
                                   'D roc deadline-near K1 until 2028-04-14', 'an elective, to who offers it or did last year');
select say('ADMIN', 'admin', 'elective code=K3 title=K language=de receptive=B1 productive=A2 enrol-until=2028-04-15');
select is(pg_temp.chore('remind') || ' ' || (select verb from audit order by log desc limit 1), 'nothing elective',
          'that nobody offers one is noted without a number');
select is(pg_temp.chore('remind'), 'not due', 'and is done');
select say('E', 'exams', 'exam exam=Y issuer=E language=fr level=A2 certificate=yes edition=1 wishes=09-12:04-20');
select is(pg_temp.chore('remind'), 'F roc deadline-near Y until 2028-04-19', 'a window for wishes, to who offers the language');
select say('E', 'exams', 'schedule session=Q exam=X date=2028-05-20 closes=2028-04-20 seats=3 place=Assen host=H');
select say('E', 'exams', 'cancel session=Q reason=ill');
select is(pg_temp.chore('remind'), 'not due', 'a cancelled session has no deadline');

-- certificates: days as they are, not a demo's
create function pg_temp.ends(print bytea, days integer) returns void language sql as $$
    update registry.certificate_end set until = statement_timestamp() + days * interval '1 day' + interval '1 hour'
    where fingerprint = print
$$;
create function pg_temp.admitted(print bytea, days integer) returns text language sql as $$
    select coalesce(code, party || ' ' || role)
    from admit(print, extract(epoch from statement_timestamp() + days * interval '1 day')::bigint)
$$;
select tests.admitted('OCW', 'ocw'), pg_temp.told();
select is(pg_temp.admitted(tests.fingerprint('OCW', 'ocw'), 31), 'OCW ocw', 'who is admitted');
select is((select row(party, role, until > statement_timestamp() + interval '30 days',
                      used = (statement_timestamp() at time zone 'Europe/Amsterdam')::date)::text from certificate_end),
          '(OCW,ocw,t,t)', 'has its end noted');
select is(pg_temp.chore('remind'), 'not due', '31 days are enough');
select pg_temp.ends(tests.fingerprint('OCW', 'ocw'), 29);
select is(pg_temp.chore('remind'),
          (select 'OCW ocw certificate-expiring until ' || (until at time zone 'Europe/Amsterdam')::date || ' '
                  || encode(fingerprint, 'hex') from certificate_end), '30 are told');
select is(pg_temp.chore('remind'), 'not due', 'once');
select is(say('OCW', 'ocw', 'inbox') ~ (' notice=certificate-expiring party=OCW until=\S+ certificate='
          || encode(tests.fingerprint('OCW', 'ocw'), 'hex') || '$'), true, 'in its inbox');
select pg_temp.ends(tests.fingerprint('OCW', 'ocw'), 6);
select is(pg_temp.chore('remind') like 'OCW ocw certificate-expiring%', true, 'and 7');
select is(pg_temp.chore('remind'), 'not due', 'once, too');
update certificate_end set told = null;
insert into access (party, role, fingerprint, granted, log) values ('OCW', 'ocw', sha256('new'), 0, 0);
select pg_temp.admitted(sha256('new'), 300);
select is(chore_due('remind'), true, 'with a second certificate the first may go on');
update certificate_end set used = used - 1 where fingerprint <> sha256('new');
select is(chore_due('remind'), false, 'but not when it has been replaced');
update certificate_end set used = used + 1 where fingerprint <> sha256('new');
savepoint live;
select say('ADMIN', 'admin', 'revoke fingerprint=' || encode(sha256('new'), 'hex'));
update certificate_end set used = used - 1 where fingerprint <> sha256('new');
select chore_due('remind') as due \gset
rollback to live;
select is(:'due'::text, 't', 'by one that was revoked it was not');
select say('ADMIN', 'admin', 'revoke fingerprint=' || encode(tests.fingerprint('OCW', 'ocw'), 'hex'));
select is(chore_due('remind'), false, 'a revoked one is not told');
select is(pg_temp.admitted(tests.fingerprint('OCW', 'ocw'), 3), 'revoked', 'nor noted');
select is(pg_temp.admitted(sha256('unknown'), 3), 'not-granted', 'as a stranger''s is not');
select is((select count(*) from certificate_end), 2::bigint, 'nothing is known of it');
savepoint writable;
set transaction_read_only = on;
select pg_temp.admitted(sha256('new'), 3) as admitted \gset
rollback to writable;
select is(:'admitted'::text, 'OCW ocw', 'a server that takes no writes admits, too');

-- what nobody reads
select pg_temp.told();
update demo set ahead = '2029-04-13T12:00:00Z' - statement_timestamp();
select is(chore_due('forget'), false, 'is kept for a year');
update demo set ahead = '2029-04-14T12:00:00Z' - statement_timestamp();
select pg_temp.chore('forget');
select is((select verb || ' ' || fields from audit order by log desc limit 1), 'forget notices=3', 'then it goes, a day at a time');
select is((select min(a.time)::date from inbox join audit a using (log)), '2028-04-14'::date, 'and no sooner');

select is_empty('select * from reconcile()', 'all sums and seats are right');
select is_empty('select * from reconcile_log()', 'and the log');
select * from finish();
rollback;
