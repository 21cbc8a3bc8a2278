'use strict';
/**
 * What the GraphQL translation has to know of a Prisma schema, read with Prisma's own schema compiler (the
 * WebAssembly build behind getDMMF).
 *
 * Only paths that lead to a Json value matter: a bare string there means "this JSON document" in the GraphQL
 * protocol but "a JSON string" in the JSON protocol. Everything else is left out, which turns 10 MB of DMMF into
 * a table small enough to keep in memory.
 */
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const FORMAT = 1; // of the table; part of the cache's file name

/** Types that one field accepts, as names: an input object's, or "Json". */
function acceptedTypes(inputTypes) {
  const names = inputTypes
    .filter((t) => t.location === 'inputObjectTypes' || (t.location === 'scalar' && t.type === 'Json'))
    .map((t) => t.type);
  return [...new Set(names)]; // a value and a list of such values are listed apart
}

/** Names of the input types from which a Json value can be reached. */
function reachingJson(inputs) {
  const users = new Map(); // type → types that have a field of it
  for (const [name, fields] of inputs) {
    for (const types of fields.values()) {
      for (const type of types) users.set(type, [...(users.get(type) ?? []), name]);
    }
  }
  const reached = new Set(['Json']);
  for (const type of reached) for (const user of users.get(type) ?? []) reached.add(user); // a Set grows while it is walked
  return reached;
}

function keepReaching(fields, reached) {
  const kept = {};
  for (const [field, types] of fields) {
    const leading = types.filter((type) => reached.has(type));
    if (leading.length) kept[field] = leading;
  }
  return kept;
}

const fieldMap = (fields) => new Map(fields.map((f) => [f.name, acceptedTypes(f.inputTypes)]));

/**
 * @param {object} dmmf Prisma's DMMF document.
 * @returns {{operations: object, inputs: object, outputs: object}}
 *   operations: GraphQL field → {model, action, args, output}; inputs: input type → field → types;
 *   outputs: output type → field → {args, type}.
 */
function tableOf(dmmf) {
  const inputs = new Map(dmmf.schema.inputObjectTypes.prisma.map((t) => [t.name, fieldMap(t.fields)]));
  const reached = reachingJson(inputs);
  const table = { operations: {}, inputs: {}, outputs: {} };
  for (const [name, fields] of inputs) if (reached.has(name)) table.inputs[name] = keepReaching(fields, reached);

  const outputs = [...dmmf.schema.outputObjectTypes.prisma, ...(dmmf.schema.outputObjectTypes.model ?? [])];
  const roots = new Map();
  for (const type of outputs) {
    const isRoot = type.name === 'Query' || type.name === 'Mutation';
    for (const field of type.fields) {
      const args = keepReaching(fieldMap(field.args), reached);
      if (isRoot) roots.set(field.name, { args, output: field.outputType.type });
      else if (field.outputType.location === 'outputObjectTypes') {
        (table.outputs[type.name] ??= {})[field.name] = { args, type: field.outputType.type };
      }
    }
  }
  for (const { model, ...actions } of dmmf.mappings.modelOperations) {
    for (const [action, graphqlName] of Object.entries(actions)) {
      if (graphqlName && roots.has(graphqlName)) table.operations[graphqlName] = { model, action, ...roots.get(graphqlName) };
    }
  }
  return table;
}

/** Compiles the schema; takes half a second and, for a moment, 100 MB. */
function compile(schema) {
  const { get_dmmf: getDmmf } = require('@prisma/prisma-schema-wasm');
  return tableOf(JSON.parse(getDmmf(JSON.stringify({ prismaSchema: schema }))));
}

function cacheFile(directory, schema) {
  const digest = crypto.createHash('sha256').update(schema).digest('hex').slice(0, 32);
  return path.join(directory, `schema-${FORMAT}-${digest}.json`);
}

/**
 * The table of `schema`: from `directory` when the set-up put it there for this very text, else compiled.
 * @param {string} schema text of schema.prisma
 * @param {string | undefined} directory
 */
function load(schema, directory) {
  const cached = directory && cacheFile(directory, schema);
  if (cached && fs.existsSync(cached)) return JSON.parse(fs.readFileSync(cached, 'utf8'));
  return compile(schema);
}

/** Compiles `schema` into `directory`; called by the set-up, so that an engine's start need not. */
function cache(schema, directory) {
  const file = cacheFile(directory, schema);
  fs.writeFileSync(`${file}.part`, JSON.stringify(compile(schema)));
  fs.renameSync(`${file}.part`, file);
  return file;
}

module.exports = { load, cache };

if (require.main === module) {
  const [schemaFile, directory] = process.argv.slice(2);
  console.log(cache(fs.readFileSync(schemaFile, 'utf8'), directory));
}
