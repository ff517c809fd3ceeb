// Hot path.
import type { Readable } from 'node:stream'

/**
 * Shows every chunk of a body to a listener as well, from its first reader on.
 *
 * Listening at once would set the body flowing before anyone is there to send it on.
 */
export function tapBody(body: Readable, onChunk: (chunk: Buffer) => void): void {
  const onListener = (event: string): void => {
    if (event !== 'data') return
    body.off('newListener', onListener)
    body.on('data', onChunk)
  }
  body.on('newListener', onListener)
}

/** Reads what is left of a body; resolves when it has ended, was cut off, or `enough` says so. */
export function readRest(
  body: Readable,
  onChunk: ((chunk: Buffer) => void) | null,
  enough: () => boolean,
): Promise<void> {
  if (body.readableEnded || body.destroyed) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  body.on('data', (chunk: Buffer) => {
    onChunk?.(chunk)
    if (enough()) resolve()
  })
  body.once('end', resolve)
  body.once('close', resolve)
  return promise
}
