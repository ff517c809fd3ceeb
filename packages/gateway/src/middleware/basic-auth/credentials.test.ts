import { describe, expect, test } from 'vitest'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { parseCredentials } from './credentials.ts'

const encode = (text: string | Buffer): string => `Basic ${Buffer.from(text).toString('base64')}`

describe('parseCredentials', () => {
  test.each([
    ['ann:secret', 'ann', 'secret'],
    ['ann:', 'ann', ''],
    [':secret', '', 'secret'],
    ['ann:a:b::', 'ann', 'a:b::'],
    ['änne:gehéim', 'änne', 'gehéim'],
    ['ann:a\0b', 'ann', 'a\0b'],
  ])('reads %j', (text, user, password) => {
    expect(parseCredentials(encode(text))).toEqual({ user, password: Buffer.from(password) })
  })

  test('takes any word in front, and bytes that are no UTF-8 in the password', () => {
    const value = encode(Buffer.from([0x61, 0x3a, 0xff, 0x00])).replace('Basic', 'whatever')
    expect(parseCredentials(value)).toEqual({ user: 'a', password: Buffer.from([0xff, 0x00]) })
  })

  test.each([
    ['no space', 'Basic', gatewayErrors.basicHeaderMalformed],
    ['two spaces', 'Basic a b', gatewayErrors.basicHeaderMalformed],
    ['two spaces together', 'Basic  YTpi', gatewayErrors.basicHeaderMalformed],
    ['a space at the end', 'Basic YTpi ', gatewayErrors.basicHeaderMalformed],
    ['no base64', 'Basic ***', gatewayErrors.basicEncodingMalformed],
    ['no padding', 'Basic YTpiYg', gatewayErrors.basicEncodingMalformed],
    ['the alphabet of URLs', 'Basic YTo_', gatewayErrors.basicEncodingMalformed],
    ['nothing encoded', 'Basic ', gatewayErrors.basicValuesMalformed],
    ['no colon', encode('nocolon'), gatewayErrors.basicValuesMalformed],
    ['a user that is no UTF-8', encode(Buffer.from([0xff, 0x3a, 0x61])), gatewayErrors.basicNotAuthorised],
    ['a password of 20 KB', encode(`a:${'x'.repeat(20_000)}`), gatewayErrors.basicNotAuthorised],
    ['a megabyte', `Basic ${'A'.repeat(1024 * 1024)}`, gatewayErrors.basicNotAuthorised],
  ])('refuses %s', (_, value, row) => {
    expect(parseCredentials(value)).toBe(row)
  })
})
