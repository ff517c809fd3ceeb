/**
 * What was imported, kept in Kibana itself: the set-up may run anywhere and has no place of its own. Kibana refuses
 * members of its objects that it does not know, so the record is the text of a Markdown visualization.
 *
 * It goes into the import itself, with what is known by then, and is completed once the objects were read back. So an
 * end in between leaves no objects that count as somebody else's.
 */
import { SetupError } from './errors.mjs'
import { keyOf } from './plan.mjs'
import { readObjects } from './saved-objects.mjs'

/** @typedef {{ source: string, stored?: string, at?: string }} Entry without `stored`: was not read back */

const FENCE = '```'

const idOf = (pack, space) => `tyk1${pack === 'flat' ? '' : 'ds'}-${space === '' ? '' : `${space}-`}import-record`

/** @returns {Promise<{ entries: Record<string, Entry>, at: string | undefined }>} by `type/id`, and when it was written */
export async function readRecord(client, pack, space) {
  const id = { type: 'visualization', id: idOf(pack, space) }
  const stored = (await readObjects(client, [id])).get(keyOf(id))
  if (stored === undefined) return { entries: {}, at: undefined }
  try {
    const { markdown } = JSON.parse(stored.attributes.visState).params
    const text = markdown.slice(markdown.indexOf(FENCE) + FENCE.length, markdown.lastIndexOf(FENCE))
    return { entries: JSON.parse(text), at: stored.updated_at }
  } catch (cause) {
    throw new SetupError(
      `the import record ${keyOf(id)} cannot be read, so that edited objects cannot be told from others`,
      'Undo the change of this visualization, or delete it; then every object counts as foreign, until --restore.',
      { cause },
    )
  }
}

/** The record as an object to import. */
export function recordObject(pack, space, entries) {
  const title = `Tyk: import record of the pack ${pack} (do not edit)`
  const text =
    'What the set-up of these dashboards has imported. By it the set-up tells objects that somebody has edited, which it never overwrites.'
  const markdown = `${text}\n\n${FENCE}\n${JSON.stringify(entries)}\n${FENCE}`
  const params = { fontSize: 12, openLinksInNewTab: false, markdown }
  return {
    type: 'visualization',
    id: idOf(pack, space),
    attributes: {
      title,
      description: '',
      version: 1,
      visState: JSON.stringify({ title, type: 'markdown', aggs: [], params }),
      uiStateJSON: '{}',
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { query: '', language: 'kuery' }, filter: [] }),
      },
    },
    references: [],
    migrationVersion: { visualization: '7.10.0' },
    coreMigrationVersion: '7.17.0',
  }
}
