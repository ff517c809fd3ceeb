/** Reads and imports saved objects. */
import { unexpected } from './client.mjs'
import { SetupError } from './errors.mjs'
import { keyOf } from './plan.mjs'

/** With one of these Kibana writes nothing at all; the others concern one object each. */
const STOPS_EVERYTHING = new Set(['conflict', 'ambiguous_conflict', 'missing_references'])

/**
 * Those of the objects that Kibana has, by `type/id`.
 *
 * @returns {Promise<Map<string, any>>}
 */
export async function readObjects(client, objects) {
  const ids = objects.map(({ type, id }) => ({ type, id }))
  const answer = await client.call('POST', '/api/saved_objects/_bulk_get', { json: ids })
  if (answer.status === 404) return findObjects(client, ids)
  if (answer.status !== 200) throw unexpected('POST /api/saved_objects/_bulk_get', answer)
  const found = answer.body.saved_objects.filter(({ error }) => error === undefined)
  // 400: a type that this Kibana does not have. The import names those.
  const failed = answer.body.saved_objects.find(({ error }) => ![undefined, 400, 404].includes(error?.statusCode))
  if (failed !== undefined)
    throw new SetupError(`reading ${keyOf(failed)}: ${failed.error.message}`, cureOf(failed.error))
  return new Map(found.map((object) => [keyOf(object), object]))
}

/** The slower way, for a Kibana without bulk reading. */
async function findObjects(client, ids) {
  const wanted = new Set(ids.map(keyOf))
  const types = [...new Set(ids.map(({ type }) => type))]
  const found = new Map()
  for (let page = 1, seen = 0; ; page++) {
    const query = new URLSearchParams([
      ...types.map((type) => ['type', type]),
      ['per_page', '500'],
      ['page', `${page}`],
    ])
    const answer = await client.call('GET', `/api/saved_objects/_find?${query}`)
    if (answer.status !== 200) throw unexpected('GET /api/saved_objects/_find', answer)
    const objects = answer.body.saved_objects
    for (const object of objects) if (wanted.has(keyOf(object))) found.set(keyOf(object), object)
    seen += objects.length
    if (objects.length === 0 || seen >= answer.body.total) return found
  }
}

/**
 * Imports objects over those of the same id.
 *
 * @returns {Promise<{ imported: Set<string>, problems: string[] }>} keys of what was written, and what was not and why
 */
export async function importObjects(client, objects) {
  const text = objects.map((object) => JSON.stringify(object)).join('\n')
  const multipart = { name: 'file', fileName: 'tyk.ndjson', text: `${text}\n` }
  const path = '/api/saved_objects/_import?overwrite=true'
  const answer = await client.call('POST', path, { multipart })
  // 200 does not mean that it worked.
  if (answer.status !== 200 || typeof answer.body?.success !== 'boolean') throw unexpected(`POST ${path}`, answer)
  const { success, successResults = [], errors = [] } = answer.body
  if (success) return { imported: new Set(objects.map(keyOf)), problems: [] }
  const problems = errors.map(({ type, id, error }) => `${type}/${id}: ${describe(error)}`)
  const nothing = errors.some(({ error }) => STOPS_EVERYTHING.has(error.type))
  return { imported: new Set(nothing ? [] : successResults.map(keyOf)), problems }
}

function describe({ type, message, references = [] }) {
  if (type === 'missing_references') return `refers to ${references.map(keyOf).join(', ')}, which is not there`
  if (type === 'unsupported_type') return 'this Kibana has no such type of object'
  return message === undefined ? type : `${type}: ${message}`
}

function cureOf({ statusCode }) {
  return statusCode === 403 ? 'The user may not read saved objects of this space.' : "Kibana's own log may say more."
}
