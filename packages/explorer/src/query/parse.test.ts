import { array, assert, constantFrom, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Query } from './ast.ts'
import { formatTerm } from './format.ts'
import { parseQuery, QuerySyntaxError } from './parse.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const parse = (line: string): Query => parseQuery(line, NOW)
const ms = (text: string): number => Date.parse(text)

const equals = (field: string, value: string | number | boolean): Query => ({ kind: 'equals', field, value })
const text = (...pieces: (string | { any: 'characters' | 'character' })[]): Query => ({ kind: 'text', pieces })
const and = (...parts: Query[]): Query => ({ kind: 'and', parts })
const or = (...parts: Query[]): Query => ({ kind: 'or', parts })
const not = (part: Query): Query => ({ kind: 'not', part })
const code = (value: number): Query => equals('response_code', value)
const any = { any: 'characters' } as const
const one = { any: 'character' } as const

describe('a query line means', () => {
  it.each<[string, Query]>([
    ['', { kind: 'all' }],
    [' \t ', { kind: 'all' }],
    ['*', { kind: 'all' }],
    ['response_code:500', code(500)],
    ['response_code: 500', code(500)],
    ['api_name:httpbin', equals('api_name', 'httpbin')],
    ['api_name.keyword:httpbin', equals('api_name', 'httpbin')],
    ['api_name:"my api"', equals('api_name', 'my api')],
    ['api_name:my\\ api', equals('api_name', 'my api')],
    ['api_name:"a \\"b\\" \\\\"', equals('api_name', 'a "b" \\')],
    ['api_name:"and"', equals('api_name', 'and')],
    ['api_name:and', equals('api_name', 'and')],
    ['api_name:""', equals('api_name', '')],
    ['request_uri:/get?x', { kind: 'matches', field: 'request_uri', pieces: ['/get', one, 'x'] }],
    ['request_uri:/a:b/%20/c', equals('request_uri', '/a:b/%20/c')],
    ['request_uri:/get*', { kind: 'matches', field: 'request_uri', pieces: ['/get', any] }],
    ['request_uri:/a**b?', { kind: 'matches', field: 'request_uri', pieces: ['/a', any, 'b', one] }],
    ['request_uri:/a\\*', equals('request_uri', '/a*')],
    ['request_uri:"/a*"', equals('request_uri', '/a*')],
    ['ip_address:10.0.0.1', equals('ip_address', '10.0.0.1')],
    ['ip_address:2001:db8::1', equals('ip_address', '2001:db8::1')],
    ['tags:foo@bar.com', equals('tags', 'foo@bar.com')],
    ['track_path:TRUE', equals('track_path', true)],
    ['content_length:-1', equals('content_length', -1)],
    ['alias:*', { kind: 'exists', field: 'alias' }],
    ['_exists_:alias', { kind: 'exists', field: 'alias' }],
    ['response_code:*', { kind: 'exists', field: 'response_code' }],
    ['curl', text('curl')],
    ['"two words"', text('two words')],
    ['cu*l?', text('cu', any, 'l', one)],
    ['<script>', text('<script>')],
    ['x-y', text('x-y')],
    ['-', text('-')],
    ['ünï ✓', and(text('ünï'), text('✓'))],
  ])('%s', (line, query) => {
    expect(parse(line)).toEqual(query)
  })
})

describe('operators', () => {
  it.each<[string, Query]>([
    ['response_code:1 and response_code:2', and(code(1), code(2))],
    ['response_code:1 AND response_code:2 && response_code:3', and(code(1), code(2), code(3))],
    ['response_code:1 response_code:2', and(code(1), code(2))],
    ['response_code:1 Or response_code:2', or(code(1), code(2))],
    ['response_code:1 or response_code:2 and response_code:3', or(code(1), and(code(2), code(3)))],
    ['response_code:1 and response_code:2 || response_code:3', or(and(code(1), code(2)), code(3))],
    ['(response_code:1 or response_code:2) and response_code:3', and(or(code(1), code(2)), code(3))],
    ['(response_code:1)(response_code:2)', and(code(1), code(2))],
    ['not response_code:1', not(code(1))],
    ['-response_code:1', not(code(1))],
    ['!response_code:1', not(code(1))],
    ['not not response_code:1', code(1)],
    ['not -(response_code:1 or response_code:2)', or(code(1), code(2))],
    ['-(response_code:1)', not(code(1))],
    ['response_code:1 not response_code:2', and(code(1), not(code(2)))],
    ['response_code:1 or not response_code:2', or(code(1), not(code(2)))],
    ['response_code:(1 or 2)', or(code(1), code(2))],
    ['response_code:(1 or not (2 and 3))', or(code(1), not(and(code(2), code(3))))],
    [
      'alias:(a*) tags:("b c" d)',
      and({ kind: 'matches', field: 'alias', pieces: ['a', any] }, equals('tags', 'b c'), equals('tags', 'd')),
    ],
    ['"and" "or" \\not', and(text('and'), text('or'), text('not'))],
    ['android organise nothing', and(text('android'), text('organise'), text('nothing'))],
    ['((((response_code:1))))', code(1)],
  ])('%s', (line, query) => {
    expect(parse(line)).toEqual(query)
  })
})

