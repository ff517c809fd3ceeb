// Hot path.

/** How far into an answer `errors` and `items` stand at most, whatever comes before them. */
const HEAD_BYTES = 200
const NO_ERRORS = /^\s*\{[^{}[\]]*"errors"\s*:\s*false[^{}[\]]*"items"\s*:\s*\[/
const BRACE = 0x7d
const CREATED = Buffer.from('"status":201}}')
const END = /^\]\}\s*$/

/**
 * Tells whether an answer says plainly that each of `count` documents was created. False says nothing: the answer must be
 * read then.
 *
 * Two braces end an item and nothing else, and what stands before them is its status. Looking for single braces is one
 * `memchr` each: 60 ns per item, against 1300 ns for parsing it (bench/bulk-answer.bench.ts).
 */
export function saysAllCreated(answer: Buffer, count: number): boolean {
  if (!NO_ERRORS.test(answer.toString('latin1', 0, HEAD_BYTES))) return false
  let end = 0
  for (let found = 0; found < count;) {
    const at = answer.indexOf(BRACE, end)
    if (at === -1) return false
    end = at + 1
    if (answer[end] !== BRACE) continue
    end += 1
    for (let i = 1; i <= CREATED.length; i++) if (answer[end - i] !== CREATED[CREATED.length - i]) return false
    found += 1
  }
  // Cut answers and those with more items are for the reader.
  return answer.length - end < HEAD_BYTES && END.test(answer.toString('latin1', end))
}
