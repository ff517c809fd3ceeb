/**
 * Requests made from the OpenAPI document, of its schemas and beside them: every answer is one that the document names, and
 * none is the one for a failure inside. TEK_FUZZ sets how many per operation, TEK_FUZZ_SEED which.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGateway, type Gateway } from '../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { OPERATIONS } from '../src/control-api/openapi.ts'
import { keylessApi } from './support/api.ts'

const RUNS = Number(process.env['TEK_FUZZ'] ?? 40)
const SEED = Number(process.env['TEK_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly items?: Schema
}

interface Documented {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, unknown>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('app', '../x', '..%2f', '%00', '$tyk_context.x', 'default', 'a'.repeat(5000)),
)
const oddNumber = fc.oneof(fc.integer({ min: -5, max: 100 }), fc.constantFrom(-1, 0, 1e9, 2 ** 53, -(2 ** 63), 1.5))

/** Mostly what the schema says, now and then anything. */
function valueOf(schema: Schema, document: Document): fc.Arbitrary<unknown> {
  const fitting = fittingValue(schema, document)
  return fc.oneof({ weight: 9, arbitrary: fitting }, { weight: 1, arbitrary: fc.jsonValue() })
}

function fittingValue(schema: Schema, document: Document): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    return valueOf(document.components.schemas[schema.$ref.split('/').at(-1) as string] as Schema, document)
  }
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'object':
      return objectOf(schema, document)
    case 'array':
      return fc.array(valueOf(schema.items as Schema, document), { maxLength: 3 })
    case 'integer':
    case 'number':
      return oddNumber
    case 'boolean':
      return fc.boolean()
    default:
      return oddText
  }
}

function objectOf({ properties, additionalProperties }: Schema, document: Document): fc.Arbitrary<unknown> {
  if (additionalProperties !== undefined) {
    return fc.dictionary(oddText, valueOf(additionalProperties, document), { maxKeys: 2 })
  }
  if (properties === undefined) return fc.dictionary(oddText, fc.jsonValue(), { maxKeys: 3 })
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valueOf(schema, document)]),
  )
  return fc.record(members, { requiredKeys: [] })
}

describe.skipIf(redisSkipReason())('the control API, asked by its own document', () => {
  let redis: RedisServer
  let gateway: Gateway
  let document: Document
  const headers = (): Record<string, string> => ({ 'x-tyk-authorization': gateway.secret })

  beforeAll(async () => {
    redis = await startRedis()
    gateway = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi('http://127.0.0.1:9') },
      conf: { enable_hashed_keys_listing: true, hash_keys: true },
    })
    document = (await (await fetch(`${gateway.url}/tyk/openapi.json`, { headers: headers() })).json()) as Document
  })
  afterAll(async () => {
    await gateway?.stop()
    await redis?.[Symbol.asyncDispose]()
  })

  test('the document needs the secret, like everything else', async () => {
    expect((await fetch(`${gateway.url}/tyk/openapi.json`)).status).toBe(403)
  })

  test.each(Object.keys(OPERATIONS))(`%s, seed ${SEED}`, async (key) => {
    const [method, path] = key.split(' ') as [string, string]
    const operation = document.paths[path]?.[method.toLowerCase()] as Documented
    const [bodyType, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
    const asked = fc.record({
      parameters: fc.tuple(
        ...operation.parameters.map(({ schema }) => fc.oneof(fittingValue(schema, document), oddText)),
      ),
      body: body === undefined ? fc.constant(undefined) : valueOf(body.schema, document),
      isCut: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
    })
    await fc.assert(
      fc.asyncProperty(asked, async ({ parameters, body: value, isCut }) => {
        let target = path
        const query = new URLSearchParams()
        for (const [i, { name, in: place }] of operation.parameters.entries()) {
          const text = String(parameters[i])
          if (place === 'query') query.set(name, text)
          // An empty name is another path.
          else target = target.replace(`{${name}}`, encodeURIComponent(text.toWellFormed()) || 'x')
        }
        const json = bodyType === 'application/json' ? JSON.stringify(value) : String(value)
        const answer = await fetch(`${gateway.url}${target}?${query.toString()}`, {
          method,
          headers: { ...headers(), ...(bodyType !== undefined && { 'content-type': bodyType }) },
          ...(body !== undefined && { body: isCut ? json.slice(0, json.length / 2) : json }),
          redirect: 'manual',
        })
        const text = await answer.text()
        // `.` and `..` are taken out of a path before it is sent.
        if (new URL(target, gateway.url).pathname === target) {
          expect(Object.keys(operation.responses), `${answer.status} ${text}`).toContain(String(answer.status))
        }
        expect(text).not.toContain('Internal Server Error')
        expect(() => JSON.parse(text) as unknown).not.toThrow()
      }),
      { numRuns: RUNS, seed: SEED },
    )
    expect(gateway.program.output()).not.toContain('A control API request failed')
  })
})
