-- Sessions: who may schedule, reseat and cancel what, and what that does to seats, queue and counts.
begin;
select plan(45);
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', null, 0), ('E', 'E', 'exam-office',
       'NL', null, 0),
       ('F', 'F', 'exam-office', 'DE', null, 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0), ('Y', 'F', 'de', 'B1', true, '1', null,
       null, 0);

-- schedule
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Assen host=A'),
          'OK state=scheduled seats=2 free=2 waiting=0', 'the office that issues the exam');
select is(say('A', 'roc', 'schedule session=T exam=Y date=2027-05-14 seats=2 place=Assen host=A'),
          'OK state=scheduled seats=2 free=2 waiting=0', 'a college at its own place');
select is(say('A', 'roc', 'schedule session=U exam=X date=2027-05-14 seats=2 place=Assen host=B'),
          'NO not-yours field=host', 'not at another''s');
select is(say('E', 'exams', 'schedule session=U exam=Y date=2027-05-14 seats=2 place=Assen host=A'),
          'NO not-yours field=exam', 'not another''s exam');
select is(say('E', 'exams', 'schedule session=U exam=Q date=2027-05-14 seats=2 place=Assen host=A'),
          'NO not-found field=exam', 'no such exam');
select is(say('E', 'exams', 'schedule session=U exam=X date=2027-05-14 seats=2 place=Assen host=Q'),
          'NO not-found field=host', 'no such host');
select is(say('B', 'roc', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Assen host=B'),
          'NO not-yours field=session', 'a session of others');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Assen host=A seen=0'),
          'OK state=scheduled seats=2 free=2 waiting=0 repeated=yes', 'repeated');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Emmen host=A seen=0'),
          'NO changed last=' || (select log from session where session = 'S'), 'changed since');
select is(say('E', 'exams',
          'schedule session=S exam=X date=2027-05-14 seats=2 place=Emmen host=A opens=2027-03-02 closes=2027-03-01'),
          'NO range field=opens', 'closed before it opens');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Emmen host=A closes=2027-05-15'),
          'NO range field=closes', 'open after the day');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Emmen host=A opens=2027-04-17'),
          'NO range field=opens', 'opens after the day on which it closes of itself');
select is(say('E', 'exams', 'schedule session=U exam=X date=0999-05-14 seats=2 place=Emmen host=A'),
          'NO range field=date', 'a year that is none');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=3 place=Emmen host=A'),
          'NO range field=seats', 'seats by reseat');
select is(say('E', 'exams',
          'schedule session=S exam=X date=2028-05-14 seats=2 place=Emmen host=A opens=2027-03-01 closes=2027-04-10'),
          'OK state=scheduled seats=2 free=2 waiting=0 amended=yes', 'another year, while nobody registered');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=2 place=Emmen host=A'),
          'OK state=scheduled seats=2 free=2 waiting=0 amended=yes', 'and back');
select is(say('B', 'roc', 'sessions session=S'),
          '= session=S exam=X date=2027-05-14 opens=2027-03-01 closes=2027-04-10 until=2027-04-10 seats=2 free=2 place=Emmen host=A state=scheduled log='
          || (select log from session where session = 'S'), 'seen by all, but how many wait');
select is(say(party, role, 'sessions session=S'), told, party || ' sees it')
from (values ('A', 'roc', true), ('E', 'exams', true), ('F', 'exams', false), ('N', 'nuffic', true)) seen (party, role, waits),
     lateral (select '= session=S exam=X date=2027-05-14 opens=2027-03-01 closes=2027-04-10 until=2027-04-10 seats=2 free=2'
              || case when waits then ' waiting=0' else '' end || ' place=Emmen host=A state=scheduled log=' || log as told
              from session where session = 'S') told;

-- seats
select is(say('B', 'roc', 'register session=S student=1 name=n born=2009',
          'register session=S student=2 name=n born=2009',
                          'register session=S student=3 name=n born=2009',
                          'register session=S student=4 name=n born=2009'),
          E'OK state=seated\nOK state=seated\nOK state=waiting place=1\nOK state=waiting place=2',
          'two seats, two wait');
