// Hot path.
import { Readable } from 'node:stream'
import { withTrailersOf } from '../proxy/trailers.ts'
import type { RequestContext } from './context.ts'

/**
 * Reads the request's body and puts it back, so that later steps and the upstream get it unchanged.
 *
 * @returns null when it is longer than `maxBytes`; no more than that is held then, and the rest still streams.
 */
export async function readBody(ctx: RequestContext, maxBytes: number): Promise<Buffer | null> {
  const source = ctx.body ?? ctx.request
  if (ctx.expectsContinue && ctx.body === null) ctx.response.writeContinue()
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > maxBytes) break
  }
  const again = Readable.from(
    (async function* () {
      yield* chunks
      if (!source.readableEnded) yield* source
    })(),
    { objectMode: false },
  )
  // Whoever reads it may have stopped listening when the client goes away, and nobody hearing of that would end the process.
  again.on('error', () => {})
  ctx.body = withTrailersOf(source, again)
  return size > maxBytes ? null : Buffer.concat(chunks)
}
