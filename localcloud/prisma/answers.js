'use strict';
/**
 * Answers of the WebAssembly engine (JSON protocol) into those of the native one (GraphQL), text to text.
 *
 * - `{"$type":"DateTime","value":"…"}` (BigInt, Decimal, Bytes, Json, Enum alike) becomes the bare string.
 * - Rows of raw queries become `[{column: {prisma__type, prisma__value}}]`, the shape prisma-client-py 0.11 reads.
 * - A failure below the engine comes as P2036 with a number under which the adapter keeps it: it is told in words.
 */
const errors = require('./errors');
const { items, members } = require('./jsontext');

const STRING_OR_TAGGED = /"(?:[^"\\]|\\.)*"|\{"\$type":"\w+","value":("(?:[^"\\]|\\.)*")\}/g;
const ARRAY_SUFFIX = '-array';

/** Strings are matched only to be skipped, so that what users stored is never taken for a tag. */
function untagged(text) {
  return text.includes('"$type"') ? text.replace(STRING_OR_TAGGED, (whole, value) => value ?? whole) : text;
}

function rawCell(type, value) {
  if (value === 'null') return '{"prisma__type":"null","prisma__value":null}';
  if (!type.endsWith(ARRAY_SUFFIX)) return `{"prisma__type":"${type}","prisma__value":${value}}`;
  const cells = items(value).map((item) => rawCell(type.slice(0, -ARRAY_SUFFIX.length), item));
  return `{"prisma__type":"array","prisma__value":[${cells.join(',')}]}`;
}

function rawRows(result) {
  const parts = Object.fromEntries(members(result));
  const names = items(parts.columns);
  const types = JSON.parse(parts.types);
  const rows = items(parts.rows).map((row) => {
    const cells = items(row).map((value, i) => `${names[i]}:${rawCell(types[i], value)}`);
    return `{${cells.join(',')}}`;
  });
  return `[${rows.join(',')}]`;
}

class Answers {
  /**
   * @param {{registeredErrors: Array}} registry where the adapter keeps errors thrown below the engine
   * @param {object} target the parsed database URL, for messages
   */
  constructor(registry, target) {
    this.registry = registry;
    this.target = target;
  }

  /** @returns {string} JSON text for prisma-client-py */
  translate(answer) {
    const parts = Object.fromEntries(members(answer));
    if (parts.errors && parts.errors !== '[]') return JSON.stringify({ errors: JSON.parse(parts.errors).map((e) => this.explain(e)) });
    if (parts.batchResult) return this.batch(items(parts.batchResult));
    const [[operation, value]] = members(parts.data);
    return `{"data":{"result":${operation === 'queryRaw' ? rawRows(value) : untagged(value)}}}`;
  }

  /** prisma-client-py looks for errors at the top only; a batch keeps them in its items. */
  batch(answers) {
    const translated = answers.map((answer) => this.translate(answer));
    const failures = translated.filter((text) => text.startsWith('{"errors"')).flatMap((text) => JSON.parse(text).errors);
    if (failures.length) return JSON.stringify({ errors: failures });
    return `{"batchResult":[${translated.join(',')}]}`;
  }

  /** Answer to a transaction's start, commit or rollback. */
  transaction(answer) {
    const result = JSON.parse(answer);
    if (!result.error_code) return answer;
    return JSON.stringify({ errors: [this.explain({ error: result.message, user_facing_error: result })] });
  }

  explain(error) {
    const told = error.user_facing_error;
    if (told?.error_code !== 'P2036') return error;
    const cause = this.registry.consumeError(told.meta?.id)?.error;
    delete this.registry.registeredErrors[told.meta?.id]; // the adapter never forgets them by itself
    return errors.facing(errors.describe(cause, this.target));
  }
}

module.exports = { Answers, untagged, rawRows };
