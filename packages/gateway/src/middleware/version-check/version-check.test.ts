import { expect, test } from 'vitest'
import {
  apiWith,
  contextFor,
  depsWith,
  outcomeOf,
  runSteps,
  stepsOf,
  type TestRequest,
} from '../../../test/support/steps.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer } from '../../chain/types.ts'
import { versionCheckMiddleware } from './index.ts'

const NOW = Date.UTC(2026, 10, 25)

async function check(
  definition: Record<string, unknown>,
  request: TestRequest = {},
): Promise<{ ctx: RequestContext; answer: Answer | undefined; outcome: string }> {
  const api = apiWith(definition)
  const ctx = contextFor(api, request)
  const steps = stepsOf(api, depsWith({ clock: { ms: NOW } }), [versionCheckMiddleware])
  const answer = await runSteps(steps, ctx)
  return { ctx, answer, outcome: outcomeOf(answer) }
}

const NOT_FOUND = '403 Version information not found'
const UNKNOWN = '403 This API version does not seem to exist'
const FORBIDDEN = '403 Requested endpoint is forbidden'

const versioned = (definition: Record<string, unknown>, data: Record<string, unknown> = {}) => ({
  definition,
  version_data: { not_versioned: false, versions: { v1: { name: 'v1' }, v2: { name: 'v2' } }, ...data },
})

test.each<[string, Record<string, unknown>, TestRequest, string, string, number]>([
  ['a header', versioned({ location: 'header', key: 'x-ver' }), { headers: ['X-Ver', 'v2'] }, 'passed', 'v2', 1],
  ['no header', versioned({ location: 'header', key: 'x-ver' }), {}, NOT_FOUND, '', 0],
  ['an unknown one', versioned({ location: 'header', key: 'x-ver' }), { headers: ['X-Ver', 'v9'] }, UNKNOWN, 'v9', 0],
  ['the default', versioned({ location: 'header', key: 'x-ver' }, { default_version: 'v2' }), {}, 'passed', '', 1],
  [
    'a default that does not exist',
    versioned({ location: 'header', key: 'x-ver' }, { default_version: 'v9' }),
    {},
    UNKNOWN,
    '',
    0,
  ],
  [
    'an unknown one with fallback',
    versioned({ location: 'header', key: 'x-ver', fallback_to_default: true }, { default_version: 'v2' }),
    { headers: ['X-Ver', 'v9'] },
    'passed',
    'v9',
    1,
  ],
  ['a parameter', versioned({ location: 'url-param', key: 'v' }), { query: 'a=1&v=v2&v=v1' }, 'passed', 'v2', 1],
  ['the first segment', versioned({ location: 'url' }), { path: '/app/v2/x' }, 'passed', 'v2', 1],
  ['the only segment', versioned({ location: 'url' }), { path: '/app/v2' }, 'passed', 'v2', 1],
  ['no segment', versioned({ location: 'url' }), { path: '/app/' }, NOT_FOUND, '', 0],
  [
    'the segment behind the slug',
    { ...versioned({ location: 'url' }), slug: 'shop' },
    { path: '/app/shop/v2/x' },
    'passed',
    'v2',
    1,
  ],
  ['nowhere to look', versioned({ location: '' }), { headers: ['X-Ver', 'v2'] }, NOT_FOUND, '', 0],
])('version from %s', async (_, definition, request, outcome, name, index) => {
  const { ctx, outcome: seen } = await check(definition, request)
  expect({ outcome: seen, name: ctx.versionName, index: ctx.versionIndex }).toEqual({ outcome, name, index })
})

test.each<[string, Record<string, unknown>, TestRequest, { path: string; query: string; headers: string[] }]>([
  [
    'a header',
    { location: 'header', key: 'X-Ver', strip_versioning_data: true },
    { headers: ['X-Ver', 'v1', 'X-A', '1'] },
    { path: '/app/x', query: '', headers: ['X-A', '1'] },
  ],
  [
    'a parameter, sorting the others',
    { location: 'url-param', key: 'v', strip_versioning_data: true },
    { query: 'z=1&v=v1&a=2' },
    { path: '/app/x', query: 'a=2&z=1', headers: [] },
  ],
  [
    'a segment',
    { location: 'url', strip_path: true },
    { path: '/app/v1/v1/x' },
    { path: '/app/v1/x', query: '', headers: [] },
  ],
  [
    'no segment that ends the path',
    { location: 'url', strip_versioning_data: true },
    { path: '/app/v1' },
    { path: '/app/v1', query: '', headers: [] },
  ],
  [
    'no segment outside the pattern',
    { location: 'url', strip_path: true, url_versioning_pattern: '^v2$' },
    { path: '/app/v1/x' },
    { path: '/app/v1/x', query: '', headers: [] },
  ],
])('stripping takes out %s', async (_, definition, request, expected) => {
  const { ctx } = await check(versioned(definition), request)
  expect({ path: ctx.path, query: ctx.query, headers: ctx.headers.pairs }).toEqual(expected)
  expect(ctx.rawPath).toBe(expected.path)
})

