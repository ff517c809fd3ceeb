import { forwarded, get, HOST, refused, seen } from './case.ts'
import type { HostileCase } from './case.ts'

const MB = 1_000_000
const many = (count: number): string => 'X-A: a\r\n'.repeat(count)

/** All headers of a request together may take 1 MiB and some slack, and be 10,000 lines. */
export const sizeCases: readonly HostileCase[] = [
  forwarded(
    'size: a request line of 100 kB',
    get('', `/${'a'.repeat(100_000)}`),
    seen('GET', `/${'a'.repeat(100_000)}`),
  ),
  forwarded('size: a query of 1 MB', get('', `/x?${'a'.repeat(MB)}`), seen('GET', `/x?${'a'.repeat(MB)}`)),
  forwarded(
    'size: a header of 1 MB',
    get(`X-A: ${'a'.repeat(MB)}\r\n`),
    seen('GET', '/x', { lines: [`X-A: ${'a'.repeat(MB)}`] }),
  ),
  forwarded(
    'size: a name of 64 kB',
    get(`X${'a'.repeat(65_536)}: a\r\n`),
    seen('GET', '/x', { lines: [`X${'a'.repeat(65_536)}: a`] }),
  ),
  forwarded(
    'size: 9,900 headers',
    get(many(9_900)),
    seen('GET', '/x', { lines: Array.from({ length: 9_900 }, () => 'X-A: a') }),
  ),
  forwarded(
    'size: a length behind 5,000 headers',
    `POST /x HTTP/1.1\r\n${HOST}${many(5_000)}Content-Length: 5\r\n\r\nhello`,
    seen('POST', '/x', { lines: Array.from({ length: 5_000 }, () => 'X-A: a'), body: 'hello' }),
  ),
  refused('size: a second host behind 5,000 headers', `GET /x HTTP/1.1\r\n${HOST}${many(5_000)}Host: evil\r\n\r\n`),
  refused('size: a request line above the limit', get('', `/${'a'.repeat(1.2 * MB)}`), 431),
  refused('size: a header above the limit', get(`X-A: ${'a'.repeat(1.2 * MB)}\r\n`), 431),
  refused('size: a cookie of 10 MB', get(`Cookie: ${'a'.repeat(10 * MB)}\r\n`), 431),
  refused('size: a name of 2 MB', get(`X${'a'.repeat(2 * MB)}: a\r\n`), 431),
  refused(
    'size: a body of 2 MB behind a host that is none',
    `POST /x HTTP/1.1\r\nHost: a b\r\nContent-Length: ${2 * MB}\r\n\r\n${'a'.repeat(2 * MB)}`,
  ),
  refused('size: 20,000 headers', get(many(20_000)), 431),
  refused('size: 200,000 headers', get(many(200_000)), 431),
  refused('size: a host of 2 MB', `GET /x HTTP/1.1\r\nHost: ${'a'.repeat(2 * MB)}\r\n\r\n`, 431),
  refused('size: a header that never ends', `GET /x HTTP/1.1\r\n${HOST}X-A: ${'a'.repeat(3 * MB)}`, 431),
]
