'use strict';
/** Prisma's own PostgreSQL driver adapter on a connection pool that keeps to the database URL's parameters. */
const { Client, Pool, types } = require('pg');
const { PrismaPg } = require('@prisma/adapter-pg');
const { bindAdapter } = require('@prisma/driver-adapter-utils');
const { parse: parseArray } = require('postgres-array');
const { clientSettings } = require('./database');
const log = require('./log');

const OID = { name: 19, text: 25, jsonArray: 199, nameArray: 1003, textArray: 1009, jsonbArray: 3807 };
const AS_TEXT = { [OID.name]: OID.text, [OID.nameArray]: OID.textArray };

const textArray = (text) => parseArray(text);
types.setTypeParser(OID.nameArray, textArray);
types.setTypeParser(OID.jsonArray, textArray); // documents stay text: parsing them would turn 1.0 into 1
types.setTypeParser(OID.jsonbArray, textArray);

class EngineClient extends Client {
  constructor(settings) {
    // The pool's connectionTimeoutMillis is the wait for a free connection. A copy of its settings would lack the
    // password, which it hides from enumeration.
    super(Object.create(settings, { connectionTimeoutMillis: { value: settings.connectTimeoutMillis } }));
  }

  /** The adapter refuses catalogue columns of type "name", which the native engine hands over as text. */
  _handleRowDescription(message) {
    for (const field of message.fields) field.dataTypeID = AS_TEXT[field.dataTypeID] ?? field.dataTypeID;
    super._handleRowDescription(message);
  }
}

async function makePool(target) {
  const settings = await clientSettings(target);
  const pool = new Pool({
    ...settings,
    Client: EngineClient,
    // UTC, because the adapter drops the offset of a timestamptz; the schema as Prisma sets it on connecting
    options: [target.options, '-c timezone=UTC', `-c search_path="${target.schema.replace(/[\\ "]/g, '\\$&')}"`].filter(Boolean).join(' '),
    max: target.connectionLimit,
    connectTimeoutMillis: target.connectTimeout * 1000,
    connectionTimeoutMillis: target.poolTimeout * 1000,
    idleTimeoutMillis: target.idleLifetime * 1000,
    maxLifetimeSeconds: target.lifetime,
  });
  pool.on('error', (error) => log.info('an idle database connection was lost:', error.message));
  // one lost while in use fails its query; without a listener it would end this process as well
  pool.on('connect', (client) => client.on('error', (error) => log.info('a database connection was lost:', error.message)));
  return pool;
}

function observed(adapter, metrics) {
  for (const method of ['queryRaw', 'executeRaw']) {
    const run = adapter[method];
    adapter[method] = (query) => metrics.datasourceQuery(() => run(query));
  }
  return adapter;
}

/**
 * @param {object} target parsed database URL
 * @param {import('./metrics').Metrics} metrics
 * @returns {Promise<{pool: Pool, adapter: object}>} once a first connection stands
 * @throws what `pg` throws when it cannot connect
 */
async function open(target, metrics) {
  const pool = await makePool(target);
  metrics.watch(pool);
  (await pool.connect()).release(); // Prisma's engine, too, does not start without its database
  const adapter = bindAdapter(new PrismaPg(pool, { schema: target.schema }));
  const startTransaction = adapter.startTransaction;
  adapter.startTransaction = async () => (await startTransaction()).map((transaction) => observed(transaction, metrics));
  return { pool, adapter: observed(adapter, metrics) };
}

module.exports = { open };