test('stripping keeps the escapes behind the segment', async () => {
  const api = apiWith(versioned({ location: 'url', strip_path: true }))
  const ctx = Object.assign(contextFor(api, { path: '/app/v1/a/b c' }), { rawPath: '/%61pp/v%31/a%2Fb%20c' })
  await runSteps(stepsOf(api, depsWith(), [versionCheckMiddleware]), ctx)
  expect([ctx.path, ctx.rawPath]).toEqual(['/app/a/b c', '/%61pp/a%2Fb%20c'])
})

const withDefault = (versions: Record<string, unknown>) => ({ version_data: { not_versioned: true, versions } })
const PAST = '2020-01-02 15:04'
const FUTURE = '3000-01-02 15:04'
const TOLD = ['X-Tyk-Api-Expires', 'Thu, 02 Jan 3000 15:04:00 UTC']
const API_OVER = '403 API has expired, please check documentation or contact administrator'
const VERSION_OVER = '403 Api Version has expired, please check documentation or contact administrator'

test.each<[string, Record<string, unknown>, string, string[]]>([
  ['an API past its date', { expiration: PAST }, API_OVER, []],
  ['an API before its date', { expiration: FUTURE }, 'passed', TOLD],
  ['a date that cannot be read', { expiration: 'soon' }, API_OVER, []],
  ['-1', { expiration: '-1' }, 'passed', []],
  ['the date of the only version ends nothing', withDefault({ v1: { expires: PAST } }), 'passed', []],
  ['but is told', withDefault({ v1: { expires: FUTURE } }), 'passed', TOLD],
  [
    'a version past its date',
    versioned({}, { default_version: 'v1', versions: { v1: { expires: PAST } } }),
    VERSION_OVER,
    [],
  ],
  [
    'a version before its date',
    versioned({}, { default_version: 'v1', versions: { v1: { expires: FUTURE } } }),
    'passed',
    TOLD,
  ],
  [
    'the API’s date does not end a version',
    { ...versioned({}, { default_version: 'v1' }), expiration: PAST },
    'passed',
    [],
  ],
])('expiry: %s', async (_, definition, outcome, headers) => {
  const { ctx, outcome: seen } = await check(definition)
  expect({ outcome: seen, headers: ctx.answerHeaders }).toEqual({ outcome, headers })
})

test.each([
  [{ default: {}, Default: {} }, '403 Ambiguous default API version for this non-versioned API'],
  [{ v1: {}, v2: {} }, '403 No default API version for this non-versioned API found'],
  [{ v1: {} }, 'passed'],
])('without versioning, %j: %s', async (versions, outcome) => {
  expect((await check(withDefault(versions))).outcome).toBe(outcome)
})

