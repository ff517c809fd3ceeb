import { expect, it } from 'vitest'
import { nextRequest, type SampleRequest } from './mix.ts'

/** Even steps through all of it. */
function requests(token: string, count = 1000): SampleRequest[] {
  return Array.from({ length: count }, (_, at) => {
    const values = [at / count, ((at * 7) % count) / count]
    let next = 0
    return nextRequest(() => values[next++ % 2] ?? 0, token)
  })
}

it('mixes what succeeds, what fails and what is refused', () => {
  const paths = new Set(requests('').map(({ path }) => path))
  expect(paths).toContain('/httpbin/get')
  expect(paths).toContain('/httpbin/status/500')
  expect(paths).toContain('/httpbin/status/404')
  expect(paths).toContain('/httpbin/delay/1')
  expect(paths).toContain('/httpbin-jwt/get')
})

it('sends the token only where it belongs, and also goes without', () => {
  const all = requests('secret')
  const withToken = all.filter(({ headers }) => headers['authorization'] === 'secret')
  expect(new Set(withToken.map(({ path }) => path))).toEqual(new Set(['/httpbin-jwt/get']))
  expect(all.some(({ path, headers }) => path === '/httpbin-jwt/get' && headers['authorization'] === undefined)).toBe(
    true,
  )
  expect(requests('').every(({ headers }) => headers['authorization'] === undefined)).toBe(true)
})

it('comes from several user agents', () => {
  expect(new Set(requests('').map(({ headers }) => headers['user-agent'])).size).toBeGreaterThan(3)
})
