-- The two roles, and what the database lets them do. Run by whoever runs `buurtaald migrate` (a superuser, or the
-- database's owner with the right to make roles), before everything else and every time: it changes nothing twice.
--   buurtaal_owner  owns schemas, tables and functions; nobody logs in as it
--   buurtaald       the daemon: owns nothing, may execute functions of the api, nothing else
do $$
begin
    if not exists (select from pg_roles where rolname = 'buurtaal_owner') then
        create role buurtaal_owner nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'buurtaald') then
        create role buurtaald login;
    end if;
    -- So that news() may look for write backends of a daemon that has stopped, and end them.
    if not pg_has_role('buurtaal_owner', 'buurtaald', 'usage') then
        grant buurtaald to buurtaal_owner;
    end if;
    if not pg_has_role(current_user, 'buurtaal_owner', 'member') then
        execute format('grant buurtaal_owner to %I', current_user);
    end if;
    execute format('grant create on database %I to buurtaal_owner', current_database());
    execute format('revoke temporary on database %I from public', current_database());
    revoke create on schema public from public;
    alter default privileges for role buurtaal_owner revoke execute on functions from public;
end
$$;

alter role buurtaal_owner set timezone = 'Europe/Amsterdam';
alter role buurtaald set timezone = 'Europe/Amsterdam';
-- What the functions are written for. Compiling plans to machine code costs more than any of them runs.
alter role buurtaald set default_transaction_isolation = 'read committed';
alter role buurtaald set jit = off;
-- A cached answer in place of a function's second run with the same values would be a write that does not happen.
alter role buurtaald set enable_memoize = off;

create extension if not exists btree_gist schema public;
