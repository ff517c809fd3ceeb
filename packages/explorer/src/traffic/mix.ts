export interface SampleRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const USER_AGENTS = [
  'curl/8.5.0',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1',
  'okhttp/5.1.0',
  'python-requests/2.32.4',
]

interface Kind {
  /** Out of the sum of all. */
  readonly weight: number
  readonly path: (random: () => number) => string
  readonly withToken?: true
}

/** The requests of the article about observing API traffic, in a mix that shows something in every view. */
const KINDS: readonly Kind[] = [
  { weight: 50, path: () => '/httpbin/get' },
  { weight: 8, path: (random) => `/httpbin/anything/orders/${1000 + Math.floor(random() * 50)}` },
  { weight: 6, path: () => '/httpbin/status/500' },
  { weight: 6, path: () => '/httpbin/status/404' },
  { weight: 1, path: () => '/httpbin/status/503' },
  { weight: 4, path: () => '/httpbin/delay/1' },
  { weight: 20, path: () => '/httpbin-jwt/get', withToken: true },
  { weight: 5, path: () => '/httpbin-jwt/get' },
]

const ALL = KINDS.reduce((sum, { weight }) => sum + weight, 0)

/** @param random - From 0, below 1. */
export function nextRequest(random: () => number, token: string): SampleRequest {
  let at = random() * ALL
  const kind = KINDS.find(({ weight }) => (at -= weight) < 0) ?? KINDS[0]
  const agent = USER_AGENTS[Math.floor(random() * USER_AGENTS.length)] ?? ''
  const needsToken = kind?.withToken === true && token !== ''
  return {
    path: kind?.path(random) ?? '/',
    headers: { 'user-agent': agent, ...(needsToken && { authorization: token }) },
  }
}
