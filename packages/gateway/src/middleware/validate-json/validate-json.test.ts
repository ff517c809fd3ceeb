import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import type { RequestContext } from '../../chain/context.ts'
import { validateJsonMiddleware } from './index.ts'
import { parseFirstValue } from './json-value.ts'

const apiFor = (entry: Record<string, unknown>) =>
  apiWith({
    version_data: {
      not_versioned: true,
      versions: {
        Default: {
          use_extended_paths: true,
          extended_paths: { validate_json: [{ path: '/x', method: 'POST', ...entry }] },
        },
      },
    },
  })

async function validate(
  entry: Record<string, unknown>,
  body: string,
): Promise<{ outcome: string; ctx: RequestContext }> {
  const api = apiFor(entry)
  const ctx = contextFor(api, { method: 'POST' })
  ctx.body = Readable.from(body === '' ? [] : [Buffer.from(body)], { objectMode: false })
  return { outcome: outcomeOf(await runSteps(stepsOf(api, depsWith(), [validateJsonMiddleware]), ctx)), ctx }
}

const DRAFT4 = 'http://json-schema.org/draft-04/schema#'
const person = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', minLength: 2 }, age: { type: 'integer', minimum: 0 } },
  additionalProperties: false,
}
const of = (schema: unknown): Record<string, unknown> => ({ type: 'object', properties: { a: schema } })

test.each<[string, unknown, string, string]>([
  ['a body that fits', person, '{"name":"ann","age":3}', 'passed'],
  ['required', person, '{}', '422 (root): name is required'],
  ['type', person, '{"name":5}', '422 name: Invalid type. Expected: string, given: integer'],
  ['type of a fraction', person, '{"name":"ann","age":1.5}', '422 age: Invalid type. Expected: integer, given: number'],
  ['type of the root', person, '[]', '422 (root): Invalid type. Expected: object, given: array'],
  [
    'one of two types',
    of({ type: ['string', 'null'] }),
    '{"a":true}',
    '422 a: Invalid type. Expected: [string,null], given: boolean',
  ],
  [
    'the wrong type is all that is told',
    of({ type: 'string', enum: ['x'] }),
    '{"a":1}',
    '422 a: Invalid type. Expected: string, given: integer',
  ],
  ['minLength', person, '{"name":"a"}', '422 name: String length must be greater than or equal to 2'],
  ['maxLength in characters', of({ maxLength: 1 }), '{"a":"😀"}', 'passed'],
  ['minimum', person, '{"name":"ann","age":-1}', '422 age: Must be greater than or equal to 0'],
  ['additional', person, '{"name":"ann","x":1}', '422 (root): Additional property x is not allowed'],
  ['exclusive', of({ exclusiveMaximum: 3 }), '{"a":3}', '422 a: Must be less than 3'],
  [
    'exclusive in draft 4',
    { ...of({ minimum: 3, exclusiveMinimum: true }), $schema: DRAFT4 },
    '{"a":3}',
    '422 a: Must be greater than 3',
  ],
  ['not exclusive in draft 4', of({ minimum: 3, exclusiveMinimum: false }), '{"a":3}', 'passed'],
  [
    'a property called id',
    { ...of({ type: 'string' }), properties: { id: { type: 'string' } } },
    '{"id":1}',
    '422 id: Invalid type. Expected: string, given: integer',
  ],
  ['enum', of({ enum: ['a', 1] }), '{"a":"c"}', '422 a: a must be one of the following: "a", 1'],
  ['const', of({ const: 1 }), '{"a":2}', '422 a: a does not match: 1'],
  ['pattern', of({ pattern: '^(a+)+$' }), `{"a":"${'a'.repeat(5000)}!"}`, "422 a: Does not match pattern '^(a+)+$'"],
  ['format', of({ format: 'ipv4' }), '{"a":"x"}', "422 a: Does not match format 'ipv4'"],
  ['a format nobody knows', of({ format: 'shoe' }), '{"a":"x"}', 'passed'],
  [
    'items',
    of({ items: { type: 'string' }, minItems: 3 }),
    '{"a":[1,""]}',
    '422 a: Array must have at least 3 items; a.0: Invalid type. Expected: string, given: integer',
  ],
  ['unique items', of({ uniqueItems: true }), '{"a":[1,2,1]}', '422 a: array items[0,2] must be unique'],
  [
    'no alternative',
    of({ anyOf: [{ type: 'string' }, { type: 'object', required: ['x', 'y'] }] }),
    '{"a":1}',
    '422 a: Must validate at least one schema (anyOf); a: Invalid type. Expected: string, given: integer',
  ],
  [
    'two alternatives',
    of({ oneOf: [{ type: 'number' }, { minimum: 0 }] }),
    '{"a":1}',
    '422 a: Must validate one and only one schema (oneOf)',
  ],
  ['not', of({ not: { type: 'number' } }), '{"a":1}', '422 a: Must not validate the schema (not)'],
  [
    'a reference',
    { definitions: { s: { type: 'string' } }, ...of({ $ref: '#/definitions/s' }) },
    '{"a":1}',
    '422 a: Invalid type. Expected: string, given: integer',
  ],
  ['an inherited name is not there', { required: ['toString'] }, '{}', '422 (root): toString is required'],
  ['what follows the first value is not looked at', person, '{"name":"ann"} trailing', 'passed'],
  ['no schema', null, '{}', '500 no schemas to validate against'],
])('%s', async (_, schema, body, outcome) => {
  expect((await validate({ schema }, body)).outcome).toBe(outcome)
})

