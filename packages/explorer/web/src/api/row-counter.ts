const QUOTE = 0x22
const LINE_FEED = 0x0a

/** Counts the rows of an export as its bytes come in. In CSV a line feed within quotes ends no row, and the first row is names. */
export function createRowCounter(format: 'csv' | 'ndjson'): { add(bytes: Uint8Array): number } {
  let lines = 0
  let quoted = false
  return {
    add(bytes) {
      for (const byte of bytes) {
        // A doubled quote closes and opens again, so that parity alone tells.
        if (byte === QUOTE) quoted = format === 'csv' && !quoted
        else if (byte === LINE_FEED && !quoted) lines++
      }
      return Math.max(0, format === 'csv' ? lines - 1 : lines)
    },
  }
}
