import type { HostileCase } from './case.ts'
import { chunkCases } from './chunks.ts'
import { connectionCases } from './connections.ts'
import { framingCases } from './framing.ts'
import { lineCases } from './lines.ts'
import { requestLineCases } from './request-lines.ts'
import { sizeCases } from './sizes.ts'

/** Everything a client over HTTP/1.1 may try, by what it is about. */
export const corpus: Readonly<Record<string, readonly HostileCase[]>> = {
  framing: framingCases,
  chunks: chunkCases,
  lines: lineCases,
  'request lines': requestLineCases,
  connections: connectionCases,
  sizes: sizeCases,
}
