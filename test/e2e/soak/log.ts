/** What a soak makes the gateway complain about, rightly. */
const EXPECTED = [
  /^http: proxy error$/,
  // Broken files at a reload.
  /^Couldn't unmarshal read file: /,
  /^API definition is broken, its last good version stays in service$/,
  /^API skipped$/,
]

/** Lines of the log that report a failure nobody has caused, and whatever is no line of the log. */
export function unexpectedLines(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line !== '' && !isExpected(line))
    .slice(0, 50)
}

function isExpected(line: string): boolean {
  let entry: { level?: unknown; message?: unknown }
  try {
    entry = JSON.parse(line) as typeof entry
  } catch {
    return false
  }
  if (entry.level !== 'error' && entry.level !== 'fatal') return typeof entry.level === 'string'
  return EXPECTED.some((pattern) => pattern.test(String(entry.message)))
}
