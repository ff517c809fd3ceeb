/** By UTF-16 units, whatever the language: both stores put what counts the same in one order. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
