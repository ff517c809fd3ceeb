// Hot path.
import type { ApiDefinition } from '../../api-definition/schema.ts'
import { createCountedLog, keyForLog } from '../../auth/counted-log.ts'
import type { Answer, MiddlewareDefinition } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'

const DISALLOWED: Answer = { kind: 'error', error: gatewayErrors.apiDisallowed }

/** Refuses keys without a right to this API or to the version asked for. No rights at all open every API. */
export const accessRightsMiddleware: MiddlewareDefinition = {
  name: 'AccessRightsCheck',
  compile({ definition, apiId }, deps) {
    if (definition.use_keyless) return null
    const failures = createCountedLog(deps.log, 'info', deps.now)
    const allowsVersion = versionCheck(definition)
    return (ctx) => {
      const { session, token } = ctx
      if (ctx.authIgnored || session === null) return undefined
      const right = session.access_rights[apiId]
      if (right === undefined ? hasNoMember(session.access_rights) : allowsVersion(right.versions, ctx.versionName)) {
        return undefined
      }
      const message =
        right === undefined ? 'Attempted access to unauthorised API.' : 'Attempted access to unauthorised API version.'
      failures.note(message, () => ({ api_id: apiId, key: keyForLog(token, deps.config.enable_key_logging) }))
      return DISALLOWED
    }
  },
}

function hasNoMember(object: object): boolean {
  // Object.keys would build a list per request; whether there is a first member is all that counts.
  for (const _ in object) return false
  return true
}

function versionCheck(definition: ApiDefinition): (allowed: readonly string[], asked: string) => boolean {
  const { not_versioned: notVersioned, default_version: defaultVersion } = definition.version_data
  if (notVersioned) return () => true
  const fallsBack = definition.definition.fallback_to_default
  return (allowed, asked) =>
    allowed.includes(asked === '' ? defaultVersion : asked) || (fallsBack && allowed.includes(defaultVersion))
}