describe('ranges', () => {
  const range = (field: string, from: [number, boolean] | null, to: [number, boolean] | null): Query => ({
    kind: 'range',
    field,
    ...(from && { from: { value: from[0], inclusive: from[1] } }),
    ...(to && { to: { value: to[0], inclusive: to[1] } }),
  })
  it.each<[string, Query]>([
    ['response_code:>=500', range('response_code', [500, true], null)],
    ['response_code>=500', range('response_code', [500, true], null)],
    ['response_code >= 500', range('response_code', [500, true], null)],
    ['response_code:> 500', range('response_code', [500, false], null)],
    ['response_code<500', range('response_code', null, [500, false])],
    ['response_code:<=500', range('response_code', null, [500, true])],
    ['response_code:[500 TO 599]', range('response_code', [500, true], [599, true])],
    ['response_code:{500 to 599]', range('response_code', [500, false], [599, true])],
    ['response_code:[500 TO *}', range('response_code', [500, true], null)],
    ['request_time_ms:[-1.5 TO 1e3]', range('request_time_ms', [-1.5, true], [1000, true])],
    ['@timestamp:2026-01-02', range('@timestamp', [ms('2026-01-02T00:00Z'), true], [ms('2026-01-03T00:00Z'), false])],
    [
      '@timestamp:[2026-01-02 TO 2026-01-03]',
      range('@timestamp', [ms('2026-01-02T00:00Z'), true], [ms('2026-01-04T00:00Z'), false]),
    ],
    [
      '@timestamp:{2026-01-02 TO 2026-01-03}',
      range('@timestamp', [ms('2026-01-03T00:00Z'), true], [ms('2026-01-03T00:00Z'), false]),
    ],
    ['@timestamp:>=2026-01-02T03:04:05.678Z', range('@timestamp', [ms('2026-01-02T03:04:05.678Z'), true], null)],
    ['@timestamp:>"2026-01-02 03:04"', range('@timestamp', [ms('2026-01-02T03:05Z'), true], null)],
    ['@timestamp<2026-01-02T03:04+02:00', range('@timestamp', null, [ms('2026-01-02T01:04Z'), false])],
    ['@timestamp>=now-15m', range('@timestamp', [NOW - 900_000, true], null)],
    [
      '@timestamp:["2026-01-02T00:00:00Z" TO now]',
      range('@timestamp', [ms('2026-01-02T00:00Z'), true], [NOW + 1, false]),
    ],
  ])('%s', (line, query) => {
    expect(parse(line)).toEqual(query)
  })
})

