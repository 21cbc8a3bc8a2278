'use strict';
/**
 * GraphQL documents, as prisma-client-py writes them, into requests of Prisma's JSON protocol, the only one the
 * WebAssembly engine speaks.
 *
 * Values are carried over as text, never as JavaScript values, so that 64-bit integers keep all their digits:
 * every literal prisma-client-py writes is valid JSON already. Only three things change: bare words that are not
 * true, false or null (enum values) get quotes, keys get quotes, and a string in a place where the schema has a
 * Json value is marked as a JSON document (schema.js knows those places).
 */

const TOKEN = /[\s,]+|#[^\n]*|("(?:[^"\\\n]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([{}()[\]:])/y;
const KINDS = [null, 'string', 'number', 'name', 'mark'];
const JSON_WORDS = new Set(['true', 'false', 'null']);

class GraphqlError extends Error {}

/** Tokens of a document: {kind, text}; kind is string, number, name, end or the punctuation mark itself. */
function tokenize(source) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new GraphqlError(`GraphQL: cannot read the document at offset ${at}`);
    const group = match.findIndex((text, i) => i > 0 && text !== undefined);
    if (group === -1) continue; // white space, commas, comments
    const text = match[group];
    tokens.push({ kind: KINDS[group] === 'mark' ? text : KINDS[group], text });
  }
  tokens.push({ kind: 'end', text: 'the end of the document' });
  return tokens;
}

class Translator {
  constructor(source, schema) {
    this.tokens = tokenize(source);
    this.position = 0;
    this.schema = schema;
  }

  get kind() {
    return this.tokens[this.position].kind;
  }

  take(kind) {
    const token = this.tokens[this.position];
    if (kind && token.kind !== kind) throw new GraphqlError(`GraphQL: expected ${kind}, found ${token.text}`);
    this.position += 1;
    return token.text;
  }

  /** The document's one operation as a JSON-protocol request (JSON text). */
  document() {
    const operation = this.take('name');
    if (operation !== 'query' && operation !== 'mutation') throw new GraphqlError(`GraphQL: no such operation: ${operation}`);
    this.take('{');
    let field = this.take('name');
    if (this.kind === ':') { // "result: findManyX"
      this.take();
      field = this.take('name');
    }
    const known = this.operation(field);
    const args = this.kind === '(' ? this.fields('(', ')', (name) => known.args[name]) : '{}';
    const selection = this.kind === '{' ? this.selection(known.output) : '{}';
    this.take('}');
    this.take('end');
    const model = known.model ? `"modelName":${JSON.stringify(known.model)},` : '';
    return `{${model}"action":"${known.action}","query":{"arguments":${args},"selection":${selection}}}`;
  }

  operation(field) {
    if (field === 'queryRaw' || field === 'executeRaw') return { action: field, args: {} };
    const known = this.schema.operations[field];
    if (!known) throw new GraphqlError(`GraphQL: the schema has no operation ${field}`);
    return known;
  }

  /** `{name: value, …}` between two marks; typesOf(name) gives the types the schema has for that value. */
  fields(open, close, typesOf) {
    const written = [];
    for (this.take(open); this.kind !== close;) {
      const name = this.take('name');
      this.take(':');
      written.push(`"${name}":${this.value(typesOf(name) ?? [])}`);
    }
    this.take(close);
    return `{${written.join(',')}}`;
  }

  value(types) {
    switch (this.kind) {
      case 'string': return types.includes('Json') ? `{"$type":"Json","value":${this.take()}}` : this.take();
      case 'number': return this.take();
      case 'name': return this.word();
      case '[': return this.list(types);
      default: return this.fields('{', '}', (name) => types.flatMap((type) => this.schema.inputs[type]?.[name] ?? []));
    }
  }

  word() {
    const word = this.take('name');
    return JSON_WORDS.has(word) ? word : JSON.stringify(word);
  }

  list(types) {
    const items = [];
    for (this.take('['); this.kind !== ']';) items.push(this.value(types));
    this.take(']');
    return `[${items.join(',')}]`;
  }

  selection(type) {
    const written = [];
    for (this.take('{'); this.kind !== '}';) {
      const name = this.take('name');
      const field = this.schema.outputs[type]?.[name];
      const args = this.kind === '(' ? this.fields('(', ')', (arg) => field?.args[arg]) : '{}';
      const selection = this.kind === '{' ? this.selection(field?.type) : '{}';
      const plain = args === '{}' && selection === '{}';
      written.push(plain ? `"${name}":true` : `"${name}":{"arguments":${args},"selection":${selection}}`);
    }
    this.take('}');
    return `{${written.join(',')}}`;
  }
}

/**
 * @param {string} document one GraphQL query or mutation
 * @param {object} schema the table of schema.js
 * @returns {string} JSON text of the JSON-protocol request
 * @throws {GraphqlError} when the document is not one that prisma-client-py could have written for this schema
 */
function toJsonProtocol(document, schema) {
  return new Translator(document, schema).document();
}

module.exports = { toJsonProtocol, GraphqlError };
