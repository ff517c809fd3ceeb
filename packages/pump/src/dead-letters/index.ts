/**
 * Dead letters: records that a sink refuses for good, and bytes that are no record, kept for a person to look at, send again
 * or give up.
 *
 * A letter is a line of JSON with the record's bytes last. It lies in the place the configuration names: a list in Redis, an
 * NDJSON file, or an index beside that of an Elasticsearch sink (in the sink's folder). A letter that the place does not
 * take goes to the list in Redis, so that no target decides whether a record is lost.
 */
export { DeadLetters } from './dead-letters.ts'
export { createFileStore } from './file-store.ts'
export type { DeadLetter, LetterHead } from './letter.ts'
export { openStores, type DeadLetterPlaces } from './open-stores.ts'
export { createRedisStore } from './redis-store.ts'
export type { DeadLetterStore, Found } from './store.ts'
