-- Institutions: created, amended, ended, and who takes over.
begin;
select plan(39);
create function pg_temp.admin(variadic lines text[]) returns text language sql as $$ select tests.say('ADMIN', 'admin', variadic lines) $$;

select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL province=groningen place=Groningen from=2000-08-01'),
          'OK', 'a college');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL'), 'OK repeated=yes',
          'fields that are absent do not differ');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL seen=0'), 'OK repeated=yes',
          'a repeat is OK whatever seen says');
select is(pg_temp.admin('institution code=25LU name=Alfa-college kind=college country=NL'), 'OK amended=yes',
          'another name amends');
select is(pg_temp.admin('institutions code=25LU'),
          '= code=25LU name=Alfa-college kind=college country=NL province=groningen place=Groningen from=2000-08-01 log=4',
          'and leaves the rest; log is the number that changed it');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL seen=3'), 'NO changed last=4',
          'who has not seen the newest');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL seen=4'), 'OK amended=yes',
          'and who has');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL place=- from=- numbers=nine'),
          'OK amended=yes', 'two cleared, one set');
select is(pg_temp.admin('institutions code=25LU'),
          '= code=25LU name=Alfa kind=college country=NL province=groningen numbers=nine log=7', 'so they are');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL place=- numbers=nine'),
          'OK repeated=yes', 'clearing what is clear is a repeat');
select is(pg_temp.admin('institution code=DE1 name=Berufskolleg kind=school country=DE province=limburg'),
          'NO range field=province',
          'a Dutch province is in the Netherlands');
select is(pg_temp.admin('institution code=25lu name=Other kind=college country=NL'), 'OK', 'case counts in codes');
select is(pg_temp.admin('institution code=NoP name=None kind=college country=NL'), 'OK',
          'a college without a province');

-- ending
select is(pg_temp.admin('institution-end code=none until=2020-07-31'), 'NO not-found field=code',
          'an unknown one does not end');
select is(pg_temp.admin('institution-end code=25LU until=2020-07-31 successor=none'), 'NO not-found field=successor',
          'nor to an unknown successor');
select is(pg_temp.admin('institution-end code=25LU until=2020-07-31 successor=25LU'), 'NO range field=successor',
          'nor to itself');
select is(pg_temp.admin('institution code=B name=B kind=college country=NL from=2010-01-01',
          'institution code=C name=C kind=college country=NL'),
          E'OK\nOK', 'two more');
select is(pg_temp.admin('institution-end code=B until=2009-12-31'), 'NO range field=until', 'nor before it began');
select is(pg_temp.admin('institution-end code=25LU until=2020-07-31 successor=B'), 'OK', 'to B');
select is(pg_temp.admin('institution-end code=25LU until=2020-07-31'), 'OK repeated=yes',
          'a repeat, the successor unsaid');
select is(pg_temp.admin('institution-end code=25LU until=2020-07-31 successor=B seen=1'), 'OK repeated=yes',
          'and said');
select is(pg_temp.admin('institution-end code=B until=2021-07-31 successor=C'), 'OK', 'B goes on in C');
select is(pg_temp.admin('institution-end code=C until=2022-07-31 successor=25LU'), 'NO range field=successor',
          'no circle');
select is(pg_temp.admin('institution-end code=25LU until=2020-08-31 seen=3'), 'NO changed last=18',
          'seen counts here too');
select is(pg_temp.admin('institution-end code=25LU until=2020-08-31'), 'OK amended=yes', 'a later last day');
select is(pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL from=2020-09-01'),
          'NO range field=from', 'it cannot begin after its end');
select ok(acting_for('C', '25LU'), 'the end of the chain acts for its beginning');
select is(pg_temp.admin('institution-end code=B until=2021-07-31 successor=-'), 'OK amended=yes',
          'B without a successor');
select ok(not acting_for('C', '25LU') and not acting_for('C', 'B'), 'and nobody acts for it');
select ok(acting_for('B', '25LU'), 'but B for what came before');

-- a line sent a thousand times
select is((select string_agg(distinct answer, ',') from tests.call('ADMIN', 'admin',
               array(select format('institution code=P%s name=P%s kind=college country=NL', lpad(n::text, 3, '0'), n)
                   from generate_series(1, 250) n))),
          'OK', 'many in one call');

-- lists
select is((select array_agg(code order by code) from institution),
          (with recursive page as (
               select array_agg((regexp_match(answer, 'code=(\S+)'))[1] order by ord, after) as codes,
                   max(after) as token, 1 as turn
               from tests.call('OCW', 'ocw', array['institutions limit=100'])
               union all
               select page.codes || next.codes, next.token, turn + 1
               from page, lateral (select array_agg((regexp_match(answer, 'code=(\S+)'))[1] order by after) as codes,
                   max(after) as token
                                   from tests.call('OCW', 'ocw', array['institutions limit=100 after='
                                       || page.token])) next
               where turn < 9 and next.token is not null)
           select codes from page order by turn desc limit 1), 'pages put together are the whole, for every role');
select is(say('25LU', 'roc', 'institutions after=P249'), '= code=P250 name=P250 kind=college country=NL log=' || log,
          'a page goes on behind a code') from institution where code = 'P250';
delete from institution where code = 'P200';
select is((select (regexp_match(answer, 'code=(\S+)'))[1] from tests.call('OCW', 'ocw',
          array['institutions after=P200 limit=1'])), 'P201',
          'also when the row of the token has gone');
select is((select count(*) from tests.call('OCW', 'ocw', array['institutions code=none'])), 0::bigint,
          'none of that code');

-- a province that changes takes the figures along
insert into exam values ('E', 'C', 'de', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, seats, taken, place, host, state, log) values ('S', 'E', '2027-05-20', 10, 1,
    'x', 'C', 'scheduled', 0);
select tests.contingents_make();
insert into student values ('NoP', sha256('1'), '', 1);
insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
values ('S', 'NoP', sha256('1'), 1, 1, 'seated', 1, '', '', 1);
select recount(array[1], array[1]);
select is(say('NUFFIC', 'nuffic', 'progress year=2027 by=province'),
          '= scope=national year=2027 language=de rung=seated count=1 log=' || log,
          'counted without a province') from log_head;
select is(pg_temp.admin('institution code=NoP name=None kind=college country=NL province=zeeland'), 'OK amended=yes',
          'it was in Zeeland');
select is(say('NUFFIC', 'nuffic', 'progress year=2027 by=province'),
          '= scope=national year=2027 language=de rung=seated province=zeeland count=1 log=' || log,
          'and so are its figures') from log_head;
select is_empty('select * from reconcile()', 'which are right');

select * from finish();
rollback;
