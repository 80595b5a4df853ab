-- Another language, without a change of code: a small year of French, with a target of its own.
begin;
select plan(13);
update demo set ahead = '2026-10-01T10:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'Alfa', 'college', 'NL', 'limburg', 0), ('B', 'Bravo', 'college', 'NL', 'zeeland', 0), ('I', 'Institut', 'exam-office', 'NL', null, 0);
select is(say('NUFFIC', 'nuffic', 'elective code=K0985 title=Frans language=fr receptive=A2 productive=A1',
              'elective code=K0959 title=Duits language=de receptive=A2 productive=A1'), E'OK\nOK', 'electives');
select is(say('A', 'roc', 'offer elective=K0985 schoolyear=2026 students=12', 'offer elective=K0959 schoolyear=2026 students=30'),
          E'OK state=offered\nOK state=offered', 'offered');
select is(say('OCW', 'ocw', 'target year=2027 language=fr rung=passed count=2'), 'OK', 'a target of its own');
select is(concat_ws(E'\n', say('I', 'exams', 'exam exam=FR-A2 issuer=I language=fr level=A2 certificate=yes edition=1'),
                    say('I', 'exams', 'exam-part exam=FR-A2 part=ecrire max=25 pass=12.5'),
                    say('I', 'exams', 'schedule session=F exam=FR-A2 date=2027-05-20 seats=2 place=Maastricht host=A')),
          E'OK\nOK\nOK state=scheduled seats=2 free=2 waiting=0', 'an exam and a session');
select is(say('A', 'roc', variadic array(select format('register session=F student=%s name=n born=2009', n) from generate_series(1, 3) n)),
          E'OK state=seated\nOK state=seated\nOK state=waiting place=1', 'students');
update demo set ahead = ahead + interval '240 days';
select is(say('I', 'exams', 'score session=F student=1 college=A part=ecrire points=20 final=yes',
              'score session=F student=2 college=A part=ecrire points=10 final=yes'),
          E'OK state=seated outcome=passed\nOK state=seated outcome=failed', 'what came of it');
select is(say('I', 'exams', 'certify session=F student=1 college=A number=FR-1 issued=2027-05-28'), 'OK state=seated', 'a certificate');
select is(say('NUFFIC', 'nuffic', 'progress year=2027 rung=passed'),
          '= scope=national year=2027 language=fr rung=passed count=1 target=2 forecast=none log=' || log, 'of the target one half')
from log_head;
select is(say('NUFFIC', 'nuffic', 'progress year=2027 language=de'),
          '= scope=national year=2027 language=de rung=seated count=0 forecast=none log=' || log, 'the other language is another') from log_head;
select is((select string_agg(substring(answer from 'rung=(\S+ unit=\S+ count=\d+)'), ', ' order by ord)
           from tests.call('OCW', 'ocw', array['ladder year=2027 language=fr'])),
          'offered unit=colleges count=1, enrolled unit=students count=12, registered unit=persons count=3, seated unit=persons count=2, '
          'sat unit=persons count=2, passed unit=persons count=1, certified unit=persons count=1', 'its ladder');
select is(say('NUFFIC', 'nuffic', 'missing what=registration schoolyear=2026 language=fr'), '= institution=B name=Bravo province=zeeland log=' || log,
          'who has nobody') from log_head;
select is(say('NUFFIC', 'nuffic', 'backtest language=fr'), null, 'no years before');
select is_empty('select * from reconcile()', 'all counts are right');
select * from finish();
rollback;
