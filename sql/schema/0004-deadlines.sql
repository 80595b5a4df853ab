-- Terms that the exam office sets for its exams.

alter table exam
    add notice integer check (notice >= 0),         -- days before a session's date; absent: 28
    add wishes text;                                -- windows, as the type of that name has them

-- The session's exam's, kept here so that `register` finds it where it looks anyway.
alter table session add notice integer not null default 28 check (notice >= 0);
drop index session_coalesce_idx;
create index on session ((coalesce(closes, date - notice))) where state = 'scheduled';
