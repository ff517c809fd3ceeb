// Hot path.
import type { RequestContext } from '../../chain/context.ts'
import type { UpstreamRequest } from '../../proxy/transport.ts'
import { stripListenPath } from '../../proxy/upstream-url.ts'
import { CappedBody, type BodyMemory } from './capped-body.ts'
import { decompress, type Packing } from './decompress.ts'
import { errorMessage, requestMessage, responseMessage } from './raw-message.ts'
import { readRest, tapBody } from './tap.ts'

/** Both messages of a request in base64, as a record holds them. */
export interface RecordedMessages {
  readonly rawRequest: string
  readonly rawResponse: string
}

type Sent = Pick<UpstreamRequest, 'method' | 'path' | 'contentLength' | 'body'>

interface ProxiedHead {
  readonly status: number
  readonly statusLine: string
  readonly upstreamHeaders: readonly string[]
  readonly headers: readonly string[]
  readonly body: CappedBody
}

/**
 * Collects the two messages of one request while they pass by. Neither the client nor the upstream waits for it; of each
 * body it keeps the first bytes, up to the limit.
 */
export class PassingMessages {
  readonly #ctx: RequestContext
  readonly #maxBodyBytes: number
  readonly #memory: BodyMemory
  readonly #requestBody: CappedBody
  readonly #onRequestChunk: (chunk: Buffer) => void
  #sent: Sent | null = null
  #proxied: ProxiedHead | null = null
  #error: Buffer | null = null

  /** @param memory - From which the kept bytes are taken, until `finish` is done. */
  constructor(ctx: RequestContext, maxBodyBytes: number, memory: BodyMemory) {
    this.#ctx = ctx
    this.#maxBodyBytes = maxBodyBytes
    this.#memory = memory
    const body = new CappedBody(maxBodyBytes, memory)
    this.#requestBody = body
    this.#onRequestChunk = (chunk) => body.append(chunk)
  }

  /** The request is about to go upstream in this form. */
  onSend(sent: Sent): void {
    this.#sent = sent
    if (sent.body !== null) tapBody(sent.body, this.#onRequestChunk)
  }

  /**
   * The upstream's answer has begun. Not called for an event stream, whose answer is not recorded: it may have no end.
   *
   * @param headers - As the client gets them, without those the gateway itself puts on the answer.
   */
  onHead(status: number, statusLine: string, upstreamHeaders: readonly string[], headers: readonly string[]): void {
    const body = new CappedBody(this.#maxBodyBytes, this.#memory)
    this.#proxied = { status, statusLine, upstreamHeaders, headers, body }
  }

  onData(chunk: Buffer): void {
    this.#proxied?.body.append(chunk)
  }

  /** The gateway answers itself. */
  onErrorAnswer(status: number, headers: readonly string[], body: string): void {
    this.#error = errorMessage(status, headers, body)
  }

  /** The messages in their recorded form. Called once, when the request is over. */
  async finish(): Promise<RecordedMessages> {
    try {
      return await this.#recorded()
    } finally {
      this.#requestBody.release()
      this.#proxied?.body.release()
    }
  }

  async #recorded(): Promise<RecordedMessages> {
    const headers = [...this.#ctx.headers.pairs]
    if (this.#error !== null) await this.#readUnsentBody()
    const request = this.#request(headers)
    const response = this.#error ?? (await this.#response())
    return { rawRequest: request.toString('base64'), rawResponse: response?.toString('base64') ?? '' }
  }

  /** Nobody may have asked for the body of a request that was refused; it counts as part of it all the same. */
  async #readUnsentBody(): Promise<void> {
    const ctx = this.#ctx
    const body = this.#requestBody
    // A client that waits for `100 Continue` will not send it any more.
    if (this.#sent === null && ctx.expectsContinue) return
    const tapped = this.#sent?.body ?? null
    // A tap sees what any reader reads, so also what is read here.
    const onChunk = tapped === null ? this.#onRequestChunk : null
    await readRest(tapped ?? ctx.body ?? ctx.request, onChunk, () => body.cut)
  }

  #request(headers: readonly string[]): Buffer {
    const ctx = this.#ctx
    const sent = this.#sent
    return requestMessage({
      method: sent?.method ?? ctx.upstreamMethod ?? ctx.method,
      target: sent?.path ?? refusedTarget(ctx),
      contentLength: sent?.contentLength ?? bodyLength(ctx),
      host: ctx.host === '' ? ctx.upstream.target.authority : ctx.host,
      headers,
      body: this.#requestBody.bytes(),
      proxied: sent !== null,
    })
  }

  async #response(): Promise<Buffer | null> {
    const head = this.#proxied
    if (head === null) return null
    const packing = packingOf(head.headers)
    const decompressed = packing !== null && head.body.length > 0
    const kept = head.body.bytes()
    const body = decompressed ? await decompress(kept, packing, head.body.cut, this.#maxBodyBytes) : kept
    return responseMessage({
      ...head,
      method: this.#sent?.method ?? this.#ctx.method,
      body: body ?? Buffer.alloc(0),
      decompressed,
    })
  }
}

/** A request that was refused before the proxy step shows its own path, without the listen path if that is stripped. */
function refusedTarget(ctx: RequestContext): string {
  const { rawPath, query } = ctx
  const strip = ctx.api.definition.proxy.strip_listen_path
  const path = strip ? stripListenPath(rawPath, ctx.api.upstream.listenPath) : rawPath
  return query === '' ? path : `${path}?${query}`
}

function bodyLength(ctx: RequestContext): number {
  const { headers } = ctx.request
  if (headers['transfer-encoding'] !== undefined) return -1
  return Number(headers['content-length'] ?? 0)
}

function packingOf(headers: readonly string[]): Packing | null {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'Content-Encoding') continue
    const value = headers[i + 1]
    return value === 'gzip' || value === 'deflate' ? value : null
  }
  return null
}
