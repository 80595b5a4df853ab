-- What was left behind of personal data: by earlier versions, and by the planner.

-- Statistics hold samples of a column's values and outlive the rows that they were taken of. No more are taken of sealed
-- values since 0006, and of reasons as earlier versions wrote them from now on; a column that is given its type again
-- loses those there are.
alter table registration alter reason set statistics 0;
alter table student alter student type bytea;
alter table eckid alter eckid type bytea;
alter table attendance alter irregularity type bytea;
alter table registration
    alter name type bytea,
    alter born type bytea,
    alter needs type bytea,
    alter reason type text;
alter table withdrawal alter reason type bytea;

-- By which keys_open() finds reasons that earlier versions wrote as they came, for the daemon to seal: soon it is empty.
create index registration_reason on registration (entered) where reason is not null;

-- `buurtaald rekey` makes its tables when it begins, and no statistics of old hashes outlive it.
drop table rekeyed;

-- By which retention goes through a session, a page at a time. Of those alone that it may look for: one of all registrations
-- would draw the plans of other questions, which know nothing of how many there are.
create index registration_held on registration (session, entered) where name is not null;
