-- Sealing keys: which may seal, what is sealed with another, and that no sealed column is forgotten.
begin;
select plan(57);

-- ---- nothing is forgotten
select set_eq($$select table_name::text, column_name::text from information_schema.columns
                where table_schema = 'registry' and data_type = 'bytea'
                  and (table_name, column_name) not in (
                      ('log_head', 'head'), ('head', 'head'), ('audit', 'certificate'), ('access', 'fingerprint'),
                      ('access', 'issuer'), ('revoked_fingerprint', 'fingerprint'), ('submission', 'lines'),
                      ('sealing', 'matching'), ('sealing_key', 'print'),
                      ('migration', 'sha256'), ('inbox', 'certificate'),
                      ('certificate_end', 'fingerprint'), ('certificate_end', 'certificate'))$$,
              'select relation, name from sealed_columns() union all select relation, name from hashed_columns()',
              'every column of bytes is sealed, a hash of what is sealed, or known as neither');
select bag_eq('select place from sealed_columns()', 'select generate_series(1, (select count(*)::integer from sealed_columns()))',
              'the walk goes over all of them');
select is_empty($$select name from sealed_columns()
                  where name not in (select field.name from tests.field field where field.sealed)$$,
                'each has the name of its field, which its values are bound to');

-- ---- a daemon shows its keys
create function pg_temp.print(key text) returns text language sql as $$
    select encode(sha256(convert_to(key, 'UTF8')), 'hex')
$$;
create function pg_temp.shown(matching text, variadic keys text[]) returns text language sql as $$
    select concat_ws(' ', pg_temp.print(matching), string_agg(format('%s=%s', split_part(key, ':', 1), pg_temp.print(key)), ' '))
    from unnest(keys) key
$$;
select is((select matching from sealing), null, 'at first the registry has no keys');
select is(keys_open(pg_temp.shown('M', '1:a'), false), null, 'who only reads is let in');
select is((select matching from sealing), null, 'and settles nothing');
select is(keys_open(pg_temp.shown('M', '1:a'), true), null, 'the first that writes');
select is((select row(encode(matching, 'hex'), key, floor, done)::text from sealing), row(pg_temp.print('M'), 1, 1, true)::text,
          'settles the matching key, and which seals; there is nothing to seal anew');
select is(keys_open(pg_temp.shown('M', '1:a'), true), null, 'another like it is let in');
select alike(keys_open(pg_temp.shown('N', '1:a'), true), 'matching key: %', 'one with another matching key is not');
select alike(keys_open(pg_temp.shown('N', '1:a'), false), 'matching key: %', 'nor is its reading connection');
select alike(keys_open(pg_temp.shown('M', '1:b'), true), 'sealing key 1: the registry knows another %', 'nor one with another key');
select alike(keys_open(pg_temp.shown('M', '2:b'), true), 'sealing key 1: it is missing%', 'nor one without the key that seals');
select is((select count(*) from sealing_key), 1::bigint, 'who is refused leaves nothing');

-- ---- what there is to seal anew
create function pg_temp.value(what text, key integer, text_ text) returns bytea language sql as $$
    select sha256(convert_to(what, 'UTF8')) || '\x00' || int4send(key) || sha256(convert_to(text_, 'UTF8'))
$$;
insert into institution (code, name, kind, country, log) values ('C', 'C', 'college', 'NL', 0), ('E', 'E', 'exam-office', 'NL', 0);
insert into exam (exam, issuer, language, level, certificate, edition, log) values ('X', 'E', 'de', 'A2', true, '1', 0);
insert into session (session, exam, date, seats, place, host, state, log) values ('S', 'X', '2030-01-01', 9, 'P', 'C', 'scheduled', 0);
select tests.contingents_make();
insert into student (college, student_hash, student, person)
select 'C', sha256(convert_to('n' || n, 'UTF8')), pg_temp.value('n' || n, 1, 'n'), n from generate_series(1, 100) n;
insert into registration (session, college, student_hash, again, person, state, entered, name, born, needs, log)
select 'S', 'C', sha256(convert_to('n' || n, 'UTF8')), 1, n, 'withdrawn', n, pg_temp.value('name' || n, 1, 'x'),
       pg_temp.value('born' || n, 1, 'x'), case when n <= 3 then pg_temp.value('needs', 1, 'x') end, n
