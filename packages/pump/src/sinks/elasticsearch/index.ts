import type { SinkDefinition } from '../types.ts'
import { createIndexStore } from './dead-letters.ts'
import { elasticsearchOptions } from './options.ts'
import { createElasticsearchSink } from './write.ts'

const DEFAULT_BULK_ACTIONS = 1000
const DEFAULT_BULK_SIZE_BYTES = 5_242_880

/**
 * Elasticsearch and OpenSearch. `write.ts` is the sink, `connection.ts` the way to a node: it asks the server for its
 * version, then uses the official client where that works and plain HTTP elsewhere. `verdicts.ts` reads the answers.
 */
export const elasticsearchSink = {
  type: 'elasticsearch',
  displayName: 'Elasticsearch Pump',
  envPrefix: 'TYK_PMP_PUMPS_ELASTICSEARCH_META',
  options: elasticsearchOptions,
  advice: {
    unreachable:
      'Does it run, and is elasticsearch_url right, as seen from here? In a container localhost is the container.',
    refused:
      'Look at auth_basic_username and auth_basic_password, or auth_api_key_id and auth_api_key, and at what they may do.',
  },
  batching: ({ bulk_config: bulk }) => ({
    maxRecords: limit(bulk.bulk_actions, DEFAULT_BULK_ACTIONS),
    maxBytes: limit(bulk.bulk_size, DEFAULT_BULK_SIZE_BYTES),
    inFlight: Math.max(1, bulk.workers),
    flushIntervalMs: Math.max(0, bulk.flush_interval) * 1000,
  }),
  create: createElasticsearchSink,
  deadLetters: createIndexStore,
} as const satisfies SinkDefinition<typeof elasticsearchOptions>

/** 0 means the default, a negative number no limit. */
function limit(value: number, fallback: number): number {
  if (value === 0) return fallback
  return value < 0 ? Infinity : value
}
