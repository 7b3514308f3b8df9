#!/bin/sh
# The three roles beside the owner, once, when the database is made; their passwords are files and never arguments.
set -eu
for role in bot sequencer retention; do
  name=takumi_bot; [ "$role" = bot ] || name="takumi_bot_$role"
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
\set password \`cat /run/secrets/${role}_password\`
CREATE ROLE $name LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE "$POSTGRES_DB" TO $name;
SQL
done
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
REVOKE ALL ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
SQL