from generate_series(1, 100) n;
insert into attendance (entered, part, status, irregularity, log)
values (1, 'p', 'present', pg_temp.value('irregularity', 1, 'x'), 0), (2, 'p', 'present', null, 0);

-- A walk from where it stands to its end, storing what it hands out as `store` would have it; how many values.
create function pg_temp.walked(newest_ integer, store text default 'new') returns integer language plpgsql as $$
declare
    step record;
    count_ integer := 0;
    moved integer := 0;
begin
    for turn in 1 .. 100 loop
        for step in select * from reseal_next(newest_) loop
            if step.value is not null then
                count_ := count_ + 1;
                perform reseal(array[step.place], array[step."row"::text], array[step.value],
                               array[case store when 'new' then pg_temp.value_again(step.value, newest_) end]);
            end if;
        end loop;
        exit when (select place > (select count(*) from sealed_columns()) or done or rest > clock_timestamp() from sealing);
    end loop;
    return count_;
end
$$;
create function pg_temp.value_again(value bytea, key integer) returns bytea language sql as $$
    select substr(value, 1, 33) || int4send(key) || sha256(value)
$$;
update sealing set done = false, floor = 0;
select is(pg_temp.walked(1), 0, 'a walk where all is under the key that seals hands out nothing');
select is((select done from sealing), false, 'the first proves nothing: an older key might have sealed meanwhile');
update sealing set since = since - interval '1 minute';
select is(pg_temp.walked(1), 0, 'the next begins when that cannot be');
select is((select floor from sealing), 1, 'since no older key may seal');
select reseal_next(1);
select is((select done from sealing), true, 'and proves it');
select is((select count(*) from reseal_next(1) where value is not null), 0::bigint, 'then there is nothing to do');

select is(keys_open(pg_temp.shown('M', '1:a', '2:b'), true), null, 'a daemon shows a second key');
select is((select key from sealing), 1, 'which does not seal before it asks');
select is((select "left" is null and key = 1 from reseal_next(1)), true, 'nor when one asks that lacks it');
select is(older_daemon(2), false, 'when all that are connected have it');
select keys_open(pg_temp.shown('M', '1:a'), false);
select is(older_daemon(2), true, 'nor while a connection that only reads is one of a daemon without it');
select keys_open(pg_temp.shown('M', '1:a', '2:b'), true);
select is((select count(*) from reseal_next(2) where value is not null), 64::bigint, 'it seals, and a step hands out some values');
select is((select row(key, floor, done)::text from sealing), '(2,1,f)', 'what the old one seals is still taken');
select is(pg_temp.walked(2), 100 + 100 + 100 + 3 + 1 - 64, 'the walk hands out each value once, NULLs and ECK iDs that are not there left out');
update sealing set since = since - interval '1 minute';
select is(pg_temp.walked(2), 64, 'what was handed out and never came back comes again');
select pg_temp.walked(2);
set local synchronous_commit = on;
select reseal_next(2);
select is((select done from sealing), true, 'then all is done');
select is(current_setting('synchronous_commit'), 'on', 'which is durable before the old key may go');
select is((select array_agg(number) from sealing_key where retired), array[1], 'and the old key is out of use');
select is(keys_open(pg_temp.shown('M', '2:b'), true), null, 'nobody needs to have it');
select throws_ok($$select batch_open('r', 1, 1)$$, 'BT002', null, 'what it sealed is refused');
select lives_ok($$select batch_open('r', 1, 2)$$, 'what the new one sealed is not');
select lives_ok($$select batch_open('r', 2, 0)$$, 'nor what has nothing sealed');

-- ---- what comes back
select reseal(array[3], array[jsonb_build_array('S', 'C', sha256('n1'), 1)::text], array[pg_temp.value('name1', 1, 'x')],
              array[pg_temp.value_again(pg_temp.value('name1', 1, 'x'), 2)]);
