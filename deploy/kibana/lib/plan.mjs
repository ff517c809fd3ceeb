/** Decides what becomes of each object, from what is shipped, what is stored and what was imported earlier. No I/O. */
import { createHash } from 'node:crypto'

/**
 * @typedef {'create' | 'update' | 'unchanged' | 'edited' | 'foreign' | 'deleted'} Verdict
 *   create: not there. update: as it was imported, and a newer one is shipped. unchanged: as it was imported, and is
 *   shipped. edited: somebody has changed it since. foreign: there, and no import has made it. deleted: imported
 *   earlier, and removed by somebody.
 */

/**
 * @param {{ objects: any[], stored: Map<string, any>, recorded: Record<string, any>, restore: boolean }} input
 *   `stored` and `recorded` by `type/id`
 * @returns {{ object: any, key: string, verdict: Verdict, write: boolean }[]}
 */
export function planImport({ objects, stored, recorded, restore }) {
  return objects.map((object) => {
    const key = keyOf(object)
    const verdict = verdictOn(object, stored.get(key), recorded[key])
    return { object, key, verdict, write: writes(verdict, object.type, restore) }
  })
}

export const keyOf = ({ type, id }) => `${type}/${id}`

function verdictOn(object, stored, recorded) {
  if (stored === undefined) return recorded === undefined ? 'create' : 'deleted'
  if (recorded === undefined) return 'foreign'
  if (!isAsImported(stored, recorded)) return 'edited'
  return recorded.source === sourceHash(object) ? 'unchanged' : 'update'
}

function writes(verdict, type, restore) {
  if (verdict === 'create' || verdict === 'update') return true
  // Without its data view nothing works, and nobody removes it to be rid of a chart.
  if (verdict === 'deleted' && type === 'index-pattern') return true
  return restore && verdict !== 'unchanged'
}

/**
 * Kibana changes objects itself when it imports them and when it is upgraded. So what counts is the object as it was
 * read back after the import, or its time of change, which an upgrade does not touch.
 */
function isAsImported(stored, recorded) {
  return storedHash(stored) === recorded.stored || (stored.updated_at ?? '') === recorded.at
}

/** What an import record keeps of an object: before it was imported, and after it was read back. */
export function recordOf(object, stored) {
  return stored === undefined ? { source: sourceHash(object) } : completed({ source: sourceHash(object) }, stored)
}

function completed(entry, stored) {
  return { ...entry, stored: storedHash(stored), at: stored.updated_at ?? 'unknown' }
}

/**
 * Completes what a run left behind that ended between its import and reading back. Kibana gives all objects of one
 * import the same time: an object of the time of the record is as that import has made it. Of others nothing is known,
 * and they are left out.
 */
export function completeRecord({ entries, at }, stored) {
  const pending = Object.entries(entries).filter(([, entry]) => entry.stored === undefined)
  const known = Object.entries(entries).filter(([, entry]) => entry.stored !== undefined)
  const found = pending
    .filter(([key]) => stored.has(key) && stored.get(key).updated_at === at)
    .map(([key, entry]) => [key, completed(entry, stored.get(key))])
  return { recorded: Object.fromEntries([...known, ...found]), changed: pending.length > 0 }
}

function sourceHash({ attributes, references, migrationVersion }) {
  return hash({ attributes, references, migrationVersion })
}

function storedHash({ type, attributes, references }) {
  return hash({ attributes: type === 'index-pattern' ? withoutCounts(attributes) : attributes, references })
}

/** Discover counts in the data view how often a field was looked at. That is nobody's edit. */
function withoutCounts(attributes) {
  try {
    const fields = Object.entries(JSON.parse(attributes.fieldAttrs))
      .map(([name, { count: _count, ...rest }]) => [name, rest])
      .filter(([, rest]) => Object.keys(rest).length > 0)
    return { ...attributes, fieldAttrs: Object.fromEntries(fields) }
  } catch {
    return attributes
  }
}

function hash(value) {
  return createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 16)
}

/** JSON with sorted keys: the same text whatever order Kibana returns them in. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
  return `{${members.join(',')}}`
}
