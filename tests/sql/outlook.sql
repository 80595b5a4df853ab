-- Where a year is likely to end, the ladder, and who has not reported; the forecast tried on 200 made-up years.
begin;
select plan(31);
select setseed(0.42);
set client_min_messages = warning;
update demo set ahead = '2027-04-02T10:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, until, log)
values ('A', 'Alfa', 'college', 'NL', 'drenthe', null, 0), ('B', 'Bravo', 'college', 'NL', 'zeeland', null, 0),
       ('C', 'Gone', 'college', 'NL', 'zeeland', '2026-07-31', 0), ('D', 'Duits', 'school', 'DE', null, null, 0),
       ('E', 'Office', 'exam-office', 'NL', null, null, 0);
insert into elective (code, title, language, receptive, productive, log)
values ('K1', 'Duits', 'de', 'B1', 'A2', 0), ('K2', 'Duits', 'de', 'A2', 'A1', 0), ('K3', 'Frans', 'fr', 'A2', 'A1', 0);
insert into offer (elective, schoolyear, institution, again, state, students, log)
values ('K1', 2026, 'A', 1, 'offered', 30, 0), ('K2', 2026, 'A', 1, 'offered', 20, 0), ('K3', 2026, 'B', 1, 'offered', 5, 0),
       ('K1', 2026, 'B', 1, 'retracted', 99, 0), ('K1', 2025, 'B', 1, 'offered', 7, 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, seats, place, host, state, log)
values ('S', 'X', '2027-05-20', 1000, 'x', 'A', 'scheduled', 0);
select say('A', 'roc', 'register session=S student=1 name=n born=2009', 'register session=S student=2 name=n born=2009');

-- The ladder: each step with its unit.
select is(say('NUFFIC', 'nuffic', 'ladder year=2027 language=de'),
          E'= scope=national year=2027 language=de rung=offered unit=colleges count=1 log=2\n'
          '= scope=national year=2027 language=de rung=enrolled unit=students count=50 log=2\n'
          '= scope=national year=2027 language=de rung=registered unit=persons count=2 log=2\n'
          '= scope=national year=2027 language=de rung=seated unit=persons count=2 log=2\n'
          '= scope=national year=2027 language=de rung=sat unit=persons count=0 log=2\n'
          '= scope=national year=2027 language=de rung=passed unit=persons count=0 log=2\n'
          '= scope=national year=2027 language=de rung=certified unit=persons count=0 log=2', 'of the school year that ends in it');
select is((select string_agg(answer, E'\n' order by ord) from tests.call('A', 'roc', array['ladder'])
           where answer like '%rung=registered%' or answer like '%rung=offered%'),
          E'= scope=own year=2027 language=de rung=offered unit=colleges count=1 log=2\n'
          '= scope=own year=2027 language=de rung=registered unit=persons count=2 log=2',
          'a college has its own at once, the nation is as of yesterday');
select is(say('B', 'roc', 'ladder year=2027 language=fr'),
          E'= scope=own year=2027 language=fr rung=offered unit=colleges count=1 log=2\n'
          '= scope=own year=2027 language=fr rung=enrolled unit=students count=5 log=2\n'
          '= scope=own year=2027 language=fr rung=registered unit=persons count=0 log=2\n'
          '= scope=own year=2027 language=fr rung=seated unit=persons count=0 log=2\n'
          '= scope=own year=2027 language=fr rung=sat unit=persons count=0 log=2\n'
          '= scope=own year=2027 language=fr rung=passed unit=persons count=0 log=2\n'
          '= scope=own year=2027 language=fr rung=certified unit=persons count=0 log=2\n'
          '= scope=national year=2027 language=fr rung=registered unit=persons count=0 log=0\n'
          '= scope=national year=2027 language=fr rung=seated unit=persons count=0 log=0\n'
          '= scope=national year=2027 language=fr rung=sat unit=persons count=0 log=0\n'
          '= scope=national year=2027 language=fr rung=passed unit=persons count=0 log=0\n'
          '= scope=national year=2027 language=fr rung=certified unit=persons count=0 log=0', 'another language, without a change');

-- All steps of a language that has anything, also those at 0.
create function pg_temp.steps(party text, role text, question text) returns text language sql as $$
    select string_agg(line, ', ' order by line)
    from (select concat_ws(' ', tests.value_of(answer, 'scope'), tests.value_of(answer, 'language'), string_agg(tests.value_of(answer, 'count'), ' ' order by ord))
          from tests.call(party, role, array[question])
          group by tests.value_of(answer, 'scope'), tests.value_of(answer, 'language')) one (line)
