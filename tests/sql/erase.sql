-- What erase, dossier and the lists answer of a student whose data goes; what stays, and what does not come back.
begin;
select plan(57);
create function pg_temp.on_day(day timestamptz) returns void language sql as $$
    update demo set ahead = day - statement_timestamp()
$$;
insert into institution (code, name, kind, country, province, numbers, until, successor, log)
values ('A', 'A', 'college', 'NL', 'drenthe', null, null, null, 0), ('B', 'B', 'college', 'NL', null, 'nine', null, null, 0),
       ('E', 'E', 'exam-office', 'NL', null, null, null, null, 0), ('OLD', 'O', 'college', 'NL', null, null, '2026-08-01', 'A', 0),
       ('OLD2', 'O', 'college', 'NL', null, null, '2026-08-01', 'A', 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', true, null, 0);
insert into exam_part values ('X', 'l', 100, 50, 0), ('X', 's', 100, 50, 0);
insert into session (session, exam, date, opens, closes, seats, place, host, state, log)
values ('S', 'X', '2027-05-14', null, null, 9, 'x', 'B', 'scheduled', 0),
       ('T', 'X', '2027-06-15', null, null, 9, 'x', 'B', 'scheduled', 0),
       ('U', 'X', '2027-12-15', null, null, 9, 'x', 'B', 'scheduled', 0);

create function pg_temp.hash(student_ text) returns bytea language sql as $$
    select substr(tests.sealed('student', student_), 1, 32)
$$;
create function pg_temp.person(college_ text, student_ text) returns bigint language sql as $$
    select person from student where college = college_ and student_hash = pg_temp.hash(student_)
$$;
-- All that is counted.
create function pg_temp.sums() returns text language sql as $$
    select concat_ws(' / ', (select string_agg(cell::text, ' ' order by cell) from cell),
                     (select string_agg(tally::text, ' ' order by tally::text) from tally))
$$;
-- In which tables a text stands, in whatever column and as whatever bytes.
create function pg_temp.where_stands(word text) returns text language plpgsql as $$
declare
    table_ text;
    found_ boolean;
    places text[] := '{}';
begin
    for table_ in select tablename from pg_tables where schemaname = 'registry' order by 1 loop
        execute format('select exists (select from %I row_ where position(%L in row_::text) > 0 or position(%L in row_::text) > 0)',
                       table_, word, encode(convert_to(word, 'UTF8'), 'hex')) into found_;
        if found_ then
            places := places || table_;
        end if;
    end loop;
    return array_to_string(places, ' ');
end
$$;

select pg_temp.on_day('2027-03-01T12:00:00Z');
select is(say('A', 'roc', 'erase student=1'), 'OK repeated=yes', 'a number that is not held');
select is(say('A', 'roc', 'dossier student=1'), null, 'and nothing is held');
select say('A', 'roc', 'register session=S student=num1 name=nam1 born=bor1 needs=nee1 eckid=eck1',
           'register session=T student=num1 name=nam1 born=bor1', 'register session=S student=num2 name=nam2 born=bor2 eckid=eck2');
select say('B', 'roc', 'register session=T student=num1 name=nam3 born=bor3 eckid=eck2', 'register session=T student=BSN7 name=nam7 born=bor7');
select say('A', 'roc', 'withdraw session=T student=num1 reason=rea1');
select say('A', 'roc', 'register session=T student=num1 name=nam1 born=bor1 again=2');
select is(say('A', 'roc', 'erase student=num1'), 'NO live field=student', 'not before the exam');
select pg_temp.on_day('2027-06-15T12:00:00Z');
select is(say('A', 'roc', 'erase student=num1'), 'NO live field=student', 'nor on the day of the last one');
select say('B', 'roc', 'attend session=S student=num1 college=A part=l status=present irregularity=irr1');
select say('E', 'exams', 'score session=S student=num1 college=A part=l points=40 final=yes',
           'score session=S student=num1 college=A part=s points=60 final=yes',
           'score session=S student=num1 college=A part=l points=55 revise=yes',
           'score session=T student=num1 college=A part=l points=70 again=2');
select say('E', 'exams', 'certify session=S student=num1 college=A number=C-1 issued=2027-06-14');
select pg_temp.on_day('2027-06-16T12:00:00Z');

-- The dossier.
select is(regexp_replace(say('A', 'roc', 'dossier student=num1'), 'log=\d+|time=\S+', '', 'g'),
          $$= kind=student student=num1 institution=A eckid=eck1
= kind=registration student=num1 institution=A session=S exam=X date=2027-05-14 name=nam1 born=bor1 needs=nee1 state=seated outcome=passed $$ || $$
= kind=part student=num1 institution=A session=S part=l status=present irregularity=irr1 points=55 final=yes $$ || $$
= kind=part student=num1 institution=A session=S part=s points=60 final=yes $$ || $$
= kind=revised student=num1 institution=A session=S part=l points=40 final=yes $$ || $$
= kind=certificate student=num1 institution=A session=S issuer=E number=C-1 issued=2027-06-14 $$ || $$
= kind=notice student=num1 institution=A session=S final=yes outcome=failed notice=result-in $$ || $$
= kind=notice student=num1 institution=A session=S final=yes outcome=passed notice=result-in $$ || $$
= kind=notice student=num1 institution=A session=S date=2027-06-14 number=C-1 notice=certificate-in $$ || $$
= kind=registration student=num1 institution=A session=T exam=X date=2027-06-15 name=nam1 born=bor1 state=withdrawn reason=rea1 $$ || $$
= kind=registration student=num1 institution=A session=T exam=X date=2027-06-15 name=nam1 born=bor1 state=seated again=2 outcome=passed $$ || $$
= kind=part student=num1 institution=A session=T again=2 part=l points=70 final=no $$ || $$
= kind=notice student=num1 institution=A session=T again=2 outcome=passed notice=result-in $$ || $$
= kind=log student=num1 verb=register party=A  $$ || $$
= kind=log student=num1 verb=register party=A  $$ || $$
= kind=log student=num1 verb=withdraw party=A  $$ || $$
= kind=log student=num1 verb=register party=A  $$ || $$
= kind=log student=num1 verb=attend party=B  $$ || $$
= kind=log student=num1 verb=score party=E  $$ || $$
= kind=log student=num1 verb=score party=E  $$ || $$
= kind=log student=num1 verb=score party=E  $$ || $$
= kind=log student=num1 verb=certify party=E  $$, 'the dossier of a student');
select is(say('B', 'roc', 'dossier student=num2'), null, 'not of the student of another college');
select ok(say('B', 'roc', 'dossier student=num1') like '%name=nam3%' and say('B', 'roc', 'dossier student=num1') not like '%nam1%',
          'also where both have the number');

-- A write of another college that passed a seat on: that there was one, and when, no more.
insert into session (session, exam, date, seats, place, host, state, log) values ('V', 'X', '2027-12-16', 1, 'x', 'B', 'scheduled', 0);
select say('B', 'roc', 'register session=V student=num9 name=nam9 born=bor9');
select say('A', 'roc', 'register session=V student=num8 name=nam8 born=bor8');
select say('B', 'roc', 'withdraw session=V student=num9');
select matches(say('A', 'roc', 'dossier student=num8'), E'\\n= kind=log student=num8 time=\\S+ log=\\d+$', 'not who gave a seat up');
select say('A', 'roc', 'withdraw session=V student=num8');
select matches(say('A', 'roc', 'dossier student=num8'), 'verb=withdraw party=A', 'what it did itself');

-- What stands where before, so that the search below finds what there is.
select is(pg_temp.where_stands('num1'), 'audit student', 'before: the number');
select is((select string_agg(pg_temp.where_stands(word), ', ' order by word) from unnest(array['nam1', 'irr1', 'rea1', 'eck1']) word),
          'audit eckid, attendance audit, audit registration, audit withdrawal', 'and the rest');

-- Erased.
select pg_temp.sums() as sums, pg_temp.person('A', 'num1') as person \gset
create temp table before as select session, entered, again, state, person, reached, counted from registration;
create temp table scores_before as select regexp_replace(answer, ' student=\S+| irregularity=\S+| log=\d+', '', 'g') as answer
    from tests.call('A', 'roc', array['scores']);
-- The tests' own log has the lines as they were said; the daemon's has hashes in place of what is sealed.
update audit set fields = '';
select is(regexp_replace(say('A', 'roc', 'erase student=num1 seen=1'), '\d+', 'N'), 'NO changed last=N', 'seen');
select is(say('A', 'roc', 'erase student=num1'), 'OK registrations=3', 'erased');
update audit set fields = '';
select is(say('A', 'roc', 'erase student=num1'), 'OK repeated=yes', 'once');
update audit set fields = '';
select is(pg_temp.where_stands(word), '', word || ' is nowhere')
from unnest(array['nam1', 'bor1', 'nee1', 'irr1', 'rea1', 'eck1']) word;
select is((select college from student where student_hash = pg_temp.hash('num1')), 'B', 'the number only at the other college');
select is((select count(*) from registration where student_hash = pg_temp.hash('num1')), 1::bigint, 'and in its registration');
select is(pg_temp.sums(), :'sums', 'no count moves');
select results_eq('select session, entered, again, state, person, reached, counted from registration order by entered',
                  'select * from before order by entered', 'every registration has its place and person');
select is((select count(*) from reconcile()), 0::bigint, 'all adds up');
select is((select count(*) from student where person = :person and student is null), 1::bigint, 'the person stays');

-- What is seen of it: the row, without whose it is.
select is(regexp_replace(say('A', 'roc', 'registrations session=S'), 'log=\d+', '', 'g'),
          $$= session=S institution=A state=seated $$ || $$
= session=S student=num2 institution=A name=nam2 born=bor2 eckid=eck2 state=seated $$, 'the college sees a row without a name');
select is(regexp_replace(say('E', 'exams', 'registrations session=S'), 'log=\d+', '', 'g'),
          $$= session=S institution=A state=seated $$ || $$
= session=S student=num2 institution=A name=nam2 born=bor2 state=seated $$, 'the office too');
select is(say('B', 'roc', 'registrations session=S institution=A'), E'= session=S institution=A\n= session=S student=num2 institution=A', 'and the host');
select is(say('A', 'roc', 'registrations student=num1'), null, 'nobody by the number');
select is(say('A', 'roc', 'scores student=num1'), null, 'nor its scores');
select is(say('A', 'roc', 'dossier student=num1'), null, 'nor a dossier');
select results_eq($$select regexp_replace(answer, ' log=\d+', '') from tests.call('A', 'roc', array['scores'])$$,
                  'select answer from scores_before', 'the scores stand');
select results_eq($$with recursive page as (
        (select 1 as n, answer, after from tests.call('A', 'roc', array['registrations limit=1']))
        union all
        select n + 1, next.answer, next.after from page, lateral tests.call('A', 'roc', array['registrations limit=1 after=' || page.after]) next)
    select answer from page order by n$$, $$select answer from tests.call('A', 'roc', array['registrations']) order by ord$$, 'in pages');
select is(say('E', 'exams', 'score session=S student=num1 college=A part=l points=90 revise=yes',
              'attend session=S student=num1 college=A part=s status=present'),
          E'NO not-found field=student\nNO not-found field=student', 'nothing can be said of who is gone');
select is(say('E', 'exams', 'certify session=S student=num2 college=A number=C-1 issued=2027-06-14'), 'NO not-passed',
          'the number of the certificate stays given');
select is(say('E', 'exams', 'cancel session=S reason=x'), 'NO attended field=session', 'an attended session stays one');

-- Somebody new.
select is(say('A', 'roc', 'register session=U student=num1 name=nam1 born=bor1'), 'OK state=seated', 'registered anew');
select isnt(pg_temp.person('A', 'num1'), :person::bigint, 'as a new person');
select is(say('A', 'roc', 'withdraw session=U student=num1'), 'OK state=withdrawn', 'and off again');
select is(say('A', 'roc', 'erase student=num1'), 'OK registrations=1', 'who has no live registration may go at once');

-- An ECK iD stays as long as anybody knows the person by a number.
select is(say('A', 'roc', 'erase student=num2'), 'OK registrations=1', 'a person whom another college knows');
select is((select count(*) from eckid), 1::bigint, 'keeps its ECK iD there');
select ok(say('A', 'roc', 'registrations') not like '%eckid%', 'where alone it is seen');
select is(say('B', 'roc', 'registrations student=num1') like '%name=nam3 born=bor3 eckid=eck2%', true, 'the other college sees what it saw');
select is(say('B', 'roc', 'register session=T student=num1 name=nam3 born=bor3 eckid=-'), 'OK state=seated amended=yes', 'taken back there')
from (select pg_temp.on_day('2027-06-15T12:00:00Z')) set_;
select is((select count(*) from eckid), 0::bigint, 'it is nowhere, as nobody else knows the person');

-- A college that has ended.
select pg_temp.on_day('2027-06-16T12:00:00Z');
select say('OLD', 'roc', 'register session=U student=o1 name=n born=2009', 'register session=U student=o2 name=n born=2009');
select say('OLD2', 'roc', 'register session=U student=o2 name=n born=2009');
select say('A', 'roc', 'withdraw session=U student=o1');
select say(party, 'roc', 'withdraw session=U student=o2') from unnest(array['OLD', 'OLD2']) party;
select is(say('B', 'roc', 'erase student=o1'), 'OK repeated=yes', 'not known to another');
select ok(say('A', 'roc', 'dossier student=o1') like E'= kind=student student=o1 institution=OLD\n%', 'the successor tells');
select is(say('A', 'roc', 'erase student=o1'), 'OK registrations=1', 'and erases');
select is(say('A', 'roc', 'erase student=o2'), 'NO taken field=student', 'not who is meant by none');
select is(say('OLD2', 'roc', 'erase student=o2'), 'OK registrations=1', 'its own code does');
select is(say('A', 'roc', 'erase student=o2'), 'OK registrations=1', 'then there is one');

-- A number like a BSN that is let go is not let in again.
update institution set numbers = null where code = 'B';
select is(say('B', 'roc', 'dossier student=BSN7') like '%name=nam7%', true, 'it may be asked for');
select is(say('B', 'roc', 'erase student=BSN7'), 'OK registrations=1', 'and let go');
select is(say('B', 'roc', 'register session=U student=BSN7 name=nam7 born=bor7'), 'NO looks-like-bsn field=student', 'for good');

select is((select count(*) from reconcile()), 0::bigint, 'all adds up still');
select * from finish();
rollback;
