import type { ApiDefinition } from '../api-definition/schema.ts'
import type { CertificateStore } from '../auth/certificate-store.ts'
import { keyForLog } from '../auth/counted-log.ts'
import { PasswordTooLongError, type Passwords } from '../auth/passwords.ts'
import { WorkRefusedError } from '../auth/work-queue.ts'
import { generateKey, organisationOf } from '../auth/key-format.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Events } from '../events/index.ts'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import { applyPolicies } from './apply.ts'
import { isObject } from './go-json.ts'
import { doneAnswer, errorAnswer, jsonAnswer, type KeyAnswer } from './key-answer.ts'
import { resetLimits, resetRates, withCountedQuota } from './key-quota.ts'
import { bindingProblem, certificateProblem } from './key-certificates.ts'
import { withHmacSecret, withoutPassword, withStoredPassword } from './key-secrets.ts'
import { lastUpdated } from './last-updated.ts'
import { longestTtlSeconds } from './lifetime.ts'
import type { PolicyStore } from './policies.ts'
import { parseSession, policyIdsOf, sessionMembers, type Session } from './session.ts'
import type { SessionStore, StoredSession } from './store.ts'

export type { KeyAnswer } from './key-answer.ts'

/** What the key operations of the control API work on. */
export interface KeyDeps {
  readonly sessions: SessionStore
  readonly policies: PolicyStore
  readonly passwords: Pick<Passwords, 'protect'>
  readonly certificateStore: Pick<CertificateStore, 'find'>
  readonly redis: Pick<RedisStores, 'main'>
  readonly config: GatewayConfig
  readonly log: Log
  readonly now: () => number
  /** Handlers of events about keys. */
  readonly events: Pick<Events, 'fireToken'>
  /** The loaded API of an id. */
  readonly api: (apiId: string) => ApiDefinition | undefined
}

/** Query parameters of the key routes; an absent one is the empty string. */
export interface KeyQuery {
  readonly orgId: string
  readonly apiId: string
  /** The key in the path is a hash. */
  readonly hashed: boolean
  /** The key in the path is the name of a custom key. */
  readonly username: boolean
  /** `suppress_reset=1`: counters go on. */
  readonly suppressReset: boolean
  readonly filter: string
}

/** Reads the parameters from a parsed query. */
export function readKeyQuery(get: (name: string) => string | null | undefined): KeyQuery {
  return {
    orgId: get('org_id') ?? '',
    apiId: get('api_id') ?? '',
    hashed: (get('hashed') ?? '') !== '',
    username: get('username') === 'true',
    suppressReset: get('suppress_reset') === '1',
    filter: get('filter') ?? '',
  }
}

const DEFAULT_MIN_LENGTH = 3

/** `POST /tyk/keys/create`: a key with a generated token. */
export async function createGeneratedKey(deps: KeyDeps, body: string): Promise<KeyAnswer> {
  const session = parseBody(body)
  if (session === null) return errorAnswer(500, 'Unmarshalling failed')
  const refusal = await bindingProblem(session, null, deps.certificateStore)
  if (refusal !== null) return errorAnswer(400, refusal)
  const token = generateKey(session.org_id, session.certificate, deps.config.hash_key_function)
  if (await isTaken(deps, session, token)) {
    return errorAnswer(500, `Failed to create key - Key with given certificate already found:${token}`)
  }
  const ready = await withSecrets(deps, session, null)
  if ('body' in ready) return ready
  const problem = await store(deps, token, deps.sessions.storageKeyOf(token), ready, true, null)
  if (problem === MASTER_KEY) {
    return errorAnswer(400, 'Failed to create key, keys must have at least one Access Rights record set.')
  }
  if (problem !== null) return errorAnswer(500, `Failed to create key - ${problem}`)
  deps.events.fireToken('TokenCreated', 'Key generated.', ready.org_id, token)
  return doneAnswer(token, 'added', deps.config.hash_keys ? deps.sessions.storageKeyOf(token) : null)
}

