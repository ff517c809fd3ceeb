import { describe, expect, test } from 'vitest'
import { parseSignature } from './parameters.ts'

const whole = 'keyId="k",algorithm="hmac-sha256",headers="(request-target) date x-test",signature="c2ln%3D"'
const expected = {
  keyId: 'k',
  algorithm: 'hmac-sha256',
  headers: ['(request-target)', 'date', 'x-test'],
  signature: 'c2ln%3D',
}

describe('parseSignature', () => {
  test.each([
    ['with the word', `Signature ${whole}`],
    ['with the word in lower case', `signature ${whole}`],
    ['without the word', whole],
    ['with names in any letter case', `Signature ${whole.replace('keyId', 'KEYID').replace('headers', 'Headers')}`],
    ['with blanks between', `Signature ${whole.replaceAll(',', ' , ')}`],
    [
      'in another order',
      'Signature signature="c2ln%3D",headers="(request-target) date x-test",algorithm="hmac-sha256",keyId="k"',
    ],
    [
      'without quotes',
      'Signature keyId=k,algorithm=hmac-sha256,headers="(request-target) date x-test",signature=c2ln%3D',
    ],
  ])('reads a credential %s', (_, value) => {
    expect(parseSignature(value)).toEqual(expected)
  })

  test('signs the date when no header is named, and leaves an algorithm open', () => {
    const parameters = { keyId: 'k', algorithm: '', headers: ['date'], signature: 's' }
    expect(parseSignature('keyId="k",signature="s"')).toEqual(parameters)
    expect(parseSignature('signature="s",keyId="k",headers=""')).toEqual(parameters)
  })

  test('keeps commas, equal signs and blanks inside quotes', () => {
    expect(parseSignature('Signature keyId="a,b=c d",signature="x=="')).toMatchObject({
      keyId: 'a,b=c d',
      signature: 'x==',
    })
  })

  test.each([
    ['nothing', ''],
    ['the word alone', 'Signature'],
    ['another word', `Bearer ${whole}`],
    ['a token', 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
    ['no key', 'Signature signature="s"'],
    ['an empty key', 'Signature keyId="",signature="s"'],
    ['no signature', 'Signature keyId="k"'],
    ['an empty signature', 'Signature keyId="k",signature=""'],
    ['a parameter of another name', `Signature ${whole},created="1"`],
    ['a key that comes twice', `Signature ${whole},keyId="other"`],
    ['headers that come twice in different letters', `Signature ${whole},Headers="date"`],
    ['a quote that does not end', 'Signature keyId="k,signature="s"'],
    ['a comma at the end', `Signature ${whole},`],
    ['two commas', `Signature ${whole.replace(',', ',,')}`],
    ['text behind a value', 'Signature keyId="k"x,signature="s"'],
    ['101 headers', `Signature keyId="k",signature="s",headers="${'a '.repeat(101)}"`],
    ['a megabyte', `Signature keyId="k",signature="${'A'.repeat(1024 * 1024)}"`],
  ])('refuses %s', (_, value) => {
    expect(parseSignature(value)).toBeNull()
  })
})