test('of many problems the first fifty are told, and of a large body only the first', async () => {
  const strings = { items: { type: 'string' } }
  const { outcome } = await validate({ schema: strings }, JSON.stringify(Array.from({ length: 20_000 }, () => 1)))
  expect(outcome).toMatch(/^422 0: Invalid[^;]*(; [^;]*){49}$/)
  const long = await validate({ schema: strings }, JSON.stringify(Array.from({ length: 50_000 }, () => 1)))
  expect(long.outcome).toBe('422 0: Invalid type. Expected: string, given: integer')
})

test('names that the client chose are cut', async () => {
  const name = 'n'.repeat(60_000)
  const body = JSON.stringify({ [name]: 1 })
  const cut = `${'n'.repeat(200)}…`
  expect((await validate({ schema: { additionalProperties: false } }, body)).outcome).toBe(
    `422 (root): Additional property ${cut} is not allowed`,
  )
  expect((await validate({ schema: { additionalProperties: { type: 'string' } } }, body)).outcome).toBe(
    `422 ${cut}: Invalid type. Expected: string, given: integer`,
  )
})

test.each([
  [
    [
      { a: 1, b: [2] },
      { a: 1, b: [3] },
      { b: [2], a: 1 },
    ],
    [0, 2],
  ],
  [['1', 1], null],
  [
    ['a', 'b', 'b', 'a'],
    [1, 2],
  ],
  [[{ __proto__x: 1 }, [1], { a: null }, null, '{"a":null}'], null],
  // Ten seconds and more when each is compared with every other.
  [Array.from({ length: 30_000 }, (_, n) => ({ n })), null],
])('unique items of any kind are told apart: %#', async (items, pair) => {
  const { outcome } = await validate({ schema: { uniqueItems: true } }, JSON.stringify(items))
  expect(outcome).toBe(pair === null ? 'passed' : `422 (root): array items[${pair.join()}] must be unique`)
})

test('the code of the endpoint is used, and the body goes on as it came', async () => {
  expect((await validate({ schema: person, error_response_code: 400 }, '{}')).outcome).toBe(
    '400 (root): name is required',
  )
  const { ctx } = await validate({ schema: person }, '{ "name": "ann" }')
  expect(Buffer.concat((await ctx.body?.toArray()) ?? []).toString()).toBe('{ "name": "ann" }')
})

test.each([
  ['no schema at all', 'text'],
  ['a type that is none', { type: 'shoe' }],
  ['a schema elsewhere', { $ref: 'http://elsewhere.test/schema' }],
  ['a pattern that is none', { pattern: '(' }],
])('%s refuses the API', (_, schema) => {
  expect(() => stepsOf(apiFor({ schema }), depsWith(), [validateJsonMiddleware])).toThrow('schema: ')
})

test('without entries there is no step', () => {
  expect(stepsOf(apiFor({ disabled: true }), depsWith(), [validateJsonMiddleware])).toEqual([])
})

describe('a body that is not JSON is told in the words of Go', () => {
  test.each([
    ['', 'EOF'],
    [' \n', 'EOF'],
    ['nonsense', "invalid character 'o' in literal null (expecting 'u')"],
    ['tru', 'unexpected EOF'],
    ['x', "invalid character 'x' looking for beginning of value"],
    ['\ufeff{}', "invalid character 'ï' looking for beginning of value"],
    ['{', 'unexpected EOF'],
    ['{"a"', 'unexpected EOF'],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['[[],{}', 'unexpected EOF'],
    ['["a\nb"]', String.raw`invalid character '\n' in string literal`],
    [String.raw`["\x"]`, "invalid character 'x' in string escape code"],
    [String.raw`["\u12g4"]`, String.raw`invalid character 'g' in \u hexadecimal character escape`],
    ['[-x]', "invalid character 'x' in numeric literal"],
    ['[1.x]', "invalid character 'x' after decimal point in numeric literal"],
    ['[1e+]', "invalid character ']' in exponent of numeric literal"],
    ["{'a':1}", String.raw`invalid character '\'' looking for beginning of object key string`],
  ])('%j: %s', (body, message) => {
    expect(() => parseFirstValue(Buffer.from(body))).toThrow(message)
  })

  test.each([
    ['01', 0],
    ['{"a":[1,{}]}]', { a: [1, {}] }],
    ['[-0.5e3,"\\u00fc"] {', [-500, 'ü']],
    ['"grün" x', 'grün'],
    ['null,', null],
  ])('%j is read up to where its first value ends', (body, value) => {
    expect(parseFirstValue(Buffer.from(body))).toEqual(value)
  })
})
