import { describe, expect, test } from 'vitest'
import { apiWith } from '../../../test/support/steps.ts'
import { UnusableAuthError } from '../../auth/unusable-auth-error.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { compileBodyPatterns, findCredentials, type BodyPatterns } from './body.ts'

const compile = (options: Record<string, unknown>): BodyPatterns | null =>
  compileBodyPatterns(apiWith({ use_basic_auth: true, basic_auth: options }).definition)

const patterns = (user = '<user>(.*)</user>', password = '<pass>(.*)</pass>'): BodyPatterns =>
  compile({ extract_from_body: true, body_user_regexp: user, body_password_regexp: password }) as BodyPatterns

test('without the option there are no patterns', () => {
  expect(compile({ body_user_regexp: '(' })).toBeNull()
})

test.each([
  ['missing', {}, 'basic_auth.body_user_regexp is empty'],
  ['half missing', { body_user_regexp: '(.*)' }, 'basic_auth.body_password_regexp is empty'],
  ['malformed', { body_user_regexp: '(' }, 'basic_auth.body_user_regexp is no regular expression'],
  ['not of RE2', { body_user_regexp: '(?=a)' }, 'basic_auth.body_user_regexp is no regular expression'],
])('patterns that are %s are an error', (_, options, message) => {
  const compiling = (): unknown => compile({ extract_from_body: true, ...options })
  expect(compiling).toThrow(UnusableAuthError)
  expect(compiling).toThrow(message)
})

describe('findCredentials', () => {
  test('takes the first group of the first match', () => {
    const body = '<x><user>änn</user><pass>p:1</pass>\n<user>bob</user><pass>q</pass></x>'
    expect(findCredentials(body, patterns())).toEqual({ user: 'änn', password: Buffer.from('p:1') })
  })

  test('counts a group that took no part as empty', () => {
    expect(findCredentials('u', patterns('u(x)?', '(u)'))).toEqual({ user: '', password: Buffer.from('u') })
  })

  test.each([
    ['no user', '<pass>p</pass>', patterns(), gatewayErrors.basicNoUserInBody],
    ['no password', '<user>u</user>', patterns(), gatewayErrors.basicNoPasswordInBody],
    ['an empty body', '', patterns(), gatewayErrors.basicNoUserInBody],
    ['a user pattern without a group', 'user', patterns('user'), gatewayErrors.basicNoUserGroup],
    ['a password pattern without a group', 'user', patterns('(user)', 'user'), gatewayErrors.basicNoPasswordGroup],
  ])('answers: %s', (_, body, from, row) => {
    expect(findCredentials(body, from)).toBe(row)
  })
})
