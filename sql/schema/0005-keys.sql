-- The keys that seal personal data, as fingerprints: which key seals, and how far its predecessors' values are sealed anew.

create table sealing (
    one boolean primary key default true check (one),
    matching bytea check (length(matching) = 32),   -- NULL until the first daemon has shown its keys
    key integer check (key > 0),                    -- the one that seals
    since timestamptz,                              -- when it began to
    floor integer not null default 0,               -- what an older one seals is not taken any more
    done boolean not null default false,            -- no value is sealed with another
    -- The walk over all sealed values: where it is, and what it met with so far.
    place integer not null default 1,
    after jsonb,                                    -- the primary key of the last row; NULL: before the first
    seen bigint not null default 0,                 -- rows of this place
    found bigint not null default 0,                -- values under another key
    unopened bigint not null default 0,             -- of these, what did not open
    rest timestamptz                                -- the walk waits until then
) with (fillfactor = 10);
insert into sealing default values;

-- Every key that a daemon has shown. A number never means another key.
create table sealing_key (
    number integer primary key check (number > 0),
    print bytea not null check (length(print) = 32),
    retired boolean not null default false          -- it seals nothing, and never will again
);

-- What a new matching key makes of each hash, while `buurtaald rekey` is at work; else empty.
create table rekeyed (
    old bytea primary key check (length(old) = 32),
    new bytea not null unique check (length(new) = 32)
);

-- NULL: by the key of then, which is gone; such a block runs again when it comes again.
alter table submission alter lines drop not null;
