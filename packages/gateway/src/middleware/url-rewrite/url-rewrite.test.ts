import { Readable } from 'node:stream'
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
import { readSession } from '../../session/session.ts'
import { urlRewriteMiddleware } from './index.ts'

function apiFor(changes: Record<string, unknown>) {
  const entry = { path: '/', method: 'GET', ...changes }
  return apiWith({
    enable_context_vars: true,
    version_data: {
      not_versioned: true,
      versions: { Default: { use_extended_paths: true, extended_paths: { url_rewrites: [entry] } } },
    },
  })
}

async function rewrite(
  entry: Record<string, unknown>,
  request: TestRequest & { readonly rawPath?: string },
  prepare: (ctx: RequestContext) => void = () => {},
): Promise<string> {
  const api = apiFor(entry)
  const ctx = contextFor(api, request)
  if (request.rawPath !== undefined) ctx.rawPath = request.rawPath
  prepare(ctx)
  const outcome = outcomeOf(await runSteps(stepsOf(api, depsWith(), [urlRewriteMiddleware]), ctx))
  if (outcome !== 'passed') return outcome
  if (ctx.rewrite === null) return 'not rewritten'
  const { rawPath, query, target } = ctx.rewrite
  return (target?.key ?? '') + rawPath + (query === '' ? '' : `?${query}`)
}

test.each<[string, string, string, TestRequest & { rawPath?: string }, string]>([
  ['groups', '/book/(\\w+)', '/catalog/$1/item', { path: '/app/book/7', query: 'x=1' }, '/catalog/7/item'],
  ['the query', '/q(.*)', '/query$1', { path: '/app/q', query: 'x=1&y=2' }, '/query?x=1&y=2'],
  ['a group twice', '/(\\w+)$', '/$1/$1', { path: '/app/a' }, '/a/a'],
  ['a group that is not there', '/a', '/b$3', { path: '/app/a' }, '/b'],
  ['the whole match', '/a', '$0$0', { path: '/app/a' }, '/a/a'],
  ['the listen path', '^/app(/.*)', '/new$1', { path: '/app/a' }, '/new/a'],
  ['no match', '/other', '/never', { path: '/app/a' }, 'not rewritten'],
  ['the encoded path', '/a%2Fb', '/encoded', { path: '/app/a/b', rawPath: '/app/a%2Fb' }, '/encoded'],
  ['the decoded path', '/a b', '/decoded', { path: '/app/a b', rawPath: '/app/a%20b' }, '/decoded'],
  ['text that looks like a variable', '/(.*)$', '/x/$1', { path: '/app/$tyk_meta.a' }, '/x/app/$tyk_meta.a'],
  ['another host', '/(\\w+)$', 'http://other.test:81/o/$1', { path: '/app/a' }, 'http//other.test:81/o/a'],
  ['the same host', '/(\\w+)$', 'http://upstream.test/o/$1', { path: '/app/a' }, '/o/a'],
  ['a fragment', '/a', '/b#c?d', { path: '/app/a' }, '/b'],
  ['a broken escape', '/a', '/%zz', { path: '/app/a' }, 'not rewritten'],
  ['a scheme nobody knows', '/a', 'gopher://x/', { path: '/app/a' }, 'not rewritten'],
  ['a pattern that is none', '(', '/b', { path: '/app/a' }, '500 URLRewrite regexp error ('],
])('%s', async (_, match_pattern, rewrite_to, request, expected) => {
  expect(await rewrite({ match_pattern, rewrite_to }, request)).toBe(expected)
})

test('variables are escaped, unless they are a URL', async () => {
  const entry = { match_pattern: '/a', rewrite_to: '/b/$tyk_context.headers_X_A?u=$tyk_context.headers_X_U' }
  const headers = ['X-A', 'x y/z', 'X-U', 'http://u/']
  expect(await rewrite(entry, { path: '/app/a', headers })).toBe('/b/x+y%2Fz?u=http://u/')
})

const trigger = (on: string, options: Record<string, unknown>, rewrite_to = '/fired') => ({
  match_pattern: '/',
  rewrite_to: '/default',
  triggers: [{ on, options, rewrite_to }],
})
const beta = { 'x-beta': { match_rx: '^y(es)?$' }, 'X-Cat': { match_rx: 'c(.)t' } }

