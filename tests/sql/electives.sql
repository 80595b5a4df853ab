-- Electives and offers: one offer a college, elective and school year; attempts; who may, until when, who sees.
begin;
select plan(58);
update demo set ahead = '2027-04-02T08:00:00Z' - statement_timestamp();
create function pg_temp.admin(variadic lines text[]) returns text language sql as $$ select tests.say('ADMIN', 'admin', variadic lines) $$;
create function pg_temp.alfa(line text) returns text language sql as $$ select tests.say('25LU', 'roc', line) $$;
create function pg_temp.nuffic(line text) returns text language sql as $$ select tests.say('NUFFIC', 'nuffic', line) $$;

select pg_temp.admin('institution code=25LU name=Alfa kind=college country=NL',
    'institution code=25LW name=Noorderpoort kind=college country=NL',
                     'institution code=OLD name=Old kind=college country=NL');
select is(pg_temp.admin('elective code=K0025 title="Duits A2" language=de receptive=A2 productive=A2 hours=240 enrol-until=2018-09-30 complete-until=2024-10-01'),
          'OK', 'an elective of the past');
select is(pg_temp.admin('elective code=K0959 title="Duits A1/A2" language=de receptive=A2 productive=A1'), 'OK',
          'one of now');
select is(pg_temp.admin('elective code=K0959 title="Duits A1/A2" language=de receptive=A2 productive=A1'),
          'OK repeated=yes', 'again');
select is(pg_temp.admin('elective code=K0959 title="Duits A1/A2" language=de receptive=A2 productive=A1 hours=240 set=2018-04-01'), 'OK amended=yes', 'with hours');
select is(pg_temp.admin('elective code=K0959 title="Duits" language=de receptive=A2 productive=A1 seen=1'),
          'NO changed last=7', 'not seen');
select is(pg_temp.admin('elective code=K0959 title="Duits A1/A2" language=de receptive=A2 productive=A1 enrol-until=2018-03-31'), 'NO range field=enrol-until', 'days in order');
select is(pg_temp.admin('elective code=K0959 title="Duits A1/A2" language=de receptive=A2 productive=A1 complete-until=2018-03-31'), 'NO range field=complete-until', 'also without the one between');
select is(pg_temp.admin('elective code=K0959 title="Duits A1/A2" language=de receptive=A2 productive=A1 set=-'),
          'OK amended=yes', 'cleared');
select is(say('25LU', 'roc', 'electives'),
          E'= code=K0025 title=Duits A2 language=de receptive=A2 productive=A2 hours=240 enrol-until=2018-09-30 complete-until=2024-10-01 log=4\n'
          || '= code=K0959 title=Duits A1/A2 language=de receptive=A2 productive=A1 hours=240 log=11',
              'everybody sees electives');

-- an offer and its attempts
select is(pg_temp.alfa('offer elective=K0000 schoolyear=2026'), 'NO not-found field=elective', 'of what there is');
select is(pg_temp.alfa('retract elective=K0959 schoolyear=2026'), 'NO not-found field=elective', 'nothing to retract');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 again=2'), 'NO again field=again', 'the first is 1');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=310'), 'OK state=offered', 'an offer');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=310'), 'OK state=offered repeated=yes', 'again');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026'), 'OK state=offered repeated=yes', 'or with less');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=312 location=Groningen'),
          'OK state=offered amended=yes', 'a correction');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=310 seen=1'), 'NO changed last=18',
          'of what was seen');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=-'), 'OK state=offered amended=yes',
          'a number taken back');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=0'), 'OK state=offered amended=yes', 'is not 0');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 again=2'), 'NO again field=again',
          'no second while the first lives');
select is(pg_temp.alfa('retract elective=K0959 schoolyear=2026 seen=3'), 'NO changed last=21',
          'to retract what was not seen');
select is(pg_temp.alfa('retract elective=K0959 schoolyear=2026'), 'OK state=retracted', 'retracted');
select is(pg_temp.alfa('retract elective=K0959 schoolyear=2026'), 'OK state=retracted repeated=yes',
          'ending it once more is a repeat');
select is(pg_temp.alfa('retract elective=K0959 schoolyear=2026 again=2'), 'NO again field=again',
          'of an attempt that was');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=312'), 'NO ended again=2',
          'a late line does not bring it back');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=5 again=2 seen=3'), 'NO changed last=24',
          'the next attempt also looks at seen');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=5 again=2'), 'OK state=offered again=2',
          'the next attempt');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 students=5 again=2'),
          'OK state=offered again=2 repeated=yes', 'and its repeat');
select is(pg_temp.alfa('retract elective=K0959 schoolyear=2026'), 'OK state=retracted repeated=yes',
          'a late retraction of the first leaves the second');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 again=3'), 'NO again field=again', 'which lives');
