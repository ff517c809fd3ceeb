import type { Spread } from './statistics.ts'

/** A table in Markdown; all rows have as many cells as the head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)].join('\n')
}

/** `1.85 (1.71 to 1.92)` */
export function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${number(median, digits)} (${number(min, digits)} to ${number(max, digits)})`
}

/** With commas between thousands; a dash for what is not known. */
export function number(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
