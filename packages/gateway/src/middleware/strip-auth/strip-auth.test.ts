import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, stepsOf, type TestRequest } from '../../../test/support/steps.ts'
import { stripAuthMiddleware } from './index.ts'

function strip(definition: Record<string, unknown>, request: TestRequest): { query: string; headers: string[] } {
  const api = apiWith({ use_standard_auth: true, strip_auth_data: true, ...definition })
  const ctx = contextFor(api, request)
  for (const step of stepsOf(api, depsWith(), [stripAuthMiddleware])) void step(ctx)
  return { query: ctx.query, headers: ctx.headers.pairs }
}

const authToken = (config: Record<string, unknown>): Record<string, unknown> => ({
  auth_configs: { authToken: config },
})

test.each<[string, Record<string, unknown>, TestRequest, string, string[]]>([
  [
    'the named header, no other',
    authToken({ auth_header_name: 'x-key' }),
    { headers: ['X-Key', 'k', 'Authorization', 'stays'] },
    '',
    ['Authorization', 'stays'],
  ],
  ['Authorization when none is named', authToken({}), { headers: ['authorization', 'k'] }, '', []],
  [
    'a header that is not read',
    authToken({ auth_header_name: 'X-Key', disable_header: true }),
    { headers: ['X-Key', 'k'] },
    '',
    [],
  ],
  [
    'every entry’s header',
    { auth_configs: { basic: {}, jwt: { auth_header_name: 'X-Jwt' } } },
    { headers: ['Authorization', 'a', 'X-Jwt', 'j', 'X-Key', 'k'] },
    '',
    ['X-Key', 'k'],
  ],
  [
    'the header of the single object without entries',
    { auth: { auth_header_name: 'X-Old' } },
    { headers: ['X-Old', 'k'] },
    '',
    [],
  ],
  [
    'the parameter, sorting the others',
    authToken({ use_param: true, param_name: 'k' }),
    { query: 'z=1&k=x&a=%20+b&z=0' },
    'a=++b&z=1&z=0',
    [],
  ],
  [
    'nothing, but sorts all the same',
    authToken({ use_param: true, param_name: 'k' }),
    { query: 'z=1&a=b' },
    'a=b&z=1',
    [],
  ],
  [
    'a parameter named like the header',
    authToken({ auth_header_name: 'X-Key', use_param: true }),
    { query: 'X-Key=1&b=2' },
    'b=2',
    [],
  ],
  ['no parameter that is not read', authToken({ param_name: 'k' }), { query: 'z=1&k=x' }, 'z=1&k=x', []],
  ['what Go would drop', authToken({ use_param: true, param_name: 'k' }), { query: 'a;b=1&c=%zz&d' }, 'd=', []],
  ['escapes of UTF-8', authToken({ use_param: true, param_name: 'k' }), { query: 'q=%c3%bc' }, 'q=%C3%BC', []],
  [
    'the cookie',
    authToken({ cookie_name: 'sid' }),
    { headers: ['Cookie', 'a=1; sid=k; b=2'] },
    '',
    ['Cookie', 'a=1; b=2'],
  ],
  [
    'the first cookie, leaving the space before the next',
    authToken({ cookie_name: 'sid' }),
    { headers: ['Cookie', 'sid=k; b=2'] },
    '',
    ['Cookie', ' b=2'],
  ],
  [
    'the only cookie, leaving an empty header',
    authToken({ cookie_name: 'sid' }),
    { headers: ['Cookie', 'sid=k'] },
    '',
    ['Cookie', ''],
  ],
  [
    'one that only begins like it',
    authToken({ cookie_name: 'sid' }),
    { headers: ['Cookie', 'a=1;sidecar=x;sid=k'] },
    '',
    ['Cookie', 'a=1;sid=k'],
  ],
  [
    'a cookie named like the header',
    authToken({ auth_header_name: 'X-Key' }),
    { headers: ['Cookie', 'X-Key=k;b=2'] },
    '',
    ['Cookie', 'b=2'],
  ],
])('strips %s', (_, definition, request, query, headers) => {
  expect(strip(definition, request)).toEqual({ query, headers })
})

test.each([{ strip_auth_data: false }, { use_keyless: true }])('strips nothing with %j', (definition) => {
  expect(strip(definition, { headers: ['Authorization', 'k'] }).headers).toEqual(['Authorization', 'k'])
})