$$;
select is(pg_temp.steps('NUFFIC', 'nuffic', 'ladder'), 'national de 1 50 2 2 0 0 0, national fr 1 5 0 0 0 0 0', 'all steps of each language');
select is(pg_temp.steps('NUFFIC', 'nuffic', 'ladder language=es'), 'national es 0 0 0 0 0 0 0', 'of one that is asked for');
select is(pg_temp.steps('NUFFIC', 'nuffic', 'ladder year=2031'), null, 'of none where there is nothing');
select is(pg_temp.steps('A', 'roc', 'ladder'), 'own de 1 50 2 2 0 0 0', 'what others have today is not to be seen');
savepoint before_target;
select say('OCW', 'ocw', 'target year=2031 language=de rung=sat count=9');
select is(pg_temp.steps('A', 'roc', 'ladder year=2031'), 'national de 0 0 0 0 0, own de 0 0 0 0 0 0 0', 'and of one with a target');
rollback to before_target;

-- Who has not reported.
select is(say('NUFFIC', 'nuffic', 'missing what=offer schoolyear=2026 language=de'),
          '= institution=B name=Bravo province=zeeland log=2', 'a Dutch college that was there');
select is(say('NUFFIC', 'nuffic', 'missing what=offer schoolyear=2026'), null, 'an offer of any language is one');
select is(say('NUFFIC', 'nuffic', 'missing what=registration schoolyear=2026'), '= institution=B name=Bravo province=zeeland log=2',
          'nobody registered');
select is(say('OCW', 'ocw', 'missing what=registration schoolyear=2026'),
          '= institution=B name=Bravo province=zeeland log=2', 'the ministry hears the same');
select is(say('E', 'exams', 'missing what=registration schoolyear=2026'), null, 'an exam office does not hear who');
select is(say('NUFFIC', 'nuffic', 'missing what=registration schoolyear=2025'),
          E'= institution=A name=Alfa province=drenthe log=2\n= institution=B name=Bravo province=zeeland log=2\n'
          '= institution=C name=Gone province=zeeland log=2', 'in another year one more was there');
select is(say('A', 'roc', 'missing what=registration schoolyear=2025'), '= institution=A name=Alfa province=drenthe log=2',
          'a college learns only of itself');

-- The outlook. Made-up years: how a nation fills up from day 0 to 364, so many persons in all; a year's days are those of
-- day_opening, its end the sums of a cell.
delete from registration;
delete from contingent;
truncate tally, day_opening, cell cascade;
create temp table made (year integer, day integer, count integer, primary key (year, day));
create function pg_temp.make(years integer[]) returns void language plpgsql as $$
begin
    truncate cell cascade;
    truncate day_opening;
    insert into cell (cell, year, language, institution, province, level, exam, month)
    select row_number() over (), y, 'de', 'A', 'drenthe', 'A2', 'X', make_date(y, 5, 1) from unnest(years) y;
    update cell set registered = made.count, seated = made.count, own_registered = made.count, own_seated = made.count
    from made where made.year = cell.year and made.day = 364;
    insert into day_opening (day, year, language, registered, seated, sat, passed, certified)
    select d.day, y, 'de', 0,
           coalesce((select count from made m where m.year = y and m.day = least(d.day - make_date(y, 1, 1), 364)), 0), 0, 0, 0
    from unnest(years) y, (select distinct make_date(made.year, 1, 1) + made.day as day from made where made.year = any (years)) d;
end
$$;
create function pg_temp.outlook(day date, count integer, target integer default 5000) returns text language sql as $$
    select concat_ws(' ', coalesce(pace::text, '-'), forecast, low, high) from year_outlook(2027, 'de', 'seated', day, count, target)
