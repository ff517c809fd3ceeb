import type { ConfigSection } from '../../config/section.ts'

export const sqlOptions = {
  type: {
    doc: 'Kind of database. `sqlite` is supported; `postgres` and `mysql` are refused.',
    format: 'string',
    default: '',
    env: 'TYPE',
  },
  connection_string: {
    doc: 'Path of the database file, or a file: URL. Relative paths begin at the working directory; folders are made.',
    format: 'string',
    default: '',
    env: 'CONNECTIONSTRING',
    sensitive: true,
  },
  table_sharding: {
    doc: 'One table per UTC day of the record, tyk_analytics_YYYYMMDD, instead of one for all.',
    format: 'go-bool',
    default: false,
    env: 'TABLESHARDING',
  },
  log_level: {
    doc: 'With `debug` every SQL statement is logged at debug level, without its values.',
    format: 'string',
    default: '',
    env: 'LOGLEVEL',
  },
  batch_size: {
    doc: 'Rows per transaction; 0 means 200.',
    format: 'go-int',
    default: 0,
    env: 'BATCHSIZE',
  },
  migrate_sharded_tables: {
    doc: 'Adds missing columns to the tables of all days when the database is opened, not only to those written to.',
    format: 'go-bool',
    default: false,
    env: 'MIGRATESHARDEDTABLES',
  },
  retention_days: {
    doc: 'Ours: days that a record is kept, by its own time; 0: for ever.',
    format: 'go-int',
    default: 0,
    env: 'RETENTIONDAYS',
    range: [0, 36_500],
  },
  max_size_bytes: {
    doc: 'Ours: the oldest records are deleted so that the file and its log stay below this, from 33554432 (32 MiB) on; 0: no bound.',
    format: 'go-int',
    default: 0,
    env: 'MAXSIZEBYTES',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  explorer_index: {
    doc: 'Ours: keeps the index that the explorer page loads fast from, about 250 bytes per record, also of records that are stored already.',
    format: 'go-bool',
    default: false,
    env: 'EXPLORERINDEX',
  },
} as const satisfies ConfigSection
