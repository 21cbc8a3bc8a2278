'use strict';
// Lines of JSON in, lines of JSON out: the translations that test_prisma_protocol.py tries.
const readline = require('node:readline');
const path = require('node:path');

const room = process.argv[2];
const { toJsonProtocol } = require(path.join(room, 'graphql.js'));
const { Answers, untagged, rawRows } = require(path.join(room, 'answers.js'));
const schemas = require(path.join(room, 'schema.js'));

let schema;
const registry = { registeredErrors: [], consumeError: (id) => registry.registeredErrors[id] };
const target = { host: 'h', port: 1, user: 'u', database: 'd' };
const verbs = {
  schema: (text) => { schema = schemas.load(text); return Object.keys(schema.operations).length; },
  document: (text) => toJsonProtocol(text, schema),
  untagged,
  rows: rawRows,
  answer: (text) => new Answers(registry, target).translate(text),
  fail: ({ message, code }) => { registry.registeredErrors.push({ error: Object.assign(new Error(message), { code }) }); return registry.registeredErrors.length - 1; },
  kept: () => registry.registeredErrors.filter(Boolean).length,
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, value] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ ok: verbs[verb](value) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
});
