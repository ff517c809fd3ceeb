/** Columns as wide as their widest cell, two spaces apart; nothing after the last one. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = [heading, ...rows]
  const widths = heading.map((_, column) => table.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return table.map((row) => `${line(row).trimEnd()}\n`).join('')
}

/** `1 record`, `2 records`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
