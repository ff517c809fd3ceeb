import { describe, expect, test } from 'vitest'
import { GoJsonError } from './go-json.ts'
import { formatSession, limitFor, parseSession, policyIdsOf } from './session.ts'

describe('parseSession', () => {
  test('gives absent members and null their zero value', () => {
    const session = parseSession('{"tags":null,"access_rights":{"a":{"limit":null}}}')
    expect(session).toMatchObject({
      rate: 0,
      org_id: '',
      tags: [],
      apply_policies: [],
      meta_data: null,
      is_inactive: false,
    })
    expect(session.access_rights['a']).toMatchObject({ versions: [], allowed_urls: [], limit: null })
  })

  test('matches member names in any letter case', () => {
    expect(parseSession('{"Org_ID":"o","RATE":5}')).toMatchObject({ org_id: 'o', rate: 5 })
  })

  test.each([
    ['{"basic_auth_data":{"password":"p","hash_type":"bcrypt"}}', { password: 'p', hash_type: 'bcrypt' }],
    ['{"Basic_Auth_Data":{"Password":"p"}}', { password: 'p', hash_type: '' }],
    ['{"basic_auth_data":{"password":"","hash_type":"bcrypt"}}', null],
    ['{"basic_auth_data":{}}', null],
    ['{}', null],
  ])('reads the password of %s', (text, password) => {
    expect(parseSession(text).basic_auth_data).toEqual(password)
  })

  test('writes passwords and keys of signatures as it has read them', () => {
    const text = '{"basic_auth_data":{"password":"p"},"hmac_string":"s","rsa_certificate_id":"id"}'
    expect(formatSession(parseSession(text))).toBe(text)
  })

  test('takes a limit of zeros for none', () => {
    const session = parseSession('{"rate":3,"access_rights":{"a":{"limit":{"rate":0,"quota_max":0}}}}')
    expect(limitFor(session, 'a').rate).toBe(3)
  })

  test('takes a limit with any member for the whole one', () => {
    const session = parseSession('{"rate":3,"access_rights":{"a":{"limit":{"quota_max":-1}}}}')
    expect(limitFor(session, 'a').rate).toBe(0)
  })

  test.each([
    ['[]', 'the text: expected an object, got a list'],
    ['{"rate":"secret"}', 'rate: expected a number, got a string'],
    ['{"expires":1.5}', 'expires: expected an integer, got a number'],
    ['{"tags":[1]}', 'tags: expected a list of strings, got a list'],
    ['{"access_rights":{"a":{"versions":"x"}}}', 'access_rights.a.versions: expected a list of strings, got a string'],
  ])('refuses %s', (text, message) => {
    expect(() => parseSession(text)).toThrow(new GoJsonError(message))
  })

  test('is not misled by names of the prototype', () => {
    const session = parseSession('{"access_rights":{"__proto__":{"versions":["v"]}}}')
    expect(session.access_rights['toString']).toBeUndefined()
    expect(session.access_rights['__proto__']?.versions).toEqual(['v'])
  })
})

test('formatSession leaves zero values out, keeps unknown members and writes Go’s form', () => {
  const stored =
    '{"allowance":0,"rate":3,"per":9,"date_created":"2024-01-01T00:00:00Z","expires":0,"quota_max":-1,' +
    '"access_rights":{"b":{"api_id":"b","versions":["v"],"limit":{"rate":1,"per":0},"restricted_types":[1]},"a":{}},' +
    '"org_id":"default","oauth_keys":{},"meta_data":{"z":1,"a":"<&>"},"tags":["t"],"monitor":{"trigger_limits":[80]}}'
  expect(formatSession(parseSession(stored))).toBe(
    '{"rate":3,"per":9,"date_created":"2024-01-01T00:00:00Z","quota_max":-1,' +
      '"access_rights":{"a":{},"b":{"api_id":"b","versions":["v"],"limit":{"rate":1},"restricted_types":[1]}},' +
      '"org_id":"default","meta_data":{"a":"\\u003c\\u0026\\u003e","z":1},"tags":["t"],"monitor":{"trigger_limits":[80]}}',
  )
})

test.each([
  ['{"apply_policies":["a","b"],"apply_policy_id":"c"}', ['a', 'b']],
  ['{"apply_policy_id":"c"}', ['c']],
  ['{}', []],
])('policy ids of %s are %j', (text, ids) => {
  expect(policyIdsOf(parseSession(text))).toEqual(ids)
})
