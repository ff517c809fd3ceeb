import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { readSession } from '../../session/session.ts'
import { granularAccessMiddleware } from './index.ts'

const NO = '403 Access to this resource has been disallowed'
const PREFIX = { 'http_server_options.enable_path_prefix_matching': true }
const SUFFIX = { 'http_server_options.enable_path_suffix_matching': true }

type Row = [string, { url: string; methods: string[] }[], Record<string, unknown>, string, string, string]

test.each<Row>([
  ['an empty list allows everything', [], {}, 'GET', '/app/x', 'passed'],
  ['a pattern is searched anywhere', [{ url: '/ok/(.*)', methods: ['GET'] }], {}, 'GET', '/app/x/ok/1', 'passed'],
  ['a pattern that is not found forbids', [{ url: '/ok/(.*)', methods: ['GET'] }], {}, 'GET', '/app/no', NO],
  ['the method must be listed', [{ url: '/ok', methods: ['GET'] }], {}, 'POST', '/app/ok', NO],
  ['the method is compared exactly', [{ url: '/ok', methods: ['get'] }], {}, 'GET', '/app/ok', NO],
  [
    'a later entry may allow',
    [
      { url: '/ok', methods: ['GET'] },
      { url: '/ok', methods: ['POST'] },
    ],
    {},
    'POST',
    '/app/ok',
    'passed',
  ],
  ['a name stands for one segment', [{ url: '^/app/{id}/end$', methods: ['GET'] }], {}, 'GET', '/app/1/end', 'passed'],
  ['a name does not stand for two', [{ url: '^/app/{id}/end$', methods: ['GET'] }], {}, 'GET', '/app/1/2/end', NO],
  [
    'with prefix matching a path begins with it',
    [{ url: '/ok', methods: ['GET'] }],
    PREFIX,
    'GET',
    '/app/ok/1',
    'passed',
  ],
  [
    'with prefix matching the listen path may be written',
    [{ url: '/app/ok', methods: ['GET'] }],
    PREFIX,
    'GET',
    '/app/ok',
    'passed',
  ],
  [
    'with prefix matching a path does not contain it',
    [{ url: '/ok', methods: ['GET'] }],
    PREFIX,
    'GET',
    '/app/x/ok',
    NO,
  ],
  ['with suffix matching a path ends with it', [{ url: '/ok', methods: ['GET'] }], SUFFIX, 'GET', '/app/ok/1', NO],
  [
    'a star stands for anything',
    [{ url: '/a/*/c', methods: ['GET'] }],
    { ...PREFIX, ...SUFFIX },
    'GET',
    '/app/a/b/c',
    'passed',
  ],
  [
    'a broken pattern is passed over',
    [
      { url: '(', methods: ['GET'] },
      { url: '/ok', methods: ['GET'] },
    ],
    {},
    'GET',
    '/app/ok',
    'passed',
  ],
  ['a broken pattern alone allows nothing', [{ url: '(', methods: ['GET'] }], {}, 'GET', '/app/ok', NO],
  [
    'text is compared as UTF-8',
    [{ url: '/grün', methods: ['GET'] }],
    {},
    'GET',
    Buffer.from('/app/grün').toString('latin1'),
    'passed',
  ],
])('%s', async (_, allowed_urls, config, method, path, outcome) => {
  const api = apiWith({ use_standard_auth: true })
  const ctx = contextFor(api, { method, path })
  ctx.session = readSession({ access_rights: { app: { allowed_urls } } })
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith({ config }), [granularAccessMiddleware]), ctx))).toBe(outcome)
})

test('a pattern that backtracking engines choke on is matched all the same', async () => {
  const api = apiWith({ use_standard_auth: true })
  const ctx = contextFor(api, { path: `/app/${'a'.repeat(20_000)}!` })
  ctx.session = readSession({ access_rights: { app: { allowed_urls: [{ url: '^/app/(a+)+$', methods: ['GET'] }] } } })
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith(), [granularAccessMiddleware]), ctx))).toBe(NO)
})
