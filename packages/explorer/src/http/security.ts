import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProblemError } from '../errors.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ')

/** What is shown comes from strangers, so a browser may run, load and send nothing but what the page itself brings. */
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

export interface SecurityOptions {
  /** null: any name. Others reach it then, and credentials are needed. */
  readonly hosts: ReadonlySet<string> | null
}

export function addSecurity(app: FastifyInstance, { hosts }: SecurityOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS)
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
    if (hosts !== null && !isKnownHost(request.headers.host, hosts)) {
      const message = 'the page is not served under this name'
      const cure = 'use localhost or 127.0.0.1, or name it in allowed_hosts (TEK_EXPLORER_ALLOWEDHOSTS)'
      throw new ProblemError(403, 'forbidden_host', message, cure)
    }
    refuseOtherSites(request)
  })
}

/**
 * On the loopback a name of somebody else's domain, which leads to 127.0.0.1 on purpose, would make their page one of ours in
 * the eyes of a browser. So only names that nobody else can have are answered.
 */
export function isKnownHost(header: string | undefined, hosts: ReadonlySet<string>): boolean {
  if (header === undefined || !/^[\w.:[\]-]+$/.test(header)) return false
  const name = URL.parse(`http://${header}/`)?.hostname
  if (name === undefined || name === '') return false
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]') return true
  return /^127(\.\d{1,3}){3}$/.test(name) || hosts.has(name)
}

/** Questions cost something, and credentials would go with them. Old browsers and other programs do not send the header. */
function refuseOtherSites({ url, headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  if (!url.startsWith('/api/') || site === undefined || site === 'same-origin' || site === 'none') return
  throw new ProblemError(403, 'forbidden', 'pages of other sites may not ask', 'open the page of the explorer itself')
}
