-- Column types, with what their text depends on: time zones, float digits, quotes, the order of columns; and every
-- kind of thing that a dump carries. No xml: the embedded server is built without it.
CREATE TYPE mood AS ENUM ('sad', 'happy "quoted"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE every_type (
    t text, i2 smallint, i4 int, i8 bigint, n numeric, f4 real, f8 double precision, m money, b boolean, c char(5),
    v varchar(9), by bytea, d date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, j json,
    jb jsonb, ia int[], ta text[][], r int4range, mr int4multirange, ip inet, ci cidr, mac macaddr, p point,
    bx box, bi bit(5), vb varbit, tv tsvector, tq tsquery, o mood, co pair, dom positive, lsn pg_lsn,
    "weird ""name""" text, twice int GENERATED ALWAYS AS (i4 * 2) STORED);
INSERT INTO every_type VALUES (
    E'日本語 \t"quoted", (x) \\', -1, 2, 9223372036854775807, 1.10, 0.1, 1e-300, '$1,234.50', true, 'ab', 'v',
    '\xdeadbeef', '2026-11-24', '02:03:04.5', '02:03:04+05:30', '2026-11-24 02:03', '2026-03-29 02:30+02',
    '1 year 2 mons 3 days 04:05:06.7', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1,  "a": [null]}',
    '{"b": 1, "a": [null]}', '{1,NULL,3}', '{{a,"b c"},{NULL,""}}', '[1,5)', '{[1,3),[7,9)}',
    '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '(1,2)', '(3,4),(1,2)', B'10101', B'101', 'a:1 b:2', 'a & b',
    'happy "quoted"', ROW(1, 'x, "y"'), 5, '16/B374D848', 'weird');
INSERT INTO every_type (t) VALUES (NULL), (''), ('NULL');
INSERT INTO every_type (f4, f8, n, tstz) VALUES ('NaN', '-Infinity', 'NaN', 'infinity');
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE "Odd.name" ("Odd.name" int, t text);
INSERT INTO "Odd.name" VALUES (1, 'x');
CREATE TABLE parent (a int);
CREATE TABLE child (c text) INHERITS (parent);
ALTER TABLE parent ADD COLUMN late text;
INSERT INTO child (a, c, late) VALUES (1, 'c', 'late');
INSERT INTO parent VALUES (2, 'p');
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_2 PARTITION OF events DEFAULT;
INSERT INTO events (at) SELECT date '2026-01-01' + n FROM generate_series(0, 364) AS n;
CREATE UNLOGGED TABLE unlogged_one AS SELECT 1 AS a;
CREATE TABLE dropped_column (a int, gone text, b int);
ALTER TABLE dropped_column DROP COLUMN gone;
INSERT INTO dropped_column VALUES (1, 2);
CREATE MATERIALIZED VIEW stale AS SELECT * FROM child;
INSERT INTO child (a) VALUES (3);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA;
CREATE SEQUENCE counted; SELECT nextval('counted'), nextval('counted');
CREATE SEQUENCE unused;
CREATE SEQUENCE downwards INCREMENT -1; SELECT nextval('downwards'), nextval('downwards');
SELECT lo_from_bytea(4711, '\x00ff00'), lo_from_bytea(4712, ''), lo_from_bytea(4713, repeat('long', 9999)::bytea);
CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42; -- it''s $1';
CREATE TRIGGER suppressed BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