/** `POST /tyk/keys` and `POST /tyk/keys/{name}`: a key with a generated token, or with one that a name stands for. */
export async function createKey(deps: KeyDeps, body: string, name = ''): Promise<KeyAnswer> {
  const session = parseBody(body)
  if (session === null) return errorAnswer(400, 'Request malformed')
  const short = shortNameMessage(name, deps.config.min_token_length)
  const refusal = short ?? (await bindingProblem(session, null, deps.certificateStore))
  if (refusal !== null) return errorAnswer(400, refusal)
  if (session.expires > 0 && session.expires < nowSeconds(deps)) session.expires = 0
  const token = generateKey(session.org_id, name || session.certificate, deps.config.hash_key_function)
  const ready = await withSecrets(deps, session, null)
  if ('body' in ready) return ready
  const problem = await store(deps, token, deps.sessions.storageKeyOf(token), ready, true, null)
  if (problem !== null) return errorAnswer(500, 'Failed to create key, ensure security settings are correct.')
  deps.events.fireToken('TokenCreated', 'Key modified.', ready.org_id, token)
  if (!deps.config.hash_keys) return doneAnswer(token, 'added')
  // A user of basic auth knows the name already.
  return doneAnswer(ready.basic_auth_data === null ? token : '', 'added', deps.sessions.storageKeyOf(token))
}

/** `PUT /tyk/keys/{key}` */
export async function updateKey(deps: KeyDeps, key: string, body: string, query: KeyQuery): Promise<KeyAnswer> {
  const session = parseBody(body)
  if (session === null) return errorAnswer(400, 'Request malformed')
  const found = await locate(deps, key, session.org_id, query)
  if (found === null) return errorAnswer(404, 'Key is not found')
  const before = found.session
  const refusal =
    (await certificateProblem(session, before, deps.certificateStore)) ??
    (await bindingProblem(session, before, deps.certificateStore))
  if (refusal !== null) return errorAnswer(400, refusal)
  const now = nowSeconds(deps)
  if (session.expires > 0 && session.expires < now) session.expires = before.expires
  session.date_created = before.date_created
  if (query.suppressReset) {
    session.quota_renews = before.quota_renews
    session.last_updated = before.last_updated
  }
  const ready = await withSecrets(deps, session, before)
  if ('body' in ready) return ready
  const problem = await store(deps, found.token, found.storageKey, ready, !query.suppressReset, before)
  if (problem !== null) return errorAnswer(500, 'Failed to create key, ensure security settings are correct.')
  deps.events.fireToken('TokenUpdated', 'Key modified.', ready.org_id, found.token)
  return doneAnswer(found.token, 'modified')
}

/** `GET /tyk/keys/{key}`: the session with policies applied and quotas as counted. */
export async function getKey(deps: KeyDeps, key: string, query: KeyQuery): Promise<KeyAnswer> {
  if (query.hashed && !deps.config.hash_keys) {
    return errorAnswer(400, 'Key requested by hash but key hashing is not enabled')
  }
  const found = await locate(deps, key, query.orgId, query)
  if (found === null) return errorAnswer(404, 'Key not found')
  const session = applied(deps, found.session).session ?? found.session
  const counted = await withCountedQuota(deps.redis.main, found.storageKey, session, deps.now())
  return jsonAnswer(200, withoutPassword(sessionMembers(counted)))
}

/** `GET /tyk/keys` */
export async function listKeys(deps: KeyDeps, query: KeyQuery): Promise<KeyAnswer> {
  const { hash_keys: hashed, enable_hashed_keys_listing: listsHashes } = deps.config
  if (hashed && !listsHashes) {
    return errorAnswer(404, 'Hashed key listing is disabled in config (enable_hashed_keys_listing)')
  }
  if (!hashed && query.apiId !== '' && query.filter === '') {
    return errorAnswer(400, "The 'filter' parameter (Org ID) is required when filtering by 'api_id' in legacy mode")
  }
  let names = await deps.sessions.list()
  if (!hashed && query.filter !== '') {
    names = names.filter((name) => name.startsWith(query.filter) || organisationOf(name) === query.filter)
  }
  if (query.apiId !== '') names = await withAccessTo(deps, names, query.apiId)
  return jsonAnswer(200, { keys: names.sort() })
}

