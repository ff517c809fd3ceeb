import { beforeAll, describe, expect, test } from 'vitest'
import { createCa, createLeaf, type Identity } from '../../test/support/client-certificates.ts'
import type { ClientCertificate } from '../tls/client-certificate.ts'
import { isIssuedByAny } from './certificate-path.ts'

const clientOf = (leaf: Identity, ...issuers: Identity[]): ClientCertificate => ({
  leaf: leaf.certificate,
  issuers: issuers.map(({ certificate }) => certificate),
  sha256: leaf.sha256,
  validFromMs: leaf.certificate.validFromDate.getTime(),
  validToMs: leaf.certificate.validToDate.getTime(),
})

describe('a client certificate', () => {
  let root: Identity
  beforeAll(async () => void (root = await createCa('root')))
  const accepted = (client: ClientCertificate, authority = root, nowMs = Date.now()): boolean =>
    isIssuedByAny(client, [authority.certificate], nowMs)

  test('is accepted from the authority itself', async () => {
    expect(accepted(clientOf(await createLeaf('a', { issuer: root })))).toBe(true)
    expect(accepted(clientOf(await createLeaf('a', { issuer: root, purpose: 'client' })))).toBe(true)
  })

  test('is accepted through authorities that the client sends, in any order, and not without them', async () => {
    const first = await createCa('first', { issuer: root })
    const second = await createCa('second', { issuer: first })
    const leaf = await createLeaf('a', { issuer: second })
    expect(accepted(clientOf(leaf, second, first))).toBe(true)
    expect(accepted(clientOf(leaf, first, second))).toBe(true)
    expect(accepted(clientOf(leaf, first))).toBe(false)
    expect(accepted(clientOf(leaf))).toBe(false)
    expect(isIssuedByAny(clientOf(leaf), [second.certificate], Date.now())).toBe(true)
  })

  const refused: [string, () => Promise<ClientCertificate>][] = [
    [
      'another authority of the same name',
      async () => clientOf(await createLeaf('a', { issuer: await createCa('root') })),
    ],
    ['itself', async () => clientOf(await createLeaf('root'))],
    [
      'somebody who sends the authority along',
      async () => clientOf(await createLeaf('a', { issuer: await createCa('other') }), root),
    ],
    [
      'a certificate that is no authority',
      async () => {
        const leaf = await createLeaf('middle', { issuer: root })
        return clientOf(await createLeaf('a', { issuer: leaf }), leaf)
      },
    ],
    [
      'an authority that may not sign certificates',
      async () => {
        const middle = await createCa('middle', { issuer: root, signsNothing: true })
        return clientOf(await createLeaf('a', { issuer: middle }), middle)
      },
    ],
    [
      'an authority for servers',
      async () => {
        const middle = await createCa('middle', { issuer: root, purpose: 'server' })
        return clientOf(await createLeaf('a', { issuer: middle }), middle)
      },
    ],
    [
      'an authority that has expired',
      async () => {
        const middle = await createCa('middle', { issuer: root, days: [-10, -1] })
        return clientOf(await createLeaf('a', { issuer: middle }), middle)
      },
    ],
    [
      'an authority that signed with SHA-1',
      async () => clientOf(await createLeaf('a', { issuer: root, hash: 'sha1' })),
    ],
    [
      'an authority whose own certificate is signed with SHA-1',
      async () => {
        const middle = await createCa('middle', { issuer: root, hash: 'sha1' })
        return clientOf(await createLeaf('a', { issuer: middle }), middle)
      },
    ],
    [
      'an authority below one that may have none',
      async () => {
        const first = await createCa('first', { issuer: root, pathLength: 0 })
        const second = await createCa('second', { issuer: first })
        return clientOf(await createLeaf('a', { issuer: second }), second, first)
      },
    ],
  ]
  test.each(refused)('is refused from %s', async (_, make) => {
    expect(accepted(await make())).toBe(false)
  })

  test('is refused when it is for servers, has expired or is not valid yet', async () => {
    expect(accepted(clientOf(await createLeaf('a', { issuer: root, purpose: 'server' })))).toBe(false)
    expect(accepted(clientOf(await createLeaf('a', { issuer: root, days: [-2, -1] })))).toBe(false)
    expect(accepted(clientOf(await createLeaf('a', { issuer: root, days: [1, 2] })))).toBe(false)
  })

  test('may come from an authority on the list that signed itself with SHA-1', async () => {
    const old = await createCa('old', { hash: 'sha1' })
    expect(accepted(clientOf(await createLeaf('a', { issuer: old })), old)).toBe(true)
  })

  test('does not lead in circles', async () => {
    const one = await createCa('loop')
    const again = await createCa('loop', { issuer: one })
    expect(accepted(clientOf(await createLeaf('a', { issuer: one }), again, one))).toBe(false)
  })

  test('may be below an authority with a path length that is kept', async () => {
    const first = await createCa('first', { issuer: root, pathLength: 0 })
    expect(accepted(clientOf(await createLeaf('a', { issuer: first }), first))).toBe(true)
  })
})
