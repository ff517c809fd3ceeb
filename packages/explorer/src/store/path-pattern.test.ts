import { describe, expect, it } from 'vitest'
import { pathPattern } from './path-pattern.ts'

describe('the pattern of a path', () => {
  it.each([
    ['/get', '/get'],
    ['', ''],
    ['/', '/'],
    ['/orders/1000', '/orders/{id}'],
    ['/orders/1000/items/7', '/orders/{id}/items/{id}'],
    ['/v1/users', '/v1/users'],
    ['/sessions/0b7e7b0c-8a3f-4d0e-9f6a-1c2d3e4f5a6b/', '/sessions/{id}/'],
    ['/blobs/da39a3ee5e6b4b0d3255bfef95601890afd80709', '/blobs/{id}'],
    ['/apis/5e189590801287e42a6cf5ce', '/apis/{id}'],
    ['/facade/defacedbeefed', '/facade/defacedbeefed'],
    ['/ulid/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/ulid/{id}'],
    ['/files/a-long-but-ordinary-name-of-2024.txt', '/files/a-long-but-ordinary-name-of-2024.txt'],
    ['/ünï/✓', '/ünï/✓'],
    [`/${'x'.repeat(200)}`, `/${'x'.repeat(80)}…`],
    ['/a'.repeat(1000), `${'/a'.repeat(19)}/…`],
  ])('%s', (path, pattern) => {
    expect(pathPattern(path)).toBe(pattern)
  })

  it('of a hostile path is made at once', () => {
    const startedAt = performance.now()
    pathPattern(`/${'0'.repeat(1_000_000)}x`)
    pathPattern('/'.repeat(1_000_000))
    pathPattern(`/${'a'.repeat(1_000_000)}`)
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})
