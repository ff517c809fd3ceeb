import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { corsMiddleware } from './index.ts'

async function ask(cors: Record<string, unknown>, method: string, headers: string[]) {
  const api = apiWith({ CORS: { enable: true, ...cors } })
  const ctx = contextFor(api, { method, headers })
  const answer = await runSteps(stepsOf(api, depsWith(), [corsMiddleware]), ctx)
  return { answer, answerHeaders: ctx.answerHeaders }
}

const preflight = (origin: string, method: string, names?: string): string[] => [
  'Origin',
  origin,
  'Access-Control-Request-Method',
  method,
  ...(names === undefined ? [] : ['Access-Control-Request-Headers', names]),
]

const VARY = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers']
const ALLOWED = (origin: string, method: string): string[] => [
  ...VARY,
  'Access-Control-Allow-Origin',
  origin,
  'Access-Control-Allow-Methods',
  method,
]

test.each<[string, Record<string, unknown>, string[], string[]]>([
  ['any origin, GET', {}, preflight('http://a', 'GET'), ALLOWED('*', 'GET')],
  ['a method that is not listed', {}, preflight('http://a', 'DELETE'), VARY],
  [
    'OPTIONS is always allowed',
    { allowed_methods: ['GET'] },
    preflight('http://a', 'OPTIONS'),
    ALLOWED('*', 'OPTIONS'),
  ],
  [
    'listed headers',
    {},
    preflight('http://a', 'GET', 'accept,content-type'),
    [...ALLOWED('*', 'GET'), 'Access-Control-Allow-Headers', 'accept,content-type'],
  ],
  ['a header that is not listed', {}, preflight('http://a', 'GET', 'x-other'), VARY],
  ['headers out of order', {}, preflight('http://a', 'GET', 'content-type,accept'), VARY],
  ['a header twice', {}, preflight('http://a', 'GET', 'accept,accept'), VARY],
  ['upper case', {}, preflight('http://a', 'GET', 'Accept'), VARY],
  [
    'one blank beside the comma',
    {},
    preflight('http://a', 'GET', 'accept, content-type'),
    [...ALLOWED('*', 'GET'), 'Access-Control-Allow-Headers', 'accept, content-type'],
  ],
  ['two blanks beside the comma', {}, preflight('http://a', 'GET', 'accept,  content-type'), VARY],
  [
    'any header with a star',
    { allowed_headers: ['*'] },
    preflight('http://a', 'GET', 'X-B, x-a'),
    [...ALLOWED('*', 'GET'), 'Access-Control-Allow-Headers', 'X-B, x-a'],
  ],
  ['a listed origin', { allowed_origins: ['http://A'] }, preflight('http://a', 'GET'), ALLOWED('http://a', 'GET')],
  ['another origin', { allowed_origins: ['http://b'] }, preflight('http://a', 'GET'), VARY],
  [
    'an origin with a wildcard',
    { allowed_origins: ['http://*.a'] },
    preflight('http://x.a', 'GET'),
    ALLOWED('http://x.a', 'GET'),
  ],
  [
    'ends of a wildcard do not overlap',
    { allowed_origins: ['http://a*a.test'] },
    preflight('http://a.test', 'GET'),
    VARY,
  ],
  ['no origin', {}, ['Access-Control-Request-Method', 'GET'], VARY],
  [
    'credentials and age',
    { allow_credentials: true, max_age: 24 },
    preflight('http://a', 'GET'),
    [...ALLOWED('*', 'GET'), 'Access-Control-Allow-Credentials', 'true', 'Access-Control-Max-Age', '24'],
  ],
  [
    'a negative age',
    { max_age: -1 },
    preflight('http://a', 'GET'),
    [...ALLOWED('*', 'GET'), 'Access-Control-Max-Age', '0'],
  ],
])('preflight: %s', async (_, cors, headers, expected) => {
  const { answer } = await ask(cors, 'OPTIONS', headers)
  expect(answer).toEqual({ kind: 'reply', status: 204, headers: expected, body: '' })
})

test.each<[string, Record<string, unknown>, string, string[], string[]]>([
  ['any origin', {}, 'GET', ['Origin', 'http://a'], ['Access-Control-Allow-Origin', '*']],
  ['no origin', {}, 'GET', [], []],
  ['a method that is not listed', {}, 'PUT', ['Origin', 'http://a'], []],
  [
    'exposed headers and credentials',
    { allowed_origins: ['http://a'], exposed_headers: ['X-Out', 'x-more'], allow_credentials: true },
    'GET',
    ['Origin', 'http://a'],
    [
      'Access-Control-Allow-Origin',
      'http://a',
      'Access-Control-Expose-Headers',
      'X-Out, X-More',
      'Access-Control-Allow-Credentials',
      'true',
    ],
  ],
])('other requests go on: %s', async (_, cors, method, headers, expected) => {
  const { answer, answerHeaders } = await ask(cors, method, headers)
  expect(answer).toBeUndefined()
  expect(answerHeaders).toEqual(['Vary', 'Origin', ...expected])
})

test('an OPTIONS request that is no preflight gets an empty answer', async () => {
  const { answer } = await ask({}, 'OPTIONS', ['Origin', 'http://a'])
  expect(answer).toEqual({ kind: 'reply', status: 200, headers: [], body: '' })
})

test('switched off, there is no step', () => {
  expect(stepsOf(apiWith({ CORS: { allow_credentials: true } }), depsWith(), [corsMiddleware])).toEqual([])
})