describe('a mistake is named at its character', () => {
  it.each<[string, number, RegExp, RegExp]>([
    ['response_cod:500', 0, /no field "response_cod"/, /did you mean response_code\?/],
    ['api_name:x and status:500', 15, /no field "status"/, /did you mean response_code\?/],
    ['http://example.org', 0, /no field "http"/, /quotes/],
    ['response_code:abc', 14, /response_code is a number, and "abc" is none/, /response_code:\[500 TO 599\]/],
    ['response_code:5xx', 14, /is a number/, /response_code:\[500 TO 599\]/],
    ['response_code:5*', 14, /is a number/, /response_code:\[500 TO 599\]/],
    ['response_code:0x10', 14, /is a number/, /write/],
    ['response_code:>1e999', 15, /"1e999" is larger than response_code can be/, /9007199254740991/],
    ['response_code:[1 TO -1e999]', 20, /larger/, /write a number/],
    ['request_time_ms:1e30', 16, /larger/, /write a number/],
    ['response_code:>=', 16, /a value is missing after response_code/, /\*/],
    ['response_code:', 14, /a value is missing/, /""/],
    ['response_code:)', 14, /a value is missing/, /""/],
    ['response_code:[1 TO x]', 20, /is a number/, /write/],
    ['response_code:[1 2]', 14, /range is not complete/, /\[a TO b\]/],
    ['response_code:[1 TO 2', 14, /range is not complete/, /\[a TO b\]/],
    ['api_name:>5', 10, /api_name has no order/, /api_name:5/],
    ['track_path:yes', 11, /true or false/, /track_path:true/],
    ['@timestamp:yesterday', 11, /no time/, /now-15m/],
    ['@timestamp:2026-02-31', 11, /no time/, /now-15m/],
    ['api_name:"x', 9, /quote is not closed/, /close it/],
    ['api_name:x\\', 10, /backslash/, /\\\\/],
    ['(response_code:1', 0, /bracket is not closed/, /\)/],
    ['response_code:1)', 15, /no bracket is open/, /remove/],
    ['api_name:x ()', 12, /nothing stands in these brackets/, /remove/],
    ['and response_code:1', 0, /nothing stands before this and/, /quotes/],
    ['response_code:1 or', 16, /nothing follows this or/, /quotes/],
    ['(response_code:1 and) x', 17, /nothing follows this and/, /quotes/],
    ['response_code:1 and or response_code:2', 20, /nothing stands before this or/, /quotes/],
    ['not', 0, /nothing follows this not/, /quotes/],
    ['_exists_:', 9, /a field is missing/, /_exists_:alias/],
    ['_exists_:nope', 9, /no field/, /quotes/],
    ['response_code=500', 13, /= stands for nothing/, /write response_code:500; .*quotes/],
    ['alias:x and response_code==500', 25, /== stands for/, /write response_code:500/],
    ['response_code!=200', 13, /!= stands for/, /write not response_code:200/],
    ['api_name.keyword="a b"', 16, /= stands for/, /write api_name:"a b"/],
    ['response_code = 500', 14, /= stands for/, /write response_code:500/],
    ["api_name:'httpbin'", 9, /single quotes/, /write api_name:httpbin/],
    ["api_name:('a' or b)", 10, /single quotes/, /write api_name:a/],
    ['alias:(a tags:b)', 9, /another field inside/, /close/],
  ])('%s', (line, position, message, cure) => {
    const error = mistake(line)
    expect(error.message).toMatch(message)
    expect(error.cure).toMatch(cure)
    expect(error.position).toBe(position)
  })

  it('a hostile line is refused at once', () => {
    const lines = [
      '('.repeat(10_000),
      'a'.repeat(10_240),
      '('.repeat(1999),
      '-'.repeat(1999),
      'a '.repeat(999),
      '[[{{'.repeat(400),
    ]
    const startedAt = performance.now()
    for (const line of lines) mistakeOrNothing(line)
    expect(mistake('('.repeat(10_000)).message).toMatch(/more than 2000/)
    expect(mistake('('.repeat(1000)).message).toMatch(/nested more than 30 deep/)
    expect(mistake('a '.repeat(999)).message).toMatch(/more than 200 terms/)
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  it('the widest and the deepest line that is taken is read quickly', () => {
    const startedAt = performance.now()
    parse(Array.from({ length: 200 }, (_, i) => `(-a${i})`).join(' '))
    parse(`${'(a or -('.repeat(15)}b${'))'.repeat(15)}`)
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})

describe('whatever is typed', () => {
  it('is a query or a mistake inside the line', () => {
    const signs = constantFrom(
      ...Array.from(' ()":*?\\-!<>=[]{}|&@_.'),
      'and ',
      'or ',
      ' NOT ',
      'response_code',
      'alias',
      ' TO ',
      '5',
      'ü',
      '\ud800',
      '\0',
    )
    assert(
      property(
        oneof(
          array(signs, { maxLength: 60 }).map((all) => all.join('')),
          string({ unit: 'binary' }),
        ),
        (line) => {
          const error = mistakeOrNothing(line)
          if (error === null) return
          expect(error.position).toBeGreaterThanOrEqual(0)
          expect(error.position).toBeLessThanOrEqual(line.length)
          expect(error.cure).not.toBe('')
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('a formatted term means its value', () => {
    assert(
      property(
        oneof(string({ unit: 'binary' }), constantFrom('and', 'NOT', '-x', '*', '[1 TO 2]', '"', '\\', '(a)', ' ')),
        (value) => {
          const expected = value === '' ? not({ kind: 'exists', field: 'alias' }) : equals('alias', value)
          expect(parse(formatTerm('alias', value))).toEqual(expected)
          expect(parse(`x and (${formatTerm('alias', value)})`)).toEqual(and(text('x'), expected))
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('a number and a boolean are formatted plainly', () => {
    expect([
      formatTerm('response_code', 500),
      formatTerm('content_length', -1),
      formatTerm('track_path', false),
    ]).toEqual(['response_code:500', 'content_length:-1', 'track_path:false'])
  })
})

function mistakeOrNothing(line: string): QuerySyntaxError | null {
  try {
    parse(line)
    return null
  } catch (error) {
    if (error instanceof QuerySyntaxError) return error
    throw error
  }
}

function mistake(line: string): QuerySyntaxError {
  const error = mistakeOrNothing(line)
  if (error === null) throw new Error(`no mistake in ${line}`)
  return error
}