test.each<[string, Record<string, unknown>, TestRequest, string]>([
  ['any: one header', trigger('any', { header_matches: beta }), { headers: ['X-Beta', 'yes'] }, '/fired'],
  ['any: no header', trigger('any', { header_matches: beta }), {}, '/default'],
  ['all: one header', trigger('all', { header_matches: beta }), { headers: ['X-Beta', 'yes'] }, '/default'],
  [
    'all: both headers',
    trigger('all', { header_matches: beta }),
    { headers: ['X-Beta', 'y', 'X-Cat', 'cat'] },
    '/fired',
  ],
  [
    'a group of a header’s second line',
    trigger('any', { header_matches: beta }, '/$tyk_context.trigger-0-X-Cat-1-0'),
    { headers: ['X-Cat', 'dog', 'X-Cat', 'cut'] },
    '/u',
  ],
  [
    'a parameter',
    trigger('any', { query_val_matches: { c: { match_rx: 'en-(us|gb)' } } }, '/$tyk_context.trigger-0-c-0-0'),
    { query: 'c=en-gb' },
    '/gb',
  ],
  [
    'reversed',
    trigger('any', { query_val_matches: { c: { match_rx: 'en', reverse: true } } }),
    { query: 'c=de' },
    '/fired',
  ],
  [
    'reversed, but found',
    trigger('any', { query_val_matches: { c: { match_rx: 'en', reverse: true } } }),
    { query: 'c=en' },
    '/default',
  ],
  [
    'reversed, but absent',
    trigger('any', { query_val_matches: { c: { match_rx: 'en', reverse: true } } }),
    {},
    '/default',
  ],
  [
    'the second part of a path that hits',
    trigger('any', { path_part_matches: { p: { match_rx: '^(\\d)$' } } }, '/$tyk_context.trigger-0-p-1-0'),
    { path: '/app/7/x/8' },
    '/8',
  ],
  [
    'metadata',
    trigger('any', { session_meta_matches: { plan: { match_rx: '^(g)old$' } } }, '/$tyk_context.trigger-0-plan-0'),
    {},
    '/g',
  ],
  ['metadata that is no text', trigger('any', { session_meta_matches: { number: { match_rx: '.' } } }), {}, '/default'],
  [
    'a context variable',
    trigger('any', { request_context_matches: { remote_addr: { match_rx: '^127' } } }),
    {},
    '/fired',
  ],
  [
    'all: two kinds, one of them',
    trigger('all', { header_matches: { 'X-A': { match_rx: '1' } }, query_val_matches: { a: { match_rx: '1' } } }),
    { query: 'a=1' },
    '/default',
  ],
  ['all without a condition always fires', trigger('all', {}), {}, '/fired'],
  ['any without a condition never fires', trigger('any', {}), {}, '/default'],
  [
    'a pattern that is none never hits',
    trigger('any', { header_matches: { 'X-A': { match_rx: '(' } } }),
    {},
    '/default',
  ],
])('trigger: %s', async (_, entry, request, expected) => {
  const outcome = await rewrite(entry, request, (ctx) => {
    ctx.session = readSession({ meta_data: { plan: 'gold', number: 7 } })
  })
  expect(outcome).toBe(expected)
})

test.each([
  ['{"kind":"cat"}', '/cat'],
  ['{}', '/default'],
])('trigger on the body %s, which is put back', async (body, expected) => {
  const payload_matches = { match_rx: '"kind":"(\\w+)"' }
  let put: RequestContext | undefined
  const outcome = await rewrite(
    trigger('any', { payload_matches }, '/$tyk_context.trigger-0-payload-0-0'),
    {},
    (ctx) => {
      ctx.body = Readable.from([Buffer.from(body)], { objectMode: false })
      put = ctx
    },
  )
  expect(outcome).toBe(expected)
  expect(Buffer.concat((await put?.body?.toArray()) ?? []).toString()).toBe(body)
})

test('without entries there is no step', () => {
  expect(stepsOf(apiFor({ disabled: true }), depsWith(), [urlRewriteMiddleware])).toEqual([])
})
