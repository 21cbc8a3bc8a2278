'use strict';
/** The HTTP interface of the native query engine, as far as prisma-client-py 0.11 uses it. */
const http = require('node:http');
const { facing } = require('./errors');
const { GraphqlError, toJsonProtocol } = require('./graphql');
const log = require('./log');

const TRANSACTION = /^\/transaction\/(?:(start)|([^/]+)\/(commit|rollback))$/;

function body(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

class Service {
  /** @param {{engine: object, schema: object, answers: object, metrics: object}} parts */
  constructor({ engine, schema, answers, metrics }) {
    Object.assign(this, { engine, schema, answers, metrics });
  }

  /** @returns {Promise<[number, string, string?]>} status, text, content type (JSON when left out) */
  async respond(request) {
    const url = new URL(request.url, 'http://engine');
    const text = await body(request);
    if (request.method === 'GET' && url.pathname === '/status') return [200, '{"status":"ok"}'];
    if (request.method === 'GET' && url.pathname === '/metrics') return this.figures(url, text);
    if (request.method === 'POST' && url.pathname === '/') {
      return [200, await this.metrics.clientQuery(() => this.query(text, request.headers['x-transaction-id']))];
    }
    const transaction = request.method === 'POST' && TRANSACTION.exec(url.pathname);
    if (transaction) return [200, await this.transaction(transaction, text)];
    return [404, '{}'];
  }

  async query(text, transactionId) {
    const request = JSON.parse(text);
    let translated;
    try {
      translated = request.batch ? this.batch(request) : toJsonProtocol(request.query, this.schema);
    } catch (error) {
      if (!(error instanceof GraphqlError)) throw error;
      return JSON.stringify({ errors: [facing({ code: 'P2009', message: error.message })] });
    }
    return this.answers.translate(await this.engine.query(translated, '{}', transactionId));
  }

  batch({ batch, transaction }) {
    const requests = batch.map((item) => toJsonProtocol(item.query, this.schema));
    return `{"batch":[${requests.join(',')}],"transaction":${transaction ? '{"isolationLevel":null}' : 'null'}}`;
  }

  async transaction([, start, id, verb], text) {
    if (start) return this.answers.transaction(await this.engine.startTransaction(text, '{}'));
    return this.answers.transaction(await this.engine[`${verb}Transaction`](id, '{}'));
  }

  figures(url, text) {
    const labels = text ? JSON.parse(text) : {};
    if (url.searchParams.get('format') === 'prometheus') return [200, this.metrics.prometheus(labels), 'text/plain; version=0.0.4'];
    return [200, JSON.stringify(this.metrics.json(labels))];
  }
}

/**
 * Serves on a loopback port.
 * @param {Service} service
 * @param {number} port
 * @param {(error: Error) => void} onPanic called when the engine has broken for good
 */
function serve(service, port, onPanic) {
  const server = http.createServer(async (request, response) => {
    const send = (status, text, type = 'application/json') => {
      response.writeHead(status, { 'content-type': type });
      response.end(text);
    };
    try {
      send(...await service.respond(request));
    } catch (error) {
      const panic = error instanceof WebAssembly.RuntimeError;
      log.error(panic ? 'the engine panicked:' : 'a request failed:', error.stack);
      send(500, JSON.stringify({ is_panic: panic, message: String(error.message), backtrace: null }));
      if (panic) response.on('finish', () => onPanic(error));
    }
  });
  server.keepAliveTimeout = 120_000; // longer than the client's, so that it never meets a connection just closed
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

module.exports = { Service, serve };
