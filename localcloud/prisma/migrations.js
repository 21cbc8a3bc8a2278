'use strict';
/** A folder of Prisma migrations: `migrations/<name>/migration.sql`, applied in the order of their names. */
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { Known } = require('./errors');

const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');

/**
 * @param {string} root the folder that holds schema.prisma
 * @returns {{name: string, sql: string, checksum: string}[]} in the order in which they apply
 * @throws {Known} P3015 when a migration's folder holds no migration.sql
 */
function read(root) {
  const directory = path.join(root, 'migrations');
  const names = fs.readdirSync(directory, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name).sort();
  return names.map((name) => {
    const file = path.join(directory, name, 'migration.sql');
    if (!fs.existsSync(file)) {
      throw new Known(`P3015\n\nCould not find the migration file at ${file}. Please delete the directory or restore the migration file.`);
    }
    const sql = fs.readFileSync(file, 'utf8');
    return { name, sql, checksum: sha256(sql) };
  });
}

module.exports = { read };
