'use strict';
/**
 * Prisma's own record of what was applied: the table `_prisma_migrations`, with the columns and meanings of its
 * schema engine (sql-schema-connector, sql_migration_persistence.rs).
 */
const crypto = require('node:crypto');

const CREATE = `CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

const OBJECTS = `SELECT count(*)::int AS objects FROM (
    SELECT relnamespace FROM pg_class
    UNION ALL SELECT typnamespace FROM pg_type
    UNION ALL SELECT pronamespace FROM pg_proc
  ) AS found (namespace) JOIN pg_namespace ON pg_namespace.oid = namespace WHERE nspname = current_schema()`;

class Ledger {
  /** @param {import('pg').Client} client connected, its search_path on the schema to migrate */
  constructor(client) {
    this.client = client;
  }

  async exists() {
    const { rows } = await this.client.query("SELECT to_regclass(quote_ident(current_schema()) || '._prisma_migrations') IS NOT NULL AS found");
    return rows[0].found;
  }

  /** Whether the schema holds nothing at all. */
  async schemaIsEmpty() {
    const { rows } = await this.client.query(OBJECTS);
    return rows[0].objects === 0;
  }

  create() {
    return this.client.query(CREATE);
  }

  /** @returns rows: migration_name, applied, failed, started_at (text), logs */
  async rows() {
    const { rows } = await this.client.query(
      `SELECT id, migration_name, logs, rolled_back_at IS NULL AND finished_at IS NOT NULL AS applied,
              rolled_back_at IS NULL AND finished_at IS NULL AS failed,
              to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US UTC') AS started_at
       FROM _prisma_migrations ORDER BY started_at`,
    );
    return rows;
  }

  async start({ name, checksum }) {
    const id = crypto.randomUUID();
    await this.client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [id, checksum, name]);
    return id;
  }

  /** Records a migration as applied that somebody else applied. */
  record({ name, checksum }) {
    return this.client.query(
      'INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ($1, $2, $3, now())',
      [crypto.randomUUID(), checksum, name],
    );
  }

  finish(id) {
    return this.client.query('UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = applied_steps_count + 1 WHERE id = $1', [id]);
  }

  fail(id, logs) {
    return this.client.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, logs]);
  }

  rollBack(id) {
    return this.client.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = $1', [id]);
  }
}

module.exports = { Ledger };