select is(pg_temp.alfa('offers'),
          '= elective=K0959 schoolyear=2026 institution=25LU students=5 state=offered again=2 log=' || log,
          'the list shows the newest attempt')
from offer where again = 2;

-- whose
select is(say('25LW', 'roc', 'offer elective=K0959 schoolyear=2026 institution=25LU'), 'NO not-yours field=institution',
          'not for another college');
select is(say('25LW', 'roc', 'retract elective=K0959 schoolyear=2026 institution=25LU'),
          'NO not-yours field=institution', 'nor take back');
select is(say('25LW', 'roc', 'offer elective=K0959 schoolyear=2026 institution=none'), 'NO not-yours field=institution',
          'nor find out who is there');
select is(say('25LW', 'roc', 'offers'), null, 'nor see');
select is(say('25LW', 'roc', 'offers institution=25LU'), null, 'nor by asking for it');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 again=2 institution=25LU'),
          'OK state=offered again=2 repeated=yes', 'its own by name');
select is(pg_temp.alfa('offer elective=K0959 schoolyear=2026 correct=yes'), 'NO not-yours field=correct',
          'correcting is Nuffic''s');
select is(pg_temp.nuffic('offer elective=K0959 schoolyear=2026 institution=25LU again=2 students=6'),
          'OK state=offered again=2 amended=yes', 'Nuffic speaks for a college');
select is(pg_temp.nuffic('offer elective=K0959 schoolyear=2026 correct=yes'), 'NO not-found field=institution',
          'and says for which');
select is(pg_temp.nuffic('offer elective=K0959 schoolyear=2026 institution=25LU again=2 students=16 correct=yes'),
          'OK state=offered again=2 amended=yes', 'a correction of Nuffic');

-- until when
select is(pg_temp.alfa('offer elective=K0025 schoolyear=2018'), 'NO closed field=elective',
          'no new offer after the last enrolment');
select is(pg_temp.nuffic('offer elective=K0025 schoolyear=2018 institution=25LU students=103'),
          'NO closed field=elective', 'of Nuffic neither');
select is(pg_temp.nuffic('offer elective=K0025 schoolyear=2018 institution=25LU correct=yes students=103'),
          'OK state=offered', 'unless it says that it corrects');
select is(pg_temp.alfa('offer elective=K0025 schoolyear=2018 students=104'), 'OK state=offered amended=yes',
          'the college may correct it then');
select is(pg_temp.admin('elective code=K1 title=x language=de receptive=A2 productive=A1 enrol-until=2027-04-02',
                        'elective code=K2 title=x language=de receptive=A2 productive=A1 enrol-until=2027-04-01',
                        'elective code=K3 title=x language=de receptive=A2 productive=A1 enrol-until=2028-07-31'),
                            E'OK\nOK\nOK', 'three that end');
select is(pg_temp.alfa('offer elective=K1 schoolyear=2026'), 'OK state=offered', 'the last day is included');
select is(pg_temp.alfa('offer elective=K2 schoolyear=2026'), 'NO closed field=elective', 'the day after is not');
select is(pg_temp.alfa('offer elective=K3 schoolyear=2027'), 'OK state=offered',
          'a year that begins before the last day');
select is(pg_temp.alfa('offer elective=K3 schoolyear=2028'), 'NO closed field=elective', 'and one that does not');

-- successors
select is(say('OLD', 'roc', 'offer elective=K3 schoolyear=2026 students=7'), 'OK state=offered',
          'an offer of a college');
select is(pg_temp.admin('institution-end code=OLD until=2027-03-31 successor=25LU'), 'OK', 'that ends');
select is(pg_temp.alfa('offer elective=K3 schoolyear=2026 students=8 institution=OLD'), 'OK state=offered amended=yes',
          'is its successor''s to correct');
select is(pg_temp.alfa('offer elective=K3 schoolyear=2027 institution=OLD'), 'NO closed field=institution',
          'but offers nothing new');
select is((select count(*) from tests.call('25LU', 'roc', array['offers institution=OLD'])), 1::bigint, 'and to see');

-- who sees what
select is((select string_agg((regexp_match(answer, 'students=(\S+)'))[1], ' ' order by ord, answer)
          from tests.call('OCW', 'ocw', array['offers'])), '100 15 5',
          'the ministry sees no exact small numbers');
select is((select count(*) from tests.call('DIB', 'exams', array['offers'])), 0::bigint, 'an exam office none');
select is((select string_agg(after, ' ') from tests.call('NUFFIC', 'nuffic',
          array['offers after=25LU:K0025:2018 limit=2'])), '25LU:K0959:2026 25LU:K1:2026', 'pages');

select * from finish();
rollback;
