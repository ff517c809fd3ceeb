import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { RequestContext } from '../chain/context.ts'
import { canonicalHeaderName } from '../chain/headers.ts'
import { buildUpstreamRequest, ResponseCopy, type ForwardOptions } from './forward.ts'

/**
 * Passes an upgrade (WebSocket and others) on to the upstream.
 *
 * On 101 the two connections are joined byte for byte until one ends; any other answer is relayed like that of an
 * ordinary request. One record, with code 101, when the tunnel ends.
 */
export function forwardUpgrade(ctx: RequestContext, type: string, head: Buffer, options: ForwardOptions): void {
  const request = buildUpstreamRequest(ctx, options, type)
  const copy = new UpgradeCopy(ctx, options, head)
  copy.start(ctx.api.transport.exchange(request, copy))
}

class UpgradeCopy extends ResponseCopy {
  readonly #ctx: RequestContext
  readonly #options: ForwardOptions
  readonly #head: Buffer
  readonly #sentMs = performance.now()

  constructor(ctx: RequestContext, options: ForwardOptions, head: Buffer) {
    super(ctx, options)
    this.#ctx = ctx
    this.#options = options
    this.#head = head
  }

  override onUpgrade(headers?: string[], upstream?: Socket, rest?: Buffer): void {
    if (headers === undefined || upstream === undefined || rest === undefined) return
    const ctx = this.#ctx
    ctx.upstreamMs = performance.now() - this.#sentMs
    const client = ctx.request.socket
    this.finish()
    ctx.response.detachSocket(client)
    client.off('end', destroyAtEnd)
    client.write(switchingHead(ctx.answerHeaders, headers), 'latin1')
    if (rest.length > 0) client.write(rest)
    if (this.#head.length > 0) upstream.write(this.#head)
    const end = join(client, upstream, () => {
      clearTimeout(deadline)
      this.#options.recorder.success(ctx, 101)
    })
    const deadline = this.#deadline(end)
  }

  /** What limits the time of an exchange limits that of its tunnel as well. */
  #deadline(end: () => void): NodeJS.Timeout | undefined {
    const limitMs = this.#ctx.api.exchangeTimeoutMs?.(this.#ctx) ?? 0
    if (limitMs === 0) return undefined
    return setTimeout(end, Math.max(0, limitMs - (performance.now() - this.#sentMs))).unref()
  }
}

function switchingHead(own: readonly string[], headers: readonly string[]): string {
  let head = 'HTTP/1.1 101 Switching Protocols\r\n'
  for (const list of [own, headers]) {
    for (let i = 0; i < list.length; i += 2) head += `${canonicalHeaderName(list[i] as string)}: ${list[i + 1]}\r\n`
  }
  return `${head}\r\n`
}

/**
 * Copies bytes both ways with back-pressure until either side ends or fails; then closes the other.
 *
 * @returns A function that closes both.
 */
function join(client: Duplex, upstream: Duplex, onEnd: () => void): () => void {
  let ended = false
  const end = (): void => {
    if (ended) return
    ended = true
    client.end()
    upstream.end()
    // What was written still leaves; a peer that never closes its side must not hold the socket.
    client.once('finish', () => client.destroy())
    upstream.once('finish', () => upstream.destroy())
    onEnd()
  }
  for (const side of [client, upstream]) {
    side.on('error', () => side.destroy())
    side.once('end', end)
    side.once('close', end)
  }
  client.pipe(upstream, { end: false })
  upstream.pipe(client, { end: false })
  return end
}

function destroyAtEnd(this: Socket): void {
  this.destroy()
}

/** A response for a request that arrived as an upgrade and is answered in the ordinary way. */
export function responseOnSocket(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  // What follows on this connection cannot be told from the other protocol's bytes.
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  // The server no longer looks after this connection: without this, a client that ends it before it is answered is missed.
  if (socket.readableEnded) socket.destroy()
  else socket.once('end', destroyAtEnd)
  response.on('finish', () => socket.end())
  return response
}
