-- Exams, their parts, and who keeps them.
begin;
select plan(18);
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, log)
values ('A', 'A', 'college', 'NL', 0), ('E', 'E', 'exam-office', 'NL', 0), ('F', 'F', 'exam-office', 'DE', 0);

select is(say('E', 'exams',
          'exam exam=DE-A2 issuer=E language=de level=A2 certificate=yes edition=2026 total=120.50'), 'OK', 'made');
select is(say('E', 'exams',
          'exam exam=DE-A2 issuer=E language=de level=A2 certificate=yes edition=2026 total=120.50'),
          'OK repeated=yes', 'repeated');
select is(say('E', 'exams', 'exam exam=DE-A2 issuer=E language=de level=A2 certificate=yes edition=2027 combine=yes'),
          'OK amended=yes', 'amended');
select is(say('F', 'exams', 'exam exam=DE-A2 issuer=F language=de level=A2 certificate=yes edition=2027'),
          'NO not-yours field=exam', 'of another office');
select is(say('E', 'exams', 'exam exam=DE-B1 issuer=F language=de level=B1 certificate=yes edition=1'),
          'NO not-yours field=issuer', 'for another office');
select is(say('E', 'exams', 'exam exam=DE-B1 issuer=Z language=de level=B1 certificate=yes edition=1'),
          'NO not-found field=issuer', 'for nobody');
select is(say('N', 'admin', 'exam exam=DE-B1 issuer=F language=de level=B1 certificate=no edition=1'), 'OK',
          'the administrator may');
select is(say('E', 'exams', 'exam exam=DE-A2 issuer=E language=de level=A2 certificate=yes edition=2028 seen=0'),
          'NO changed last=' || (select log from exam where exam = 'DE-A2'), 'changed since');
select is(say('E', 'exams', 'exam-part exam=DE-A2 part=lezen max=100 pass=60',
          'exam-part exam=DE-A2 part=lezen max=100 pass=60'),
          E'OK\nOK repeated=yes', 'a part');
select is(say('E', 'exams', 'exam-part exam=DE-A2 part=lezen max=50 pass=60'), 'NO range field=pass',
          'a pass mark above the highest score');
select is(say('E', 'exams', 'exam-part exam=DE-A2 part=lezen max=100.00 pass=60.50',
          'exam-part exam=DE-A2 part=Schrijven max=9 pass=9'),
          E'OK amended=yes\nOK', 'a part amended, a second');
select is(say('E', 'exams', 'exam-part exam=ZZ part=a max=1 pass=1', 'exam-part exam=DE-B1 part=a max=1 pass=1'),
          E'NO not-found field=exam\nNO not-yours field=exam', 'parts of others');
select is(say('E', 'exams',
          variadic array(select 'exam-part exam=DE-A2 part=p' || n || ' max=1 pass=1' from generate_series(1, 49) n)),
          repeat(E'OK\n', 48) || 'NO full field=part', 'fifty parts and no more');
delete from exam_part where part ~ '^p[0-9]';
select is(say('A', 'roc', 'exams'),
          format(E'= exam=DE-A2 issuer=E language=de level=A2 certificate=yes edition=2027 combine=yes total=120.5 parts=Schrijven:9:9,lezen:100:60.5 log=%s\n'
                 '= exam=DE-B1 issuer=F language=de level=B1 certificate=no edition=1 log=%s',
                 (select max(log) from exam_part), (select log from exam where exam = 'DE-B1')), 'all see all');
select is(say('A', 'roc', 'exams limit=1 after=DE-A2'), say('A', 'roc', 'exams exam=DE-B1'), 'a page');

insert into session (session, exam, date, seats, place, host, state, log) values ('S', 'DE-A2', '2027-06-01', 9, 'x',
       'A', 'scheduled', 0);
select is(say('A', 'roc', 'register session=S student=1 name=n born=2009'), 'OK state=seated', 'somebody registers');
select is(say('E', 'exams', 'exam exam=DE-A2 issuer=E language=de level=B1 certificate=yes edition=2027'),
          'NO range field=level', 'then the level stays');
select is(say('E', 'exams', 'exam exam=DE-A2 issuer=E language=fr level=A2 certificate=yes edition=2027'),
          'NO range field=language', 'and the language');
select * from finish();
rollback;
