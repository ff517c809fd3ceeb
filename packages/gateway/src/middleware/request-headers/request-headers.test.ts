import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { requestHeadersMiddleware } from './index.ts'

const withVersion = (version: Record<string, unknown>) =>
  apiWith({
    enable_context_vars: true,
    version_data: { not_versioned: true, versions: { Default: { use_extended_paths: true, ...version } } },
  })

async function send(version: Record<string, unknown>, headers: string[], query = '') {
  const api = withVersion(version)
  const ctx = contextFor(api, { headers, query })
  await runSteps(stepsOf(api, depsWith(), [requestHeadersMiddleware]), ctx)
  return ctx
}

const endpoint = (changes: Record<string, unknown>) => ({
  extended_paths: { transform_headers: [{ path: '/x', method: 'GET', ...changes }] },
})

test.each<[string, Record<string, unknown>, string[], string[]]>([
  ['sets', { global_headers: { 'x-new': 'n' } }, [], ['X-New', 'n']],
  ['replaces every line', { global_headers: { 'X-A': 'n' } }, ['X-A', '1', 'x-a', '2'], ['X-A', 'n']],
  ['removes', { global_headers_remove: ['x-gone'] }, ['X-Gone', '1'], []],
  [
    'removes before it sets',
    { global_headers: { 'X-A': 'n' }, global_headers_remove: ['X-A'] },
    ['X-A', '1'],
    ['X-A', 'n'],
  ],
  [
    'puts those of the endpoint last',
    {
      global_headers: { 'X-A': 'whole', 'X-B': 'whole' },
      ...endpoint({ add_headers: { 'X-A': 'endpoint' }, delete_headers: ['X-B'] }),
    },
    [],
    ['X-A', 'endpoint'],
  ],
  [
    'leaves those of the endpoint in force when the others are off',
    { global_headers: { 'X-A': '1' }, global_headers_disabled: true, ...endpoint({ add_headers: { 'X-B': '2' } }) },
    [],
    ['X-B', '2'],
  ],
  ['never sets the framing', { global_headers: { Host: 'h', 'content-length': '9', 'X-A': '1' } }, [], ['X-A', '1']],
])('%s', async (_, version, headers, expected) => {
  expect((await send(version, headers)).headers.pairs).toEqual(expected)
})

test('a client cannot begin another header with a line end in a value', async () => {
  const version = { global_headers: { 'X-A': '$tyk_context.request_data_a' } }
  const ctx = await send(version, [], 'a=1%0d%0aX-Evil:%202%00')
  expect(ctx.headers.pairs).toEqual(['X-A', '1  X-Evil: 2'])
})

test.each([{ global_headers_remove: ['x-forwarded-for'] }, endpoint({ delete_headers: ['X-Forwarded-For'] })])(
  'X-Forwarded-For stays out when %j removes it',
  async (version) => {
    expect((await send(version, [])).omitForwardedFor).toBe(true)
  },
)

test('without changes there is no step', () => {
  expect(stepsOf(withVersion({}), depsWith(), [requestHeadersMiddleware])).toEqual([])
})
