'use strict';
/**
 * `prisma migrate deploy` and `prisma migrate resolve`, as Prisma's schema engine does them: that engine has no
 * WebAssembly build at 5.17, and LiteLLM runs these two commands when it starts. LiteLLM's 220 migrations take an
 * empty database about a second, so there is no short cut past them.
 */
const { Client } = require('pg');
const { clientSettings } = require('./database');
const { Known, describe } = require('./errors');
const { Ledger } = require('./ledger');
const { read } = require('./migrations');

const ADVISORY_LOCK = 72707369; // Prisma's own number
const LOCK_TIMEOUT_MS = Number(process.env.LOCALCLOUD_PRISMA_LOCK_TIMEOUT_MS ?? 10_000);
const RECOVER = 'Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve';

async function connect(target) {
  try {
    const client = new Client(await clientSettings(target));
    client.on('error', () => {}); // a connection that breaks is told by the query that it fails
    await client.connect();
    return client;
  } catch (error) {
    const { code, message } = describe(error, target);
    throw new Known(`${code}: ${message}`);
  }
}

async function connectToExisting(target) {
  try {
    return await connect(target);
  } catch (error) {
    if (!error.message.startsWith('P1003')) throw error;
  }
  const maintenance = await connect({ ...target, database: 'postgres' });
  await maintenance.query(`CREATE DATABASE ${maintenance.escapeIdentifier(target.database)}`).finally(() => maintenance.end());
  return connect(target);
}

async function lock(client, target) {
  if (process.env.PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK) return;
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    await client.query(`SELECT pg_advisory_lock(${ADVISORY_LOCK})`);
  } catch (error) {
    throw new Known(`P1002\n\nThe database server at \`${target.host}:${target.port}\` was reached but timed out.\n\n`
      + `Context: Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(${ADVISORY_LOCK})): ${error.message}`);
  }
  await client.query('RESET lock_timeout');
}

async function session(target, work) {
  const client = await connectToExisting(target);
  try {
    await lock(client, target);
    const schema = client.escapeIdentifier(target.schema);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await client.query(`SET search_path = ${schema}`);
    return await work(client, new Ledger(client));
  } finally {
    await client.end();
  }
}

function refuseFailed(rows) {
  const failed = rows.filter((row) => row.failed);
  if (!failed.length) return;
  const told = failed.map(({ migration_name: name, started_at: started, logs }) => (
    `The \`${name}\` migration started at ${started} failed${logs?.trim() ? ` with the following logs:\n${logs.trim()}` : ''}`));
  throw new Known(`P3009\n\nmigrate found failed migrations in the target database, new migrations will not be applied. ${RECOVER}\n${told.join('\n')}`);
}

async function apply(client, ledger, migration) {
  const id = await ledger.start(migration);
  try {
    await client.query(migration.sql); // one simple query: all its statements are one transaction
  } catch (error) {
    const message = `A migration failed to apply. New migrations cannot be applied before the error is recovered from. ${RECOVER}\n\n`
      + `Migration name: ${migration.name}\n\nDatabase error code: ${error.code ?? 'unknown'}\n\nDatabase error:\n${error.severity ?? 'ERROR'}: ${error.message}`;
    await ledger.fail(id, message).catch(() => {}); // the connection may be what failed
    throw new Known(`P3018\n\n${message}`);
  }
  await ledger.finish(id);
}

/**
 * Brings the database up to the last migration.
 * @param {object} target parsed database URL
 * @param {string} root the folder that holds schema.prisma and migrations/
 * @param {(line: string) => void} say told what happens
 * @throws {Known} with Prisma's code first: P1001, P3005, P3009, P3018 …
 */
async function deploy(target, root, say) {
  const migrations = read(root);
  say(`${migrations.length} migrations found in prisma/migrations\n`);
  await session(target, async (client, ledger) => {
    if (!(await ledger.exists())) {
      if (!(await ledger.schemaIsEmpty())) {
        throw new Known('P3005\n\nThe database schema is not empty. Read more about how to baseline an existing production database: https://pris.ly/d/migrate-baseline');
      }
      await ledger.create();
    }
    const rows = await ledger.rows();
    refuseFailed(rows);
    const applied = new Set(rows.filter((row) => row.applied).map((row) => row.migration_name));
    const pending = migrations.filter(({ name }) => !applied.has(name));
    for (const migration of pending) {
      say(`Applying migration \`${migration.name}\``);
      await apply(client, ledger, migration);
    }
    say(pending.length ? '\nAll migrations have been successfully applied.' : '\nNo pending migrations to apply.');
  });
}

/** Records `name` as applied without running it. */
async function markApplied(target, root, name) {
  const migration = read(root).find((m) => m.name === name);
  if (!migration) throw new Known(`P3017\n\nThe migration ${name} could not be found. Please make sure that the migration exists, and that you included the whole name of the directory.`);
  await session(target, async (client, ledger) => {
    if (!(await ledger.exists())) await ledger.create();
    const rows = (await ledger.rows()).filter((row) => row.migration_name === name);
    if (rows.some((row) => row.applied)) throw new Known(`P3008\n\nThe migration \`${name}\` is already recorded as applied in the database.`);
    await client.query('BEGIN');
    for (const row of rows.filter((r) => r.failed)) await ledger.rollBack(row.id);
    await ledger.record(migration);
    await client.query('COMMIT');
  });
}

/** Records that the failed migration `name` was undone, so that it is tried again. */
async function markRolledBack(target, name) {
  await session(target, async (client, ledger) => {
    const rows = (await ledger.exists()) ? (await ledger.rows()).filter((row) => row.migration_name === name) : [];
    if (!rows.length) throw new Known(`P3011\n\nMigration \`${name}\` cannot be rolled back because it was never applied to the database.`);
    const failed = rows.filter((row) => row.failed);
    if (!failed.length) throw new Known(`P3012\n\nMigration \`${name}\` cannot be rolled back because it is not in a failed state.`);
    for (const row of failed) await ledger.rollBack(row.id);
  });
}

module.exports = { deploy, markApplied, markRolledBack };
