// Hot path.
import { Readable } from 'node:stream'
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
  ctx.body = Readable.from(
    (async function* () {
      yield* chunks
      if (!source.readableEnded) yield* source
    })(),
    { objectMode: false },
  )
  return size > maxBytes ? null : Buffer.concat(chunks)
}
