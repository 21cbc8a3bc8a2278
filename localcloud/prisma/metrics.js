'use strict';
/**
 * The figures behind `GET /metrics`, with Prisma's names, descriptions and buckets (query-engine-metrics, 5.17).
 * The WebAssembly engine counts nothing itself, so they are taken where it is called and from the pool below it.
 */

const BUCKETS_MS = [0, 1, 5, 10, 50, 100, 500, 1000, 5000, 50000];

const COUNTERS = {
  prisma_client_queries_total: 'The total number of Prisma Client queries executed',
  prisma_datasource_queries_total: 'The total number of datasource queries executed',
  prisma_pool_connections_closed_total: 'The total number of pool connections closed',
  prisma_pool_connections_opened_total: 'The total number of pool connections opened',
};
const GAUGES = {
  prisma_client_queries_active: 'The number of currently active Prisma Client queries',
  prisma_client_queries_wait: 'The number of datasource queries currently waiting for a free connection',
  prisma_pool_connections_busy: 'The number of pool connections currently executing datasource queries',
  prisma_pool_connections_idle: 'The number of pool connections that are not busy running a query',
  prisma_pool_connections_open: 'The number of pool connections currently open',
};
const HISTOGRAMS = {
  prisma_client_queries_duration_histogram_ms: 'The distribution of the time Prisma Client queries took to run end to end',
  prisma_datasource_queries_duration_histogram_ms: 'The distribution of the time datasource queries took to run',
};

class Histogram {
  constructor() {
    this.sum = 0;
    this.count = 0;
    this.buckets = BUCKETS_MS.map(() => 0);
  }

  add(milliseconds) {
    this.sum += milliseconds;
    this.count += 1;
    BUCKETS_MS.forEach((limit, i) => {
      if (milliseconds <= limit) this.buckets[i] += 1;
    });
  }
}

const zeros = (names) => Object.fromEntries(Object.keys(names).map((name) => [name, 0]));

class Metrics {
  constructor() {
    this.counters = zeros(COUNTERS);
    this.histograms = Object.fromEntries(Object.keys(HISTOGRAMS).map((name) => [name, new Histogram()]));
    this.active = 0;
    this.pool = { totalCount: 0, idleCount: 0, waitingCount: 0 };
  }

  /** Counts the connections of a pg pool from now on. */
  watch(pool) {
    this.pool = pool;
    pool.on('connect', () => { this.counters.prisma_pool_connections_opened_total += 1; });
    pool.on('remove', () => { this.counters.prisma_pool_connections_closed_total += 1; });
  }

  async timed(counter, histogram, run) {
    const start = performance.now();
    try {
      return await run();
    } finally {
      this.counters[counter] += 1;
      this.histograms[histogram].add(performance.now() - start);
    }
  }

  /** Runs one request of the client's, counted and timed. */
  async clientQuery(run) {
    this.active += 1;
    try {
      return await this.timed('prisma_client_queries_total', 'prisma_client_queries_duration_histogram_ms', run);
    } finally {
      this.active -= 1;
    }
  }

  /** Runs one statement on the database, counted and timed. */
  datasourceQuery(run) {
    return this.timed('prisma_datasource_queries_total', 'prisma_datasource_queries_duration_histogram_ms', run);
  }

  gauges() {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return {
      prisma_client_queries_active: this.active,
      prisma_client_queries_wait: waitingCount,
      prisma_pool_connections_busy: totalCount - idleCount,
      prisma_pool_connections_idle: idleCount,
      prisma_pool_connections_open: totalCount,
    };
  }

  /** @param {object} labels put on every figure */
  json(labels = {}) {
    const list = (values, descriptions) => Object.entries(values)
      .map(([key, value]) => ({ key, labels, value, description: descriptions[key] }));
    const histograms = Object.fromEntries(Object.entries(this.histograms).map(([key, h]) => [
      key, { buckets: BUCKETS_MS.map((limit, i) => [limit, h.buckets[i]]), sum: h.sum, count: h.count },
    ]));
    return {
      counters: list(this.counters, COUNTERS),
      gauges: list(this.gauges(), GAUGES),
      histograms: list(histograms, HISTOGRAMS),
    };
  }

  /** The same in Prometheus' text format. */
  prometheus(labels = {}) {
    const label = (more = {}) => {
      const pairs = Object.entries({ ...labels, ...more }).map(([name, value]) => `${name}=${JSON.stringify(String(value))}`);
      return pairs.length ? `{${pairs.join(',')}}` : '';
    };
    const lines = [];
    const head = (key, type, text) => lines.push(`# HELP ${key} ${text}`, `# TYPE ${key} ${type}`);
    for (const [type, values, texts] of [['counter', this.counters, COUNTERS], ['gauge', this.gauges(), GAUGES]]) {
      for (const [key, value] of Object.entries(values)) {
        head(key, type, texts[key]);
        lines.push(`${key}${label()} ${value}`);
      }
    }
    for (const [key, histogram] of Object.entries(this.histograms)) {
      head(key, 'histogram', HISTOGRAMS[key]);
      BUCKETS_MS.forEach((limit, i) => lines.push(`${key}_bucket${label({ le: limit })} ${histogram.buckets[i]}`));
      lines.push(`${key}_bucket${label({ le: '+Inf' })} ${histogram.count}`);
      lines.push(`${key}_sum${label()} ${histogram.sum}`, `${key}_count${label()} ${histogram.count}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

module.exports = { Metrics };