select is(say('E', 'exams', 'reseat session=S seats=1'), 'NO full field=seats', 'fewer than taken');
select is(say('B', 'roc', 'reseat session=S seats=3'), 'NO not-yours field=session', 'seats of others');
select is(say('A', 'roc', 'reseat session=S seats=3'), 'OK state=scheduled seats=3 free=0 waiting=1 amended=yes',
          'the host adds one');
select is(say('A', 'roc', 'reseat session=S seats=3 seen=0'),
          'OK state=scheduled seats=3 free=0 waiting=1 repeated=yes', 'repeated');
select is(say('A', 'roc', 'reseat session=Q seats=3'), 'NO not-found field=session', 'no such session');
select is((select state from registration where entered = (select entered from registration where log = (select log from session where session = 'S'))),
          'seated', 'who was promoted has the number of the reseat');
select is(say('E', 'exams', 'schedule session=S exam=X date=2028-05-14 seats=3 place=Emmen host=A'),
          'NO range field=date',
          'the year stays once somebody registered');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-06-14 seats=3 place=Emmen host=A'),
          'OK state=scheduled seats=3 free=0 waiting=1 amended=yes', 'the month may change');
select is_empty('select * from reconcile()', 'and the counts with it');

-- After the last day only reseat promotes, and a later last day.
select is(say('E', 'exams',
          'schedule session=S exam=X date=2027-06-14 seats=3 place=Emmen host=A opens=- closes=2027-02-28'),
          'OK state=scheduled seats=3 free=0 waiting=1 amended=yes', 'closed');
select is(say('B', 'roc', 'register session=S student=9 name=n born=2009'), 'NO closed field=session',
          'nobody comes in');
select is(say('B', 'roc', 'withdraw session=S student=1'), 'OK state=withdrawn', 'one leaves');
select is(say('N', 'nuffic', 'sessions session=S'),
          '= session=S exam=X date=2027-06-14 closes=2027-02-28 until=2027-02-28 seats=3 free=1 waiting=1 place=Emmen host=A state=scheduled log='
          || (select log from session where session = 'S'), 'the seat stays free');
select is(say('E', 'exams', 'schedule session=S exam=X date=2027-06-14 seats=3 place=Emmen host=A closes=2027-03-01'),
          'OK state=scheduled seats=3 free=0 waiting=0 amended=yes', 'open again: who waits is promoted');
select is(say('O', 'ocw', 'sessions session=S'),
          '= session=S exam=X date=2027-06-14 closes=2027-03-01 until=2027-03-01 seats=3 place=Emmen host=A state=scheduled',
          'the ministry does not see how many, nor that it changes');

-- cancel
select is(say('B', 'roc', 'cancel session=S reason=ziek'), 'NO not-yours field=session', 'of others');
update registration set reached = 3 where session = 'S' and entered = (select min(entered) from registration where state = 'seated');
select is(say('A', 'roc', 'cancel session=S reason=ziek'), 'NO attended field=session', 'not once one was attended');
update registration set reached = 0;
select is(say('A', 'roc', 'cancel session=S reason=ziek', 'cancel session=S reason=anders'),
          E'OK state=cancelled\nOK state=cancelled repeated=yes', 'cancelled once');
select is(say('B', 'roc', 'sessions session=S'),
          '= session=S exam=X date=2027-06-14 closes=2027-03-01 until=2027-03-01 seats=3 free=0 place=Emmen host=A state=cancelled reason=ziek log='
          || (select log from session where session = 'S'), 'everybody reads why');
select is((select array_agg(distinct state order by state) from registration where session = 'S'), array['cancelled',
          'withdrawn'], 'with its registrations');
select is_empty('select * from reconcile()', 'that count no more');
select is(say('B', 'roc', 'register session=S student=2 name=n born=2009',
          'register session=S student=2 name=n born=2009 again=2'),
          E'NO ended again=2\nNO closed field=session', 'it does not come back');
select is(say('E', 'exams', 'reseat session=S seats=9', 'reseat session=S seats=3'),
          E'NO closed field=session\nOK state=cancelled seats=3 free=0 waiting=0 repeated=yes', 'nor do its seats');
select * from finish();
rollback;