/** `DELETE /tyk/keys/{key}` */
export async function deleteKey(deps: KeyDeps, key: string, query: KeyQuery): Promise<KeyAnswer> {
  const found = await locate(deps, key, query.orgId, query)
  if (found === null) return errorAnswer(404, 'There is no such key found')
  if (!(await deps.sessions.remove(found.storageKey))) return errorAnswer(400, 'Failed to remove the key')
  await resetLimits(deps.redis.main, found.storageKey, found.session, deps.now())
  if (query.apiId === '-1') return jsonAnswer(200, null)
  // By its hash nobody knows which key it was.
  if (!query.hashed) deps.events.fireToken('TokenDeleted', 'Key deleted.', found.session.org_id, found.token)
  return doneAnswer(found.token, 'deleted')
}

/** `POST /tyk/keys/preview`: what a key would be, nothing stored. */
export function previewKey(deps: KeyDeps, body: string): KeyAnswer {
  const session = parseBody(body)
  if (session === null) return errorAnswer(500, 'Unmarshalling failed')
  return jsonAnswer(200, withoutPassword(sessionMembers(applied(deps, session).session ?? session)))
}

/** `POST /tyk/keys/policy/{hash}`: other policies for a stored key. */
export async function setKeyPolicies(deps: KeyDeps, storageKey: string, body: string): Promise<KeyAnswer> {
  const ids = readPolicyIds(body)
  if (ids === null) return errorAnswer(400, "Couldn't decode instruction")
  const found = await deps.sessions.load(storageKey, storageKey)
  if (found === null) return errorAnswer(404, 'Key not found')
  const changedAt = lastUpdated(nowSeconds(deps), found.session)
  const session: Session = { ...found.session, apply_policies: ids, last_updated: changedAt }
  // Its quota goes on.
  await resetRates(deps.redis.main, storageKey, applied(deps, session).session ?? session, deps.now())
  await deps.sessions.write(storageKey, session, 0)
  return doneAnswer(storageKey, 'updated')
}

const nowSeconds = ({ now }: KeyDeps): number => Math.floor(now() / 1000)

function parseBody(body: string): Session | null {
  try {
    return parseSession(body)
  } catch {
    return null
  }
}

function shortNameMessage(name: string, configured: number): string | null {
  const min = configured > 0 ? configured : DEFAULT_MIN_LENGTH
  if (name === '' || name.length >= min) return null
  return (
    `custom key ID length ${name.length} is less than min_token_length (${min}); the key would be unreachable at auth ` +
    'time. Use an ID of at least min_token_length characters, or lower min_token_length in the gateway configuration.'
  )
}

/** A certificate has one key. */
async function isTaken(deps: KeyDeps, session: Session, token: string): Promise<boolean> {
  if (session.certificate === '') return false
  return (await deps.sessions.load(deps.sessions.storageKeyOf(token), token)) !== null
}

const PASSWORD_TOO_LONG = errorAnswer(400, 'basic_auth_data: bcrypt takes passwords of at most 72 bytes')
const TOO_BUSY = errorAnswer(503, 'Too many passwords wait to be hashed, try again')

/** The session with its secrets in the form in which they are stored, or why that cannot be. */
async function withSecrets(deps: KeyDeps, session: Session, before: Session | null): Promise<Session | KeyAnswer> {
  try {
    return await withStoredPassword(before === null ? withHmacSecret(session) : session, before, deps.passwords)
  } catch (err) {
    if (err instanceof PasswordTooLongError) return PASSWORD_TOO_LONG
    if (err instanceof WorkRefusedError) return TOO_BUSY
    throw err
  }
}

