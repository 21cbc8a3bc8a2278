'use strict';
/**
 * The `prisma` command while LiteLLM runs on the WebAssembly engine: what its start asks for (`--version`,
 * `migrate deploy`) and what its own recovery asks for (`migrate resolve`). Anything else needs Prisma's native
 * schema engine, and says so.
 */
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { Known } = require('./errors');

function schemaFile(given) {
  const candidates = given ? [given] : ['schema.prisma', path.join('prisma', 'schema.prisma')];
  const found = candidates.find((file) => fs.existsSync(file));
  if (!found) throw new Known(`Could not find Prisma Schema: looked for ${candidates.join(' and ')}.`);
  return path.resolve(found);
}

async function migrate(command, args) {
  const { deploy, markApplied, markRolledBack } = require('./migrate');
  const { parse } = require('./database');
  const { values } = parseArgs({
    args,
    options: { schema: { type: 'string' }, applied: { type: 'string' }, 'rolled-back': { type: 'string' } },
  });
  const root = path.dirname(schemaFile(values.schema));
  const target = parse(process.env.DATABASE_URL);
  console.log(`PostgreSQL database "${target.database}", schema "${target.schema}" at "${target.host}:${target.port}"\n`);
  if (command === 'deploy') return deploy(target, root, console.log);
  if (values.applied) return markApplied(target, root, values.applied);
  if (values['rolled-back']) return markRolledBack(target, values['rolled-back']);
  throw new Known('prisma migrate resolve needs --applied NAME or --rolled-back NAME.');
}

async function main([command, verb, ...args]) {
  if (command === '--version' || command === '-v') {
    const { version } = require('prisma/package.json');
    console.log(`prisma : ${version} (WebAssembly engine)`);
  } else if (command === 'migrate' && (verb === 'deploy' || verb === 'resolve')) {
    await migrate(verb, args);
  } else {
    throw new Known(`prisma ${[command, verb].filter(Boolean).join(' ')} needs Prisma's native schema engine, `
      + 'which this machine could not download from binaries.prisma.sh when the LiteLLM image was set up.');
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`Error: ${error.known ? error.message : error.stack}`);
  process.exit(1);
});