select is((select name from registration where entered = 1), pg_temp.value_again(pg_temp.value('name1', 1, 'x'), 2),
          'a value that is another by now is left alone');
select reseal(array[3], array[jsonb_build_array('S', 'C', sha256('n1'), 1)::text], array[name], array[pg_temp.value('name2', 2, 'x')])
from registration where entered = 1;
select is((select substr(name, 1, 32) from registration where entered = 1), sha256('name1'), 'nothing becomes another value by it');

-- ---- one that does not open
select keys_open(pg_temp.shown('M', '2:b', '3:c'), true);
select pg_temp.walked(3);
update registration set name = set_byte(name, 36, 2) where entered = 7;
update sealing set since = since - interval '1 minute';
select pg_temp.walked(3, 'unopened');
select reseal_next(3);
select is((select done or rest < clock_timestamp() + interval '59 minutes' from sealing), false,
          'where all that is left does not open, the walk waits for an hour');
select is((select count(*) from sealing_key where retired and number = 2), 0::bigint, 'and its key is needed');

-- ---- what a file may lose
select is(key_drop(pg_temp.shown('M', '2:b', '3:c'), 1), null, 'a key that is out of use');
select alike(key_drop(pg_temp.shown('M', '1:a', '3:c'), 2), 'sealing key 2: it is missing, and may still be needed', 'not one with which values are sealed');
select alike(key_drop(pg_temp.shown('M', '2:b'), 3), 'sealing key 3: it is missing%', 'nor the one that seals');
select alike(key_drop(pg_temp.shown('N', '2:b', '3:c'), 1), 'matching key: %', 'nor is a file of another registry judged');
select is(key_drop(pg_temp.shown('M', '2:b', '3:c'), 4), null, 'one that no daemon has');
select keys_open(pg_temp.shown('M', '2:b', '3:c', '4:d'), true);
select alike(key_drop(pg_temp.shown('M', '2:b', '3:c'), 4), 'sealing key 4: a daemon that is connected has it%', 'not one that soon seals');
select is(older_daemon(4), false, 'asking is no daemon');

-- ---- reasons of before they were sealed
update registration set reason = 'ziek' where entered = 5;
update registration set reason = '' where entered = 6;
update sealing set done = true, rest = null;
select is(keys_open(pg_temp.shown('M', '2:b', '3:c'), false), null, 'a connection that only reads');
select is((select count(*) from registration where reason is not null), 2::bigint, 'leaves reasons that earlier versions wrote');
select keys_open(pg_temp.shown('M', '2:b', '3:c'), true);
select is((select count(*) from registration where reason is not null), 0::bigint, 'one that writes has them sealed:');
select is((select array_agg(row(entered, substr(reason, 54), substr(reason, 34, 4))::text) from withdrawal),
          array['(5,"\\x7a69656b","\\x00000000")'], 'they stand where sealed ones do, under no key');
select is((select row(done, place)::text from sealing), '(f,1)', 'and the walk begins');
update sealing set place = 7, after = null;
select is((select count(*) from reseal_next(3) where name = 'reason' and value is not null), 1::bigint, 'which hands them out');
select reseal(array[7], array['[5]'], array[reason], array[pg_temp.value_again(reason, 3)]) from withdrawal;
select is((select substr(reason, 34, 4) from withdrawal), int4send(3), 'and stores them sealed');
select reseal(array[7], array['[5]'], array[reason], array[pg_temp.value('other', 3, 'x')]) from withdrawal;
select isnt((select substr(reason, 1, 32) from withdrawal), sha256('other'), 'from then on no other value');
select keys_open(pg_temp.shown('M', '2:b', '3:c'), true);
select is((select place > 1 from sealing), true, 'where there are none, the walk goes on');

-- ---- a new matching key
select rekey_end(pg_temp.shown('N', '2:b', '3:other'));
select is(keys_open(pg_temp.shown('N', '2:b', '3:other'), true), null, 'the keys that sealed all anew are the registry''s, whatever it knew');

select * from finish();
rollback;
