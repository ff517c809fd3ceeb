import { flatTemplate, isComposable } from './flat.ts'
import { install, type Outcome } from './install.ts'
import { cureFor, isTrouble, type Job } from './job.ts'
import { composableTemplates, olderTemplates } from './others.ts'
import { covers } from './patterns.ts'

const WITHOUT_TEMPLATE =
  'Elasticsearch index template not installed, a new index gets the mapping that the server chooses'

/**
 * Without its template the flat document goes where it always went: no reason to hold records.
 *
 * @returns Whether all is as it should be. @throws what `Ask` throws.
 */
export async function manageFlat(job: Job): Promise<boolean> {
  const { options, server, ask, notes } = job
  const names = [options.index_name, options.mcp_index_name].filter((name) => name !== '')
  const [own = ''] = names
  if (!isComposable(server)) return isDone(await installFor(names, job))
  const others = (await composableTemplates(ask)).filter(
    ({ name, patterns }) => name !== own && covers(patterns, names),
  )
  const older = await olderTemplates(names, ask)
  const theirs = [...others, ...older].filter(({ ofPump }) => !ofPump)
  if (theirs.length > 0) {
    const reason = `${theirs.map(({ what }) => what).join(', ')} covers the index, and an index follows one template; delete that one, or set manage_index (…MANAGEINDEX) to false`
    notes.trouble(`the index template ${own}`, WITHOUT_TEMPLATE, reason)
    return false
  }
  // What the template of another sink covers has the same fields already, and would be refused in a second one.
  const open = names.filter((name) => !others.some(({ patterns }) => covers(patterns, [name])))
  if (open.length === 0) return true
  const kind = await installFor(open, job)
  // Of a pump on the server before its upgrade: it is not followed any more.
  if (older.some(({ name }) => name === own) && (kind === 'create' || kind === 'update' || kind === 'keep')) {
    await ask('DELETE', `/_template/${encodeURIComponent(own)}`)
  }
  return isDone(kind)
}

const isDone = (kind: Outcome['kind']): boolean => kind !== 'refused' && kind !== 'unknown'

async function installFor(names: readonly string[], { options, server, ask, notes }: Job): Promise<Outcome['kind']> {
  const template = flatTemplate(names, options.document_type || 'tyk_analytics', server)
  const outcome = await install(template, ask)
  if (isTrouble(outcome)) {
    notes.trouble(template.what, WITHOUT_TEMPLATE, `${outcome.reason}; ${cureFor(template)}`)
  } else notes.outcome(template, outcome)
  return outcome.kind
}
