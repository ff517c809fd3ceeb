// Hot path.
import { createCountedLog } from '../../auth/counted-log.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import type { Organisations } from '../../session/organisations.ts'

type Check = (ctx: RequestContext) => Answer | undefined | Promise<Answer | undefined>

const REFUSED: Answer = { kind: 'error', error: gatewayErrors.organisationRefused }
/** Checks of one API beside its requests. With more of them, Redis does not keep up, and requests wait for their own. */
const MAX_RUNNING = 1000

/** Organisations whose last finished check refused the request, by the gateway's store of their sessions. */
const refused = new WeakMap<Organisations, Set<string>>()

/**
 * Answers a request by what the check of one before it has found, and has its own check made beside it. So many requests
 * can pass too many, or be refused too many, as come while a check is made. All APIs of an organisation go by one finding.
 */
export function besideTheRequest(check: Check, orgId: string, deps: ChainDeps): Check {
  const faults = createCountedLog(deps.log, 'error', deps.now)
  let found = refused.get(deps.organisations)
  if (found === undefined) refused.set(deps.organisations, (found = new Set()))
  const organisations = found
  let running = 0

  const settle = (answer: Answer | undefined): void => {
    if (answer === undefined) organisations.delete(orgId)
    else organisations.add(orgId)
  }

  return (ctx) => {
    const before = organisations.has(orgId) ? REFUSED : undefined
    const outcome = check(ctx)
    if (!(outcome instanceof Promise)) {
      settle(outcome)
      return before
    }
    if (running >= MAX_RUNNING) return outcome
    running++
    outcome
      .then(settle, (err: unknown) => faults.note('Check of an organisation failed', () => ({ err, org_id: orgId })))
      .finally(() => running--)
    return before
  }
}