async function locate(deps: KeyDeps, key: string, orgId: string, query: KeyQuery): Promise<StoredSession | null> {
  if (query.hashed) return deps.sessions.load(key, key)
  const byName = query.username && !deps.config.disable_key_actions_by_username
  if (!byName) return deps.sessions.read(key, orgId)
  const token = generateKey(orgId, key, deps.config.hash_key_function)
  const found = await deps.sessions.load(deps.sessions.storageKeyOf(token), token)
  if (found !== null || deps.config.hash_key_function === '') return found
  const older = generateKey(orgId, key, '')
  return deps.sessions.load(deps.sessions.storageKeyOf(older), older)
}

const applied = (deps: KeyDeps, session: Session): ReturnType<typeof applyPolicies> =>
  applyPolicies(session, (id) => deps.policies.get(session.org_id, id), session.org_id)

const MASTER_KEY = 'Master keys not allowed'

/**
 * Applies policies, resets counters and stores. Returns why it did not, or null.
 *
 * @param before - the session that is replaced; null: the key is new.
 */
async function store(
  deps: KeyDeps,
  token: string,
  storageKey: string,
  given: Session,
  resets: boolean,
  before: Session | null,
): Promise<string | null> {
  const now = nowSeconds(deps)
  const session: Session = { ...given }
  if (before === null) {
    session.date_created = new Date(deps.now()).toISOString()
    applyTrialPeriod(deps, session, now)
  }
  const resetsQuota = resets && setsQuota(deps, session)
  if (resets) session.last_updated = lastUpdated(now, before ?? (await storedUnder(deps, storageKey)))
  if (resetsQuota) session.quota_renews = now + session.quota_renewal_rate
  const outcome = applied(deps, session)
  if (outcome.session === null) return outcome.failure
  const apiIds = Object.keys(outcome.session.access_rights)
  if (apiIds.length === 0 && !deps.config.allow_master_keys) {
    deps.log.error('Master keys disallowed in configuration, key not added.')
    return MASTER_KEY
  }
  if (resetsQuota) await resetLimits(deps.redis.main, storageKey, outcome.session, deps.now())
  const ttlSeconds = longestTtlSeconds(outcome.session, loadedApis(deps, outcome.session), deps.config, now)
  await deps.sessions.write(storageKey, outcome.session, ttlSeconds)
  deps.log.info({ key: keyForLog(token, deps.config.enable_key_logging), apis: apiIds.length }, 'key stored')
  return null
}

/** A key that is made may have one of its name before it, which counts for the time of the change alone. */
const storedUnder = async ({ sessions }: KeyDeps, storageKey: string): Promise<Session | null> =>
  (await sessions.load(storageKey, storageKey))?.session ?? null

/** Quotas start anew with a change of the key, unless every API of it is against that. */
function setsQuota(deps: KeyDeps, session: Session): boolean {
  const apis = loadedApis(deps, session)
  return apis.length === 0 || apis.some((api) => !api.dont_set_quota_on_create)
}

const loadedApis = (deps: KeyDeps, session: Session): ApiDefinition[] =>
  Object.keys(session.access_rights).flatMap((apiId) => deps.api(apiId) ?? [])

/** A policy may limit how long keys made from it live. */
function applyTrialPeriod(deps: KeyDeps, session: Session, now: number): void {
  for (const id of policyIdsOf(session)) {
    const seconds = deps.policies.get(session.org_id, id)?.key_expires_in ?? 0
    if (seconds > 0) session.expires = now + seconds
  }
}

async function withAccessTo(deps: KeyDeps, names: readonly string[], apiId: string): Promise<string[]> {
  const kept: string[] = []
  for (const name of names) {
    const found = await deps.sessions.load(name, name)
    if (found !== null && found.session.access_rights[apiId] !== undefined) kept.push(name)
  }
  return kept
}

function readPolicyIds(body: string): string[] | null {
  try {
    const json: unknown = JSON.parse(body)
    if (!isObject(json)) return null
    const { policy, apply_policies: list } = json
    const ids = [policy, ...(Array.isArray(list) ? list : [])].filter((id) => typeof id === 'string' && id !== '')
    return [...new Set(ids as string[])]
  } catch {
    return null
  }
}
