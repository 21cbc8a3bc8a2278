'use strict';
/** Prisma's query engine, the WebAssembly build that @prisma/client carries. */
const fs = require('node:fs');
const path = require('node:path');
const log = require('./log');

/** The engine's version: the prisma-engines commit behind the installed packages. */
function version() {
  return require('@prisma/engines-version').enginesVersion;
}

/**
 * @param {string} schema text of schema.prisma
 * @param {object} adapter a bound driver adapter, already connected
 * @returns {Promise<object>} an engine: query(), startTransaction(), commitTransaction(), rollbackTransaction()
 */
async function load(schema, adapter) {
  const runtime = path.join(path.dirname(require.resolve('@prisma/client/package.json')), 'runtime');
  const glue = require(path.join(runtime, 'query_engine_bg.postgresql.js'));
  const code = fs.readFileSync(path.join(runtime, 'query_engine_bg.postgresql.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './query_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  const engine = new glue.QueryEngine({
    datamodel: schema,
    env: {}, // the adapter holds the connection, the engine needs no URL
    ignoreEnvVarErrors: true,
    datasourceOverrides: {},
    configDir: process.cwd(),
    engineProtocol: 'json',
    logLevel: 'error',
    logQueries: false,
  }, (line) => log.info(line), adapter);
  await engine.connect('{}');
  return engine;
}

module.exports = { load, version };
