'use strict';
/** Messages for whoever runs the process. Never given a database URL or a query's values. */

const VERBOSE = /debug|trace|info/.test(process.env.RUST_LOG ?? '');

function error(...parts) {
  console.error('[prisma]', ...parts);
}

/** Only with RUST_LOG=info or finer, as Prisma's own engines do. */
function info(...parts) {
  if (VERBOSE) error(...parts);
}

module.exports = { error, info };
