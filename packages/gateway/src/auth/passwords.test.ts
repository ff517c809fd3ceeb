import bcrypt from 'bcrypt'
import { describe, expect, test } from 'vitest'
import { createPasswords, PasswordTooLongError, type Passwords } from './passwords.ts'
import { WorkRefusedError } from './work-queue.ts'

const ann = { user: 'defaultann', apiId: 'app' }
const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')

/** Passwords that show which hashes bcrypt was asked about. */
function watched(hashFunction = 'bcrypt'): { readonly passwords: Passwords; readonly compared: string[] } {
  const compared: string[] = []
  const passwords = createPasswords({
    hashFunction,
    env: {},
    compare: (password, hash) => {
      compared.push(hash)
      return bcrypt.compare(password, hash)
    },
  })
  return { passwords, compared }
}

describe('a new password', () => {
  test('is stored as Go writes bcrypt, with cost 10', async () => {
    const { passwords } = watched()
    const stored = await passwords.protect('secret')
    expect(stored).toEqual({ password: expect.stringMatching(/^\$2a\$10\$.{53}$/), hash_type: 'bcrypt' })
    expect(await passwords.check(stored, bytes('secret'), ann)).toBe(true)
    expect(await passwords.check(stored, bytes('Secret'), ann)).toBe(false)
  })

  test.each([
    ['murmur64', 'cbd8a7b341bd9b02', 'murmur64'],
    ['murmur32', '248bfa47', 'murmur32'],
  ])('is stored with the function that is configured: %s', async (hashFunction, password, hash_type) => {
    expect(await watched(hashFunction).passwords.protect('hello')).toEqual({ password, hash_type })
  })

  test('takes bcrypt for a function nobody knows', async () => {
    expect((await watched('argon2').passwords.protect('hello')).hash_type).toBe('bcrypt')
  })

  test('of 72 bytes is whole, and a longer one is refused', async () => {
    const { passwords } = watched()
    const stored = await passwords.protect('é'.repeat(36))
    expect(await passwords.check(stored, bytes(`${'é'.repeat(35)}ee`), ann)).toBe(false)
    await expect(passwords.protect(`${'é'.repeat(36)}x`)).rejects.toThrow(PasswordTooLongError)
  })
})

describe('a check', () => {
  // Made by Go: cost 4, so that the test is quick.
  const stored = { password: '', hash_type: 'bcrypt' }
  const with4 = async (password: string | Buffer) => ({ ...stored, password: await bcrypt.hash(password, 4) })

  test('tells passwords with a NUL in them apart', async () => {
    const { passwords } = watched()
    const nul = await with4(bytes('a\0b'))
    expect(await passwords.check(nul, bytes('a\0b'), ann)).toBe(true)
    expect(await passwords.check(nul, bytes('a\0c'), ann)).toBe(false)
    expect(await passwords.check(nul, bytes('a'), ann)).toBe(false)
  })

  test('of a very long password is not that of its length modulo 256', async () => {
    const { passwords } = watched()
    const short = { ...stored, password: (await bcrypt.hash('x', 4)).replace('$2b$', '$2a$') }
    expect(await passwords.check(short, bytes('x'), ann)).toBe(true)
    for (const length of [255, 256, 257, 512]) {
      expect(await passwords.check(short, Buffer.alloc(length, 'x'), ann)).toBe(false)
    }
  })

  test('knows the hashes of other programs', async () => {
    const { passwords } = watched()
    const php = { ...stored, password: (await bcrypt.hash('secret', 4)).replace('$2b$', '$2y$') }
    expect(await passwords.check(php, bytes('secret'), ann)).toBe(true)
  })

  test('of nobody, and of a hash that is none, does the work of a wrong password', async () => {
    const { passwords, compared } = watched()
    expect(await passwords.check(null, bytes('a'), ann)).toBe(false)
    expect(await passwords.check({ ...stored, password: 'no hash' }, bytes('b'), ann)).toBe(false)
    expect(await passwords.check({ password: 'plain', hash_type: '' }, bytes('c'), ann)).toBe(false)
    expect(compared).toHaveLength(3)
    for (const hash of compared) {
      expect(hash).toMatch(/^\$2b\$10\$/)
      // A malformed one would be refused at once.
      expect(bcrypt.getRounds(hash)).toBe(10)
      expect(await bcrypt.hash('x', hash.slice(0, 29))).toHaveLength(60)
    }
  })

  test('does without bcrypt where the configuration names another function', async () => {
    const { passwords, compared } = watched('sha256')
    expect(await passwords.check(null, bytes('a'), ann)).toBe(false)
    expect(compared).toEqual([])
  })

  test.each<[string, number]>([
    ['nobody', 2],
    ['somebody', 2],
  ])('of one password for two users takes the work of two at one time: %s', async (who, work) => {
    const { passwords, compared } = watched()
    const names = ['eve', 'bob'].map((user) => ({ user, apiId: 'app' }))
    const hashes = await Promise.all(names.map(async () => (who === 'nobody' ? null : with4('secret'))))
    await Promise.all(
      names.flatMap((by, i) => [1, 2].map(() => passwords.check(hashes[i] ?? null, bytes('wrong'), by))),
    )
    expect(compared).toHaveLength(work)
  })

  test('waits in a share of its API, and never holds a new password up', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const passwords = createPasswords({ hashFunction: 'bcrypt', env: {}, compare: () => promise })
    const ask = (apiId: string, count: number): Promise<boolean>[] =>
      Array.from({ length: count }, (_, i) => passwords.check(null, bytes('x'), { user: `${i}`, apiId }))
    const checks = ask('flooded', 600)
    // At most half of the threads work; 500 more may wait.
    const outcomes = Promise.allSettled(checks)
    await expect(checks.at(-1)).rejects.toThrow(WorkRefusedError)
    expect((await passwords.protect('secret')).hash_type).toBe('bcrypt')
    const [other] = ask('other', 1)
    resolve(false)
    expect(await other).toBe(false)
    await outcomes
  })

  test('of the same password, asked at one time, is made once', async () => {
    const { passwords, compared } = watched()
    const user = await with4('secret')
    const checks = Array.from({ length: 5 }, () => passwords.check(user, bytes('secret'), ann))
    expect(await Promise.all([...checks, passwords.check(user, bytes('wrong'), ann)])).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ])
    expect(compared).toHaveLength(2)
  })
})
