-- What the daemon's role may do: execute the functions of commands and those of the border, nothing else.
begin;
select plan(16);
create temp view called as
    select verb as name from tests.command
    union all
    select unnest(array['batch-open', 'write-open', 'read-open', 'log-append', 'admit', 'news', 'watch', 'submitted', 'commit', 'signatures',
                        'keys-open', 'key-drop', 'reseal-next', 'reseal']);

select bag_eq($$select replace(proname, '_', '-')::text from pg_proc
                where pronamespace = current_schema()::regnamespace and has_function_privilege('buurtaald', oid,
                    'execute')$$,
              'select * from called', 'it may execute what the daemon calls, and no helper');
select is_empty($$select relname from pg_class where relnamespace = 'registry'::regnamespace and relkind in ('r', 'v', 'm', 'p')
                  and has_table_privilege('buurtaald', oid,
                      'select, insert, update, delete, truncate, references, trigger')$$,
                'it has no right on any table');
select is_empty($$select relname from pg_class where relnamespace = 'registry'::regnamespace and relkind in ('r', 'v', 'm', 'p')
                  and has_any_column_privilege('buurtaald', oid,
                      'select, insert, update, references')$$, 'nor on any column');
select is(has_schema_privilege('buurtaald', 'registry', 'usage, create'), false,
          'nor the use of the schema with the tables');
select is(has_schema_privilege('buurtaald', current_schema(), 'create'), false, 'it cannot add to the api');
select is(has_schema_privilege('buurtaald', 'public', 'create'), false, 'nor to public');
select is(has_database_privilege('buurtaald', current_database(), 'create, temporary'), false,
          'nor make schemas or temporary tables');
select is_empty($$select relname from pg_class where relowner = 'buurtaald'::regrole
                  union all select proname from pg_proc where proowner = 'buurtaald'::regrole
                  union all select nspname from pg_namespace
                      where nspowner = 'buurtaald'::regrole$$, 'it owns nothing');
select is((select row(rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text from pg_roles
          where rolname = 'buurtaald'),
          '(f,f,f,f,f)', 'it is nobody special');
select is_empty($$select 1 from pg_auth_members where member = 'buurtaald'::regrole$$, 'and a member of no other role');
select is_empty($$select proname from pg_proc where pronamespace = current_schema()::regnamespace
                  and (prosecdef or has_function_privilege('buurtaald', oid, 'execute'))
                  and not (proowner = 'buurtaal_owner'::regrole and prosecdef
                           and proconfig @> array[format('search_path=%s, registry, public, pg_temp',
                               current_schema())])$$,
                'what it may execute runs as the owner, with a search path of its own');
select is((select rolcanlogin from pg_roles where rolname = 'buurtaal_owner'), false, 'nobody logs in as the owner');

-- and so it is in fact
create function pg_temp.as_daemon(statement text) returns text language plpgsql as $$
begin
    set local role buurtaald;
    execute statement;
    raise exception 'done' using errcode = 'BT000';
exception when others then
    return sqlstate; -- and the role is back
end
$$;
select is(pg_temp.as_daemon('select * from registry.audit'), '42501', 'it cannot read a table');
select is(pg_temp.as_daemon('create temporary table mine (a integer)'), '42501', 'nor make one');
select is(pg_temp.as_daemon(format('select %I.recount(null, null)', current_schema())), '42501', 'nor call a helper');
select is(pg_temp.as_daemon(format('select * from %I.admit(''\x'', 0)', current_schema())), 'BT000',
          'but the border it can');

select * from finish();
rollback;
