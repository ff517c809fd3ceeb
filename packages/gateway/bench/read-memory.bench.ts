// What does the memory of a read cost when it is given back once its bytes are written, and when it is left to the
// collector?
// Run: node --conditions=source bench/read-memory.bench.ts
import { compare } from '../../../bench/lib/compare.ts'

/** Reads that are written together, as in a turn of the event loop. */
const AT_ONCE = 16

type OnWritten = () => void
const waiting: (OnWritten | undefined)[] = []

/** Node allocates each read anew; only as much of it as was filled stays. */
function readOf(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes))
}

/** What the stream does for a piece: it holds its callback until the bytes are with the system. */
function written(onWritten: OnWritten | undefined): void {
  waiting.push(onWritten)
}

function turn(bytes: number, onWrittenOf: (chunk: Buffer) => OnWritten | undefined): number {
  for (let i = 0; i < AT_ONCE; i++) written(onWrittenOf(readOf(bytes)))
  for (const onWritten of waiting) onWritten?.()
  waiting.length = 0
  return bytes
}

for (const bytes of [512, 1024, 2048, 4096, 8192, 65_536]) {
  compare(
    `${AT_ONCE} reads of ${bytes} bytes`,
    [
      {
        name: 'given back',
        run: () =>
          turn(
            bytes,
            ({ buffer }) =>
              () =>
                void (buffer as ArrayBuffer).transfer(0),
          ),
      },
      { name: 'left to the collector', run: () => turn(bytes, () => undefined) },
    ],
    200,
  )
}
