'use strict';
/**
 * A Prisma PostgreSQL URL, and the settings for `pg` that mean the same.
 *
 * Parameters and defaults: Prisma's docs, "PostgreSQL database connector", and quaint's `postgres/url.rs`, 5.17.
 * TLS as Prisma means it, which is not as libpq does: `sslmode` is disable, prefer (default) or require;
 * the certificate is checked (chain and host name) only with `sslaccept=strict`; `sslcert` names the CA.
 * libpq's own `sslrootcert`, `sslmode=verify-ca` and `verify-full`, which Prisma drops silently, count as strict
 * here: whoever wrote them wanted a check.
 */
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const tls = require('node:tls');

const { Known } = require('./errors');

const LIBPQ_VERIFY = new Set(['verify-ca', 'verify-full']);
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]); // protocol 3.0, "SSLRequest"

function seconds(parameters, name, fallback) {
  const text = parameters.get(name);
  if (text === null) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Known(`database URL: ${name} must be a number of seconds`);
  return value;
}

/**
 * @param {string | undefined} text postgresql://user:password@host:port/database?parameters
 * @returns what the URL says, decoded; times in seconds, 0 meaning "no limit"
 * @throws {Known} a sentence without the URL in it (it holds a password)
 */
function parse(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw new Known('the database URL cannot be read: set DATABASE_URL to postgresql://user:password@host:port/database');
  }
  if (!/^postgres(ql)?:$/.test(url.protocol)) throw new Known('the database URL must start with postgresql:// or postgres://');
  const parameters = url.searchParams;
  const sslmode = parameters.get('sslmode') ?? 'prefer';
  return {
    host: parameters.get('host') ?? decodeURIComponent(url.hostname),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
    schema: parameters.get('schema') ?? 'public',
    options: parameters.get('options') ?? '',
    applicationName: parameters.get('application_name') ?? undefined,
    tls: tlsOf(parameters, sslmode),
    connectionLimit: Number(parameters.get('connection_limit') ?? os.availableParallelism() * 2 + 1),
    poolTimeout: seconds(parameters, 'pool_timeout', 10),
    connectTimeout: seconds(parameters, 'connect_timeout', 5),
    socketTimeout: seconds(parameters, 'socket_timeout', 0),
    idleLifetime: seconds(parameters, 'max_idle_connection_lifetime', 300),
    lifetime: seconds(parameters, 'max_connection_lifetime', 0),
  };
}

function tlsOf(parameters, sslmode) {
  const accept = parameters.get('sslaccept');
  const verify = LIBPQ_VERIFY.has(sslmode) || parameters.has('sslrootcert');
  return {
    mode: sslmode === 'disable' ? 'disable' : sslmode === 'require' || verify ? 'require' : 'prefer',
    strict: verify || (accept !== null && accept !== 'accept_invalid_certs'),
    certificate: parameters.get('sslcert') ?? parameters.get('sslrootcert') ?? undefined,
    identity: parameters.get('sslidentity') ?? undefined,
    identityPassword: parameters.get('sslpassword') ?? undefined,
  };
}

/** Whether the server at host:port offers TLS; rejects when it cannot be reached in `timeout` seconds. */
function offersTls({ host, port, connectTimeout }) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    const done = (settle, value) => {
      socket.destroy();
      settle(value);
    };
    if (connectTimeout) {
      socket.setTimeout(connectTimeout * 1000, () => done(reject, Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })));
    }
    socket.on('connect', () => socket.write(SSL_REQUEST));
    socket.on('data', (answer) => done(resolve, answer[0] === 'S'.charCodeAt(0)));
    socket.on('error', (error) => done(reject, error));
    socket.on('end', () => done(reject, Object.assign(new Error('the server hung up'), { code: 'ECONNRESET' })));
  });
}

function tlsOptions({ host, tls: wanted }) {
  return {
    rejectUnauthorized: wanted.strict,
    // the name to check is the one in the URL, an IP address too (node would fall back to "localhost")
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(host, certificate),
    ...(wanted.certificate && { ca: fs.readFileSync(wanted.certificate) }),
    ...(wanted.identity && { pfx: fs.readFileSync(wanted.identity), passphrase: wanted.identityPassword }),
  };
}

/** The `ssl` option for `pg`. `prefer` asks the server first; like Prisma, it never falls back after a failed handshake. */
async function sslFor(target) {
  if (target.tls.mode === 'disable') return false;
  if (target.tls.mode === 'prefer' && !(await offersTls(target))) return false;
  return tlsOptions(target);
}

/** Settings for one `pg` client on `target` (a parsed URL). */
async function clientSettings(target) {
  return {
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    application_name: target.applicationName,
    ssl: await sslFor(target),
    options: target.options || undefined,
    connectionTimeoutMillis: target.connectTimeout * 1000,
    query_timeout: target.socketTimeout ? target.socketTimeout * 1000 : undefined,
    keepAlive: true,
  };
}

module.exports = { parse, clientSettings };
