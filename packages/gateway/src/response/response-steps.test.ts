import { pino } from 'pino'
import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith } from '../../test/support/steps.ts'
import { HeaderList } from '../chain/headers.ts'
import { RESPONSE_ORDER } from './order.ts'
import { reportUnknownProcessors } from './processors.ts'

function answer(
  definition: Record<string, unknown>,
  headers: string[],
  request: { path?: string; query?: string } = {},
) {
  const api = apiWith({ enable_context_vars: true, ...definition })
  const list = new HeaderList([...headers])
  const ctx = contextFor(api, request)
  for (const step of RESPONSE_ORDER) step.compile(api, depsWith())?.(ctx, list)
  return list.pairs
}

const withVersion = (version: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  version_data: { not_versioned: true, versions: { Default: { use_extended_paths: true, ...version } } },
  ...more,
})

const endpoint = {
  transform_response_headers: [
    { path: '/x', method: 'GET', add_headers: { 'X-A': 'endpoint', 'X-B': 'endpoint' }, delete_headers: ['X-Secret'] },
  ],
}
const injector = {
  response_processors: [{ name: 'header_injector', options: { add_headers: { 'X-A': 'p' }, remove_headers: ['X-S'] } }],
}

test.each<[string, Record<string, unknown>, string[], string[]]>([
  [
    'removes, then sets',
    withVersion({ global_response_headers: { 'x-a': 'n' }, global_response_headers_remove: ['x-a', 'X-Secret'] }),
    ['X-A', '1', 'X-Secret', 's', 'X-A', '2'],
    ['X-A', 'n'],
  ],
  [
    'puts the endpoint before the version',
    withVersion({ global_response_headers: { 'X-A': 'whole' }, extended_paths: endpoint }),
    ['X-Secret', 's'],
    ['X-A', 'whole', 'X-B', 'endpoint'],
  ],
  [
    'puts the processor last',
    withVersion({ global_response_headers: { 'X-A': 'whole', 'X-S': 's' } }, injector),
    [],
    ['X-A', 'p'],
  ],
  [
    'switches version and processor off together',
    withVersion({ global_response_headers_disabled: true, extended_paths: endpoint }, injector),
    ['X-S', '1'],
    ['X-S', '1', 'X-A', 'endpoint', 'X-B', 'endpoint'],
  ],
  [
    'never sets the framing',
    withVersion({ global_response_headers: { 'Content-Length': '9', 'Transfer-Encoding': 'x' } }),
    ['Content-Length', '2'],
    ['Content-Length', '2'],
  ],
])('%s', (_, definition, headers, expected) => {
  expect(answer(definition, headers)).toEqual(expected)
})

test('a client cannot split the answer with a line end in a value', () => {
  const definition = withVersion({ global_response_headers: { 'X-A': '$tyk_context.request_data_a' } })
  expect(answer(definition, [], { query: 'a=1%0d%0aX-Evil:%202' })).toEqual(['X-A', '1  X-Evil: 2'])
})

const cleanup = (target_host: string, proxy: Record<string, unknown>) => ({
  proxy: { listen_path: '/app/', ...proxy },
  response_processors: [
    {
      name: 'header_transform',
      options: { rev_proxy_header_cleanup: { Headers: ['location', 'Link'], Target_host: target_host } },
    },
  ],
})

test.each<[string, Record<string, unknown>, string, string]>([
  [
    'host, scheme and base path',
    cleanup('https://public.test', { strip_listen_path: true }),
    'http://upstream.test/base/x',
    'https://public.test/app//x',
  ],
  [
    'without stripping, the base path goes',
    cleanup('https://public.test', {}),
    'http://upstream.test/base/x',
    'https://public.test//x',
  ],
  [
    'a scheme that was secure already',
    cleanup('https://public.test', { strip_listen_path: true }),
    'https://other.test/y',
    'https://other.test/y',
  ],
])('addresses of the upstream become public: %s', (_, definition, location, expected) => {
  expect(answer(definition, ['Location', location, 'X-Other', location])).toEqual([
    'Location',
    expected,
    'X-Other',
    location,
  ])
})

test('options of another form refuse the API', () => {
  const api = apiWith({ response_processors: [{ name: 'header_injector', options: { add_headers: [] } }] })
  expect(() => RESPONSE_ORDER.map((step) => step.compile(api, depsWith()))).toThrow(
    'response_processors.header_injector.options.add_headers',
  )
})

test('a processor nobody knows is reported', () => {
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => lines.push(line) })
  reportUnknownProcessors(
    apiWith({ response_processors: [{ name: 'x' }, { name: 'header_injector' }] }).definition,
    log,
  )
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['No such processor: x'])
})

test('an API without response settings has no step', () => {
  expect(RESPONSE_ORDER.map((step) => step.compile(apiWith({}), depsWith()))).toEqual([null, null])
})
