import { connect, type ClientHttp2Session, type SecureClientSessionOptions } from 'node:http2'
import { once } from 'node:events'

export interface Http2Answer {
  readonly status: number
  /** Flat name, value list without pseudo headers. */
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  /** The answer came to its end, whatever followed. */
  readonly whole: boolean
}

export interface Http2Client extends AsyncDisposable {
  readonly session: ClientHttp2Session
  request(headers: Record<string, string | string[]>, body?: string): Promise<Http2Answer>
}

/** An HTTP/2 client: with TLS for `https`, with prior knowledge for `http`. */
export async function connectHttp2(url: string, options: SecureClientSessionOptions = {}): Promise<Http2Client> {
  const session = connect(url, options)
  session.on('error', () => {})
  await once(session, 'connect')
  return {
    session,
    async request(headers, body) {
      const stream = session.request(headers, { endStream: body === undefined })
      let status = 0
      let raw: string[] = []
      let trailers: readonly string[] = []
      let text = ''
      let whole = false
      stream.on('response', (_, __, received) => (raw = received))
      stream.on('trailers', (_, __, received) => (trailers = received))
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      stream.on('end', () => (whole = (stream.rstCode ?? 0) === 0))
      stream.on('error', () => {})
      if (body !== undefined) stream.end(body)
      await new Promise<void>((resolve) => stream.once('close', () => resolve()))
      const plain: string[] = []
      for (let i = 0; i < raw.length; i += 2) {
        if (raw[i] === ':status') status = Number(raw[i + 1])
        else plain.push(raw[i] as string, raw[i + 1] as string)
      }
      return { status, headers: plain, body: text, trailers, whole }
    },
    async [Symbol.asyncDispose]() {
      session.destroy()
    },
  }
}