$$;
insert into made select y, d, (y - 2000) * d from generate_series(2021, 2026) y, generate_series(0, 364) d;
select pg_temp.make('{2025,2026}');
select is(pg_temp.outlook('2027-04-02', 1000), '- none', 'two years are too little history');
select pg_temp.make('{2021,2022,2023,2024,2025,2026}');
select is(pg_temp.outlook('2027-04-02', 1000), '1264 3957 3957 3957', 'six that fill up alike leave no doubt'); -- 92 of 364 days
select is(pg_temp.outlook('2027-04-02', 0), '1264 none', 'of nothing nothing is forecast');
select is(pg_temp.outlook('2027-04-02', 1000, null), '- 3957 3957 3957', 'without a target no pace');
select is(pg_temp.outlook('2027-01-01', 7), '14 2548 2548 2548', 'the first day');
select is(pg_temp.outlook('2028-01-01', 4000), '5000', 'when it is over the pace is the target');
update made set count = case when day < 200 then count * (1 + (year - 2021) * 0.1) else count end;
select pg_temp.make('{2021,2022,2023,2024,2025,2026}');
select matches(pg_temp.outlook('2027-04-02', 1000), '^1565 3196 2509 4069$', 'that differ, an interval');

-- What it said on that day of other years, from the made-up years themselves: who had three before.
select results_eq(
    $$ select year, forecast, count, held from backtest('NUFFIC', 'nuffic', null, 'de', null, null) $$,
    $$ select p.year, round(p.count * exp((select avg(ln(q_end.count::double precision / q.count)) from made q join made q_end using (year)
                                           where q.year < p.year and q.day = 91 and q_end.day = 364)))::bigint,
              p_end.count::bigint, p.year <> 2026
       from made p join made p_end using (year) where p.day = 91 and p_end.day = 364 and p.year >= 2024 order by 1 $$,
    'by what was known then');

-- A leap year's last day is every year's last.
update demo set ahead = '2029-01-01T10:00:00Z' - statement_timestamp();
truncate made;
insert into made select y, d, case when d < 364 then 100 else 90 + y % 10 end from generate_series(2023, 2028) y, generate_series(0, 364) d;
select pg_temp.make('{2023,2024,2025,2026,2027,2028}');
select results_eq($$ select year, forecast, count, held from backtest('NUFFIC', 'nuffic', null, 'de', null, '2028-12-31') $$,
                  $$ values (2026, 96::bigint, 96::bigint, true), (2027, 97, 97, true) $$, 'on it there is no doubt left');
select is_empty($$ select * from backtest('NUFFIC', 'nuffic', null, 'de', null, '0005-06-30') $$,
                'of days long ago nothing is told');

-- 200 years of known truth: each after five others, all drawn alike: a number of persons, and a way of filling up with a
-- middle and a haste of its own, on which each day has its chance. The interval should hold four in five.
create function pg_temp.draw(year_ integer) returns void language plpgsql as $$
declare
    whole double precision := 3000 * exp(0.3 * (random() + random() + random() - 1.5));
    middle double precision := 100 + 12 * (random() + random() + random() - 1.5);
    haste double precision := 25 + 4 * (random() + random() - 1);
    size integer := round(whole);
begin
    insert into made
    select year_, d, floor(size * (1 / (1 + exp(-(d - middle) / haste)) - 1 / (1 + exp(middle / haste)))
                           / (1 / (1 + exp(-(364 - middle) / haste)) - 1 / (1 + exp(middle / haste))))
    from generate_series(0, 364) d;
end
$$;
create temp table tried (day integer, held boolean, wide double precision);
do $$
declare
    truth record;
    told record;
begin
    for trial in 1 .. 200 loop
        truncate made;
        perform pg_temp.draw(y) from generate_series(2022, 2027) y;
        perform pg_temp.make('{2022,2023,2024,2025,2026}');
        for truth in select m.day, m.count as here, (select count from made where year = 2027 and day = 364) as ends
                     from made m where m.year = 2027 and m.day in (60, 100, 150) loop
            select * into told from year_outlook(2027, 'de', 'seated', make_date(2027, 1, 1) + truth.day - 1, truth.here, null);
            insert into tried values (truth.day, truth.ends between told.low and told.high, (told.high - told.low) / truth.ends::double precision);
        end loop;
    end loop;
end
$$;
select diag('forecast of 200 years: ' || string_agg(format('day %s: %s %% held, width %s %%', day, held, wide), ', ' order by day))
from (select day, round(100.0 * count(*) filter (where held) / count(*)) as held, round((100 * avg(wide))::numeric) as wide
      from tried group by day) found;
select cmp_ok(count(*), '=', 200::bigint, 'day ' || day || ': two hundred') from tried group by day order by day;
select ok(avg(held::integer) between 0.7 and 0.9, 'day ' || day || ': the interval holds four in five') from tried group by day order by day;
select * from finish();
rollback;
