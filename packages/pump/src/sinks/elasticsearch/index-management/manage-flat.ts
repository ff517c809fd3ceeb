import { flatTemplate, isComposable } from './flat.ts'
import { install, type Outcome, readStored } from './install.ts'
import { cureFor, isTrouble, type Job } from './job.ts'
import { dailyPolicy } from './lifecycle.ts'
import { managePolicy, type Policy } from './manage-policy.ts'
import { composableTemplates, olderTemplates, type OtherTemplate } from './others.ts'
import { covers } from './patterns.ts'
import { policyOf, type Resource } from './resource.ts'

const WITHOUT_TEMPLATE =
  'Elasticsearch index template not installed, a new index gets the mapping that the server chooses'
const POLICY_MISSING = 'Elasticsearch lifecycle policy not installed, indices of past days stay'
const LOST = 'retention_days has no effect in it'
const NOT_FOLLOWED = 'Elasticsearch index does not follow the lifecycle policy, its past days stay'

/**
 * Without its template the flat document goes where it always went: no reason to hold records.
 *
 * @returns Whether all is as it should be. @throws what `Ask` throws.
 */
export async function manageFlat(job: Job): Promise<boolean> {
  const { options, server, ask, notes } = job
  const names = [options.index_name, options.mcp_index_name].filter((name) => name !== '')
  const [own = ''] = names
  if (!isComposable(server)) {
    const policy = await flatPolicy(job, names)
    return isDone(await installFor(names, policy, job)) && policy.complete
  }
  const others = (await composableTemplates(ask)).filter(
    ({ name, patterns }) => name !== own && covers(patterns, names),
  )
  const older = await olderTemplates(names, ask)
  const theirs = [...others, ...older].filter(({ ofPump }) => !ofPump)
  // What the template of another sink covers has the same fields already, and would be refused in a second one.
  const open =
    theirs.length > 0 ? names : names.filter((name) => !others.some((other) => covers(other.patterns, [name])))
  if (open.length === 0) {
    tellOfShared(others, names, job)
    return true
  }
  const policy = await flatPolicy(job, open)
  if (theirs.length > 0) {
    const reason = `${theirs.map(({ what }) => what).join(', ')} covers the index, and an index follows one template; delete that one, or set manage_index (…MANAGEINDEX) to false${inItsSettings(policy)}`
    notes.trouble(`the index template ${own}`, WITHOUT_TEMPLATE, reason)
    return false
  }
  if (policy.name !== null) tellOfShared(others, names, job)
  const kind = await installFor(open, policy, job)
  // Of a pump on the server before its upgrade: it is not followed any more.
  if (older.some(({ name }) => name === own) && (kind === 'create' || kind === 'update' || kind === 'keep')) {
    await ask('DELETE', `/_template/${encodeURIComponent(own)}`)
  }
  return isDone(kind) && policy.complete
}

const isDone = (kind: Outcome['kind']): boolean => kind !== 'refused' && kind !== 'unknown'

/** The policy of `retention_days`, with its own name in a template where that has to name it. */
async function flatPolicy(job: Job, names: readonly string[]): Promise<Policy> {
  const { options, server, ask } = job
  const { index_name: own, retention_days: days } = options
  const { mark: kept } = policyOf(await readStored(templateFor([own], null, job), ask))
  const policy = await managePolicy(job, dailyPolicy(own, names, days, server, kept), {
    name: own,
    wanted: days > 0,
    lost: days > 0 ? LOST : null,
    missing: POLICY_MISSING,
    otherMeans: 'delete them by other means, and set retention_days (…RETENTIONDAYS) to 0',
  })
  // A policy that does nothing any more is still to be known again; a template that never had to do with one says nothing.
  return policy.name === null && kept === null ? { ...policy, mark: null } : policy
}

const templateFor = (names: readonly string[], policy: Policy | null, { options, server }: Job): Resource =>
  flatTemplate(names, options.document_type || 'tyk_analytics', server, policy ?? undefined)

async function installFor(names: readonly string[], policy: Policy, job: Job): Promise<Outcome['kind']> {
  const { ask, notes } = job
  const template = templateFor(names, policy, job)
  const outcome = await install(template, ask)
  if (isTrouble(outcome)) {
    const reason = `${outcome.reason}; ${cureFor(template)}${inItsSettings(policy)}`
    notes.trouble(template.what, WITHOUT_TEMPLATE, reason)
    return outcome.kind
  }
  // A person's may name the policy.
  const isFollowed = policy.name === null || policyOf(await readStored(template, ask)).name === policy.name
  notes.outcome(template, outcome, isFollowed ? null : LOST)
  return outcome.kind
}

/** On Elasticsearch it is the template that makes a policy hold. */
const inItsSettings = ({ name }: Policy): string =>
  name === null
    ? ''
    : `; retention_days has an effect where the template names its policy, "index.lifecycle.name": "${name}"`

/** An index that several sinks write into is in the template of one of them. */
function tellOfShared(
  others: readonly OtherTemplate[],
  names: readonly string[],
  { options, server, notes }: Job,
): void {
  if (options.retention_days === 0 || server.distribution === 'opensearch') return
  for (const name of names) {
    const other = others.find(({ patterns, policy }) => policy === null && covers(patterns, [name]))
    if (other === undefined) continue
    const reason = `${other.what} of another sink is for ${name}, too, and names no policy; give that sink the same retention_days (…RETENTIONDAYS)`
    notes.trouble(name, NOT_FOLLOWED, reason)
  }
}