const lists = (extended_paths: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  withDefault({ Default: { use_extended_paths: true, extended_paths, ...more } })
const reply = (status: number): string => `reply ${status}`

test.each<[string, Record<string, unknown>, TestRequest, string]>([
  ['blocked', lists({ black_list: [{ path: '/x' }] }), {}, FORBIDDEN],
  ['blocked for another method', lists({ black_list: [{ path: '/x', method: 'POST' }] }), {}, 'passed'],
  ['blocked with the listen path', lists({ black_list: [{ path: '^/app/x' }] }), {}, FORBIDDEN],
  ['a disabled entry', lists({ black_list: [{ path: '/x', disabled: true }] }), {}, 'passed'],
  ['not allowed', lists({ white_list: [{ path: '/y' }] }), {}, FORBIDDEN],
  ['allowed', lists({ white_list: [{ path: '/x' }] }), {}, 'passed'],
  ['only a disabled allow entry', lists({ white_list: [{ path: '/y', disabled: true }] }), {}, 'passed'],
  ['blocked and allowed', lists({ white_list: [{ path: '/x' }], black_list: [{ path: '/x' }] }), {}, FORBIDDEN],
  ['an allow entry that is broken', lists({ white_list: [{ path: '(' }] }), {}, FORBIDDEN],
  ['letter case counts', lists({ black_list: [{ path: '/X' }] }), {}, 'passed'],
  ['unless the entry says not', lists({ black_list: [{ path: '/X', ignore_case: true }] }), {}, FORBIDDEN],
  ['or the version', lists({ black_list: [{ path: '/X' }] }, { ignore_endpoint_case: true }), {}, FORBIDDEN],
  ['internal', lists({ internal: [{ path: '/x', method: 'GET' }] }), {}, FORBIDDEN],
  [
    'internal and allowed',
    lists({ internal: [{ path: '/x', method: 'GET' }], ignored: [{ path: '/x' }] }),
    {},
    FORBIDDEN,
  ],
  ['internal without method', lists({ internal: [{ path: '/x' }] }), {}, 'passed'],
  ['a mock', lists({ mock_response: [{ path: '/x', method: 'GET', code: 418 }] }), {}, reply(418)],
  ['a mock of code 0', lists({ mock_response: [{ path: '/x', method: 'GET' }] }), {}, reply(200)],
  ['a mock without method', lists({ mock_response: [{ path: '/x', code: 418 }] }), {}, 'passed'],
  [
    'a mock of a blocked path',
    lists({ mock_response: [{ path: '/x', method: 'GET', code: 418 }], black_list: [{ path: '/x' }] }),
    {},
    reply(418),
  ],
  [
    'an action that replies',
    lists({ black_list: [{ path: '/x', method_actions: { GET: { action: 'reply', code: 410 } } }] }),
    {},
    reply(410),
  ],
  [
    'an action for another method',
    lists({ black_list: [{ path: '/x', method_actions: { POST: { action: 'no_action' } } }] }),
    {},
    'passed',
  ],
  [
    'an action that does nothing',
    lists({ black_list: [{ path: '/x', method_actions: { GET: { action: 'no_action' } } }] }),
    {},
    FORBIDDEN,
  ],
  [
    'an action nobody knows',
    lists({ white_list: [{ path: '/x', method_actions: { GET: { action: 'dance' } } }] }),
    {},
    FORBIDDEN,
  ],
  ['the old lists: blocked', withDefault({ Default: { paths: { black_list: ['/x'] } } }), {}, FORBIDDEN],
  ['the old lists: not allowed', withDefault({ Default: { paths: { white_list: ['/y'] } } }), {}, FORBIDDEN],
  ['the old lists beside the new', lists({}, { paths: { black_list: ['/x'] } }), {}, 'passed'],
])('lists: %s', async (_, definition, request, outcome) => {
  const { ctx, outcome: seen } = await check(definition, request)
  expect([seen, ctx.authIgnored]).toEqual([outcome, false])
})

test('an ignored path passes without authentication, blocked or not', async () => {
  const { ctx, outcome } = await check(
    lists({ ignored: [{ path: '/x' }], black_list: [{ path: '/x' }], white_list: [{ path: '/y' }] }),
  )
  expect([outcome, ctx.authIgnored]).toEqual(['passed', true])
})

test('a preflight passes the lists when CORS answers it', async () => {
  const blocked = lists({ black_list: [{ path: '/x' }] })
  const request = { method: 'OPTIONS', headers: ['Access-Control-Request-Method', 'GET'] }
  expect((await check({ ...blocked, CORS: { enable: true } }, request)).outcome).toBe('passed')
  expect((await check(blocked, request)).outcome).toBe(FORBIDDEN)
  expect((await check({ ...blocked, CORS: { enable: true } }, { method: 'OPTIONS' })).outcome).toBe(FORBIDDEN)
})

test('each version has its own lists', async () => {
  const api = versioned(
    { location: 'url-param', key: 'v' },
    {
      versions: {
        v1: { use_extended_paths: true, extended_paths: { black_list: [{ path: '/x' }] } },
        v2: { use_extended_paths: true },
      },
    },
  )
  expect((await check(api, { query: 'v=v1' })).outcome).toBe(FORBIDDEN)
  expect((await check(api, { query: 'v=v2' })).outcome).toBe('passed')
})

test.each<[string, Record<string, unknown>, string[]]>([
  ['text', { body: '{"a":1}' }, ['Content-Type', 'text/plain; charset=utf-8']],
  ['HTML', { body: '<html></html>' }, ['Content-Type', 'text/html; charset=utf-8']],
  ['a type of its own', { body: 'x', headers: { 'content-type': 'a/b' } }, ['Content-Type', 'a/b']],
  ['nothing', { body: '' }, []],
  ['a length that is not its own', { body: '', headers: { 'content-length': '9' } }, []],
])('a mock with %s', async (_, mock, headers) => {
  const { answer } = await check(lists({ mock_response: [{ path: '/x', method: 'GET', code: 200, ...mock }] }))
  expect(answer).toMatchObject({ kind: 'reply', status: 200, headers })
})

test('an API that has nothing to check has no step', () => {
  expect(stepsOf(apiWith({}), depsWith(), [versionCheckMiddleware])).toEqual([])
})
