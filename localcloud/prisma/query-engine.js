'use strict';
/**
 * Takes the place of Prisma's native `query-engine` binary, which prisma-client-py starts as
 *     query-engine -p PORT --enable-metrics --enable-raw-queries
 * with the schema's path in PRISMA_DML_PATH and the database in DATABASE_URL (or OVERWRITE_DATASOURCES).
 * The work is done by the WebAssembly build of the same engine, from Prisma's own packages.
 */
const fs = require('node:fs');
const { parseArgs } = require('node:util');

const engines = require('./engine');
const log = require('./log');

const PANIC = 101; // the exit code of a Rust panic

function options() {
  return parseArgs({
    options: {
      port: { type: 'string', short: 'p', default: '4466' },
      version: { type: 'boolean', short: 'V' },
      'enable-metrics': { type: 'boolean' },
      'enable-raw-queries': { type: 'boolean' },
      'enable-playground': { type: 'boolean' },
    },
  }).values;
}

function schemaText() {
  const { PRISMA_DML: inline, PRISMA_DML_PATH: file } = process.env;
  if (inline) return Buffer.from(inline, 'base64').toString('utf8');
  if (file) return fs.readFileSync(file, 'utf8');
  throw new Error('no schema: set PRISMA_DML_PATH');
}

function databaseUrl() {
  const { OVERWRITE_DATASOURCES: overwritten, DATABASE_URL: url } = process.env;
  return overwritten ? JSON.parse(overwritten)[0].url : url;
}

/** A killed parent must not leave its engine, and the engine's connections, behind. */
function endWithParent() {
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.exit(0); }, 1000).unref();
}

async function start(port) {
  // required here, so that --version, asked for before every start, answers at once
  const adapters = require('./adapter');
  const { Answers } = require('./answers');
  const { parse } = require('./database');
  const errors = require('./errors');
  const { Metrics } = require('./metrics');
  const schemas = require('./schema');
  const { Service, serve } = require('./server');

  const target = parse(databaseUrl());
  const metrics = new Metrics();
  const text = schemaText();
  const { adapter } = await adapters.open(target, metrics).catch((error) => {
    const { code, message } = errors.describe(error, target);
    throw new errors.Known(`${code}: ${message}`);
  });
  const engine = await engines.load(text, adapter);
  const schema = schemas.load(text, process.env.LOCALCLOUD_PRISMA_CACHE);
  const answers = new Answers(adapter.errorRegistry, target);
  await serve(new Service({ engine, schema, answers, metrics }), port, () => process.exit(PANIC));
}

const { version, port } = options();
if (version) {
  console.log(`query-engine ${engines.version()}`);
} else {
  process.title = 'query-engine'; // LiteLLM finds orphaned engines by that name
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
  endWithParent();
  start(Number(port)).catch((error) => {
    log.error('the query engine cannot start:', error.known ? error.message : error.stack);
    process.exit(1);
  });
}
