// Hot path.
import { toByteString } from '../../byte-string.ts'
import { canonicalHeaderName } from '../../chain/headers.ts'
import type { MiddlewareDefinition } from '../../chain/types.ts'

/**
 * Tells which version answered when the request named none. Last in the chain, because answers that the gateway makes
 * before it asks the upstream do not tell.
 */
export const versionHeaderMiddleware: MiddlewareDefinition = {
  name: 'VersionHeader',
  compile({ definition }, { config }) {
    const { not_versioned: notVersioned, default_version: version } = definition.version_data
    if (config.version_header === '' || notVersioned || version === '') return null
    const header = canonicalHeaderName(config.version_header)
    const value = toByteString(version)
    return (ctx) => {
      if (ctx.versionName === '') ctx.answerHeaders.push(header, value)
      return undefined
    }
  },
}
