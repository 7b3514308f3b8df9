--
-- PostgreSQL database dump
--

\restrict kXlRP0gHsuL3y8NE

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET default_tablespace = '';

CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
COMMENT ON EXTENSION pg_stat_statements IS 'track; statistics';

CREATE FUNCTION public.odd(a integer) RETURNS text
    LANGUAGE plpgsql
    AS $_$ BEGIN RETURN '\! ' || E'\' ; \\' || $1; END; -- $$
    $_$;

ALTER FUNCTION public.odd(a integer) OWNER TO takumi;

CREATE FUNCTION public.atomic() RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT CASE WHEN true THEN 1 ELSE 2 END AS "case";
 SELECT 2;
END;

CREATE TABLE public.profiles (
    id integer DEFAULT '-1'::integer,
    "odd; name" text DEFAULT 'it''s \'::text COLLATE "C",
    esc text DEFAULT E'a\';\\' /* a; /* nested */ comment */
);
ALTER TABLE public.profiles OWNER TO "Odd; ""owner""";

CREATE RULE twice AS ON INSERT TO public.profiles DO ( SELECT 1; SELECT 2; );

COPY public.profiles (id, "odd; name", esc) FROM stdin;
1	\\! touch /tmp/owned	\N
2	; DROP DATABASE takumi;	\\.
\.

COPY public.empty (id) FROM stdin;
\.

SELECT pg_catalog.setval('public.ids', 3, true);
ALTER DEFAULT PRIVILEGES FOR ROLE takumi IN SCHEMA public GRANT SELECT ON TABLES TO reader;
GRANT SELECT ON TABLE public.profiles TO reader;

--
-- PostgreSQL database dump complete
--

\unrestrict kXlRP0gHsuL3y8NE

