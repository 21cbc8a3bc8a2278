'use strict';
/**
 * Failures below the engine, in Prisma's words: codes and messages of its error reference, which LiteLLM reads to
 * tell an outage (P1001, P1017), a full pool (P2024) and bad credentials (P1000) from a refused statement.
 */

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);
const HUNG_UP = new Set(['ECONNRESET', 'EPIPE']);
const SQLSTATE = /^[0-9A-Z]{5}$/;
const TLS_FAILURE = /certificate|SSL|TLS|self.signed|altname/i;

/** A failure that its message tells in full: no stack trace needed. */
class Known extends Error {
  known = true;
}

/**
 * @param {Error} error thrown by `pg` or node
 * @param {object} target the parsed database URL
 * @returns {{code: string, message: string}}
 */
function describe(error, target) {
  const place = `\`${target.host}:${target.port}\``;
  const text = String(error?.message ?? error);
  const unreachable = {
    code: 'P1001',
    message: `Can't reach database server at ${place}\n\nPlease make sure your database server is running at ${place}.`,
  };
  if (text.includes('timeout exceeded when trying to connect')) {
    return {
      code: 'P2024',
      message: 'Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool '
        + `(Current connection pool timeout: ${target.poolTimeout}, connection limit: ${target.connectionLimit})`,
    };
  }
  if (UNREACHABLE.has(error?.code) || error?.errors?.some?.((e) => UNREACHABLE.has(e.code))) return unreachable;
  if (error?.code === '28P01') {
    return {
      code: 'P1000',
      message: `Authentication failed against database server at \`${target.host}\`, the provided database credentials for `
        + `\`${target.user}\` are not valid.\n\nPlease make sure to provide valid database credentials for the database server at \`${target.host}\`.`,
    };
  }
  if (error?.code === '28000') {
    return { code: 'P1010', message: `User \`${target.user}\` was denied access on the database \`${target.database}\`: ${text}` };
  }
  if (error?.code === '3D000') {
    return { code: 'P1003', message: `Database \`${target.database}\` does not exist on the database server at ${place}.` };
  }
  if (SQLSTATE.test(error?.code ?? '') && error.severity) return { code: 'P2010', message: `Database error code: ${error.code}. ${text}` };
  if (text.includes('Query read timeout')) return { code: 'P1008', message: `Operations timed out after ${target.socketTimeout} s` };
  if (HUNG_UP.has(error?.code) || /Connection terminated|not queryable|hung up/.test(text)) {
    return { code: 'P1017', message: 'Server has closed the connection.' };
  }
  if (/timeout expired|timed out/.test(text)) return unreachable;
  if (TLS_FAILURE.test(text) || TLS_FAILURE.test(error?.code ?? '')) {
    return { code: 'P1011', message: `Error opening a TLS connection: ${text}` };
  }
  return { code: 'P2010', message: text };
}

/** The same as an entry of a GraphQL answer's `errors`. */
function facing({ code, message }, meta = {}) {
  return { error: message, user_facing_error: { is_panic: false, message, meta, error_code: code } };
}

module.exports = { Known, describe, facing };
