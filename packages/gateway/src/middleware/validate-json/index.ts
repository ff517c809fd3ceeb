// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { readBody } from '../../chain/read-body.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { errorRow, gatewayErrors } from '../../errors/catalogue.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'
import { JsonProblem, parseFirstValue } from './json-value.ts'
import { problemsText } from './messages.ts'
import { compileSchema, type SchemaCheck } from './schema.ts'

const NO_SCHEMA: Answer = { kind: 'error', error: gatewayErrors.noJsonSchema }
const TOO_LARGE: Answer = { kind: 'error', error: gatewayErrors.bodyToValidateTooLarge }

/** A body that is to be checked is held in memory; a longer one is refused. */
const MAX_BODY_BYTES = 10 * 1024 * 1024

/** Holds the bodies of an endpoint to its JSON schema. */
export const validateJsonMiddleware: MiddlewareDefinition = {
  name: 'ValidateJSON',
  compile: (api, deps) => compilePerVersion(api.definition, undefined, (version) => compileStep(version, api, deps)),
}

interface BodyRule {
  /** null: the endpoint has no schema, and then no body is good enough. */
  readonly validate: SchemaCheck | null
  readonly status: number
}

function compileStep(version: ApiVersion, api: CompiledApi, deps: ChainDeps): Middleware | null {
  const find = compileEndpoints(entriesOf(version, 'validate_json'), api, deps, (entry): BodyRule => {
    const validate = entry.schema === null ? null : compileSchema(entry.schema)
    return { validate, status: entry.error_response_code === 0 ? 422 : entry.error_response_code }
  })
  if (find === null) return null
  return (ctx) => {
    const rule = find(ctx.method, ctx.path)
    if (rule === null) return undefined
    const { validate } = rule
    if (validate === null) return NO_SCHEMA
    return readBody(ctx, MAX_BODY_BYTES).then((body) =>
      body === null ? TOO_LARGE : checkBody(body, validate, rule.status),
    )
  }
}

function checkBody(body: Buffer, validate: SchemaCheck, status: number): Answer | undefined {
  let value: unknown
  try {
    value = parseFirstValue(body)
  } catch (err) {
    if (!(err instanceof JsonProblem)) throw err
    return { kind: 'error', error: errorRow(400, `JSON parsing error: ${err.message}`, gatewayErrors.jsonUnreadable) }
  }
  const problems = validate(value, body.length)
  if (problems === null) return undefined
  return { kind: 'error', error: errorRow(status, problemsText(problems), gatewayErrors.jsonInvalid) }
}
