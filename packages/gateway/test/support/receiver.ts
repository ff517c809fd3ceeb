import type { IncomingHttpHeaders } from 'node:http'
import { readBody, startUpstream } from '../../../../test/support/upstream.ts'

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that webhooks are sent to. */
export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly received: Received[]
  /** What arrived at this path. */
  at(path: string): Received[]
  /** Answers with this status from now on; null: does not answer at all. */
  answerWith(status: number | null): void
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = []
  let status: number | null = 200
  const server = await startUpstream(async (req, res) => {
    const body = (await readBody(req)).toString('utf8')
    received.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body })
    if (status !== null) res.writeHead(status).end('seen')
  })
  return {
    url: server.url,
    received,
    at: (path) => received.filter(({ url }) => url === path),
    answerWith: (next) => void (status = next),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
