import type { ConfigSection } from './section.ts'

/** Where records go that a sink refuses for good. Keys of our own. */
export const deadLetterOptions = {
  destination: {
    doc: 'Where dead letters are kept: redis, a list; file, NDJSON; elasticsearch, an index. What file and elasticsearch cannot take goes to the list in Redis.',
    format: ['redis', 'file', 'elasticsearch'],
    default: 'redis',
    env: 'TYK_PMP_DEADLETTERS_DESTINATION',
  },
  max_entries: {
    doc: 'Most dead letters in the Redis list. Beyond it the oldest are dropped, counted and logged.',
    format: 'go-int',
    default: 10_000,
    env: 'TYK_PMP_DEADLETTERS_MAXENTRIES',
    range: [1, 10_000_000],
  },
  max_bytes: {
    doc: 'Most bytes of the Redis list, or of the file and the one before it. Beyond it the oldest are dropped, counted and logged.',
    format: 'go-int',
    default: 268_435_456,
    env: 'TYK_PMP_DEADLETTERS_MAXBYTES',
    range: [1_048_576, Number.MAX_SAFE_INTEGER],
  },
  file: {
    doc: 'The file, for destination file; a relative path begins at the working directory. Every pump needs one of its own.',
    format: 'string',
    default: 'dead-letters.ndjson',
    env: 'TYK_PMP_DEADLETTERS_FILE',
  },
  sink: {
    doc: 'For destination elasticsearch: the sink whose server and credentials are used, and whose index_name, with dead-letters- before it, is the index. Empty: the first elasticsearch sink.',
    format: 'string',
    default: '',
    env: 'TYK_PMP_DEADLETTERS_SINK',
  },
} as const satisfies ConfigSection
