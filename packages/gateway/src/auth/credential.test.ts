import { describe, expect, test } from 'vitest'
import { apiWith, contextFor, type TestRequest } from '../../test/support/steps.ts'
import { authConfigOf, compileCredentialPlace, readCredential, withoutBearer } from './credential.ts'

function read(auth: Record<string, unknown>, request: TestRequest): string {
  const api = apiWith({ use_standard_auth: true, auth_configs: { authToken: auth } })
  return readCredential(contextFor(api, request), compileCredentialPlace(authConfigOf(api.definition, 'authToken')))
}

const everywhere = { auth_header_name: 'X-Key', use_param: true, param_name: 'k', use_cookie: true, cookie_name: 'k' }

describe('readCredential', () => {
  test.each<[string, Record<string, unknown>, TestRequest, string]>([
    ['Authorization when no header is named', {}, { headers: ['authorization', 'a'] }, 'a'],
    ['the named header in any letter case', { auth_header_name: 'x-key' }, { headers: ['X-KEY', 'a'] }, 'a'],
    ['no header when that is off', { disable_header: true }, { headers: ['Authorization', 'a'] }, ''],
    ['no parameter unless that is on', { param_name: 'k' }, { query: 'k=a' }, ''],
    ['the parameter before the header', everywhere, { query: 'k=q', headers: ['X-Key', 'h'] }, 'q'],
    ['the header when the parameter is empty', everywhere, { query: 'k=', headers: ['X-Key', 'h'] }, 'h'],
    ['the cookie before the parameter', everywhere, { query: 'k=q', headers: ['Cookie', 'a=1; k=c'] }, 'c'],
    ['a parameter of the header name', { auth_header_name: 'X-Key', use_param: true }, { query: 'X-Key=q' }, 'q'],
    [
      'a parameter Authorization when the header is off',
      { auth_header_name: 'X-Key', disable_header: true, use_param: true },
      { query: 'X-Key=no&Authorization=q' },
      'q',
    ],
    ['a decoded parameter', { use_param: true, param_name: 'k' }, { query: 'x=1&k=a%2Bb+c' }, 'a+b c'],
    ['the first of several parameters', { use_param: true, param_name: 'k' }, { query: 'k=1&k=2' }, '1'],
    ['no parameter with a broken escape', { use_param: true, param_name: 'k' }, { query: 'k=%zz' }, ''],
    ['a quoted cookie without quotes', { use_cookie: true, cookie_name: 'k' }, { headers: ['Cookie', 'k="v"'] }, 'v'],
    ['text in UTF-8', {}, { headers: ['Authorization', Buffer.from('schlüssel').toString('latin1')] }, 'schlüssel'],
  ])('reads %s', (_, auth, request, credential) => {
    expect(read(auth, request)).toBe(credential)
  })

  test('falls back to the single auth object when the map has no entry', () => {
    const api = apiWith({ use_standard_auth: true, auth: { auth_header_name: 'X-Old' } })
    expect(authConfigOf(api.definition, 'authToken').auth_header_name).toBe('X-Old')
  })
})

test.each([
  ['Bearer abc', 'abc'],
  ['bEaReR abc', 'abc'],
  ['Bearer  abc', ' abc'],
  ['Token abc', 'Token abc'],
  ['Bearerabc', 'Bearerabc'],
  ['Bearer', 'Bearer'],
  ['Bearer ', ''],
])('withoutBearer makes %j into %j', (value, key) => {
  expect(withoutBearer(value)).toBe(key)
})
