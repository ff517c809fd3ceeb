import { hashKey } from '../auth/key-hash.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import { doneAnswer, errorAnswer, jsonAnswer, type KeyAction, type KeyAnswer } from './key-answer.ts'
import { resetLimits, resetRates, withCountedQuota } from './key-quota.ts'
import { withoutPassword } from './key-secrets.ts'
import { lastUpdated } from './last-updated.ts'
import type { Organisations } from './organisations.ts'
import { parseSession, sessionMembers, type Session } from './session.ts'

/** What the control API does with sessions of organisations. */
export interface OrganisationRequestDeps {
  readonly organisations: Organisations
  readonly redis: Pick<RedisStores, 'main'>
  readonly config: Pick<GatewayConfig, 'hash_keys' | 'suppress_default_org_store'>
  readonly log: Log
  readonly now: () => number
  /** A loaded API belongs to it. */
  readonly isActive: (orgId: string) => boolean
}

const INACTIVE = errorAnswer(404, 'No such organisation found in Active API list')
const NOT_FOUND = errorAnswer(404, 'Org not found')

/**
 * `GET /tyk/org/keys`
 *
 * @param filter - what the ids begin with.
 */
export async function listOrganisations(deps: OrganisationRequestDeps, filter: string): Promise<KeyAnswer> {
  const ids = (await deps.organisations.list()).filter((id) => id.startsWith(filter))
  return jsonAnswer(200, { keys: ids.sort() })
}

/** `GET /tyk/org/keys/{org}`: the session with its quota as counted. */
export async function getOrganisation(deps: OrganisationRequestDeps, orgId: string): Promise<KeyAnswer> {
  if (isSuppressed(deps, orgId)) return INACTIVE
  const session = await deps.organisations.load(orgId)
  if (session === null) return NOT_FOUND
  const counted = await withCountedQuota(deps.redis.main, counterName(deps, orgId), session, deps.now())
  return jsonAnswer(200, withoutPassword(sessionMembers(counted)))
}

/**
 * `POST` and `PUT /tyk/org/keys/{org}`: stores the session, whether there was one or not. Its rate begins anew.
 *
 * @param resets - the quota does as well.
 */
export async function storeOrganisation(
  deps: OrganisationRequestDeps,
  orgId: string,
  body: string,
  resets: boolean,
  action: KeyAction,
): Promise<KeyAnswer> {
  const session = parse(body)
  if (session === null) return errorAnswer(400, 'Request malformed')
  if (isSuppressed(deps, orgId)) return INACTIVE
  const nowSeconds = Math.floor(deps.now() / 1000)
  session.last_updated = lastUpdated(nowSeconds, await deps.organisations.load(orgId))
  if (resets) session.quota_renews = nowSeconds + session.quota_renewal_rate
  const reset = resets ? resetLimits : resetRates
  await reset(deps.redis.main, counterName(deps, orgId), session, deps.now())
  await deps.organisations.write(orgId, session)
  deps.log.info({ org_id: orgId }, 'session of an organisation stored')
  return doneAnswer(orgId, action)
}

/** `DELETE /tyk/org/keys/{org}` */
export async function deleteOrganisation(deps: OrganisationRequestDeps, orgId: string): Promise<KeyAnswer> {
  if (isSuppressed(deps, orgId)) return INACTIVE
  if (!(await deps.organisations.remove(orgId))) return NOT_FOUND
  deps.log.info({ org_id: orgId }, 'session of an organisation deleted')
  return doneAnswer(orgId, 'deleted')
}

const isSuppressed = ({ config, isActive }: OrganisationRequestDeps, orgId: string): boolean =>
  config.suppress_default_org_store && !isActive(orgId)

const counterName = ({ config }: OrganisationRequestDeps, orgId: string): string =>
  config.hash_keys ? hashKey(orgId) : orgId

function parse(body: string): Session | null {
  try {
    return parseSession(body)
  } catch {
    return null
  }
}
