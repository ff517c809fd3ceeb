// Hot path.
import { servedVersions } from '../api-definition/version.ts'
import type { ApiDefinition, ApiVersion } from '../api-definition/schema.ts'
import type { RequestContext } from './context.ts'

/** Something that takes part in every request, by settings of its version. */
type Step<A extends unknown[], R> = (ctx: RequestContext, ...rest: A) => R

/**
 * Compiles a step for every version that can serve a request; null when it is off in all of them.
 *
 * An API without versions gets its one step as it is.
 *
 * @param off - The result for versions that have the step off.
 */
export function compilePerVersion<A extends unknown[], R>(
  definition: ApiDefinition,
  off: R,
  compile: (version: ApiVersion) => Step<A, R> | null,
): Step<A, R> | null {
  const steps = servedVersions(definition).map(({ version }) => compile(version))
  if (steps.every((step) => step === null)) return null
  if (steps.length === 1) return steps[0] ?? null
  return (ctx, ...rest) => {
    const step = steps[ctx.versionIndex]
    return step == null ? off : step(ctx, ...rest)
  }
}
