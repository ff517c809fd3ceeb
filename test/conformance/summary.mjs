/** Turns the two runners' reports into one form, and that into a table. */

/**
 * @typedef {{name: string, area: string, status: 'pass' | 'fail' | 'optional' | 'skipped', reason: string}} Result
 * @typedef {{area: string, required: boolean, passed: number, total: number, known: number, optional: number, skipped: number,
 *   failed: Result[], surprises: string[]}} Area
 */

/** @returns {Result[]} */
export function readGatewayReport(report) {
  return report.vectors.map(({ path, area, error, diffs }) => ({
    name: path,
    area,
    status: error || diffs.length > 0 ? 'fail' : 'pass',
    reason: error
      ? oneLine(error)
      : diffs
          .slice(0, 2)
          .map(({ path: at, expected, got }) => difference(at, expected, got))
          .join(' | '),
  }))
}

/** @returns {Result[]} */
export function readPumpReport(report) {
  return report.results.map(({ vector, area, status, detail }) => ({
    name: vector,
    area,
    status: status === 'error' ? 'fail' : status,
    reason: typeof detail === 'string' ? oneLine(detail) : pumpReason(detail),
  }))
}

function pumpReason(detail) {
  const differences = (detail?.differences ?? [])
    .slice(0, 2)
    .map(({ at, expected, actual }) => difference(at, expected, actual))
  return [detail?.problem, ...differences].filter(Boolean).map(oneLine).join(' | ')
}

/**
 * One `<area>/<name>` per line, followed by `#` and the reason. A line without a reason is refused.
 *
 * @param {string} text
 * @returns {Map<string, string>}
 */
export function parseKnown(text) {
  const known = new Map()
  for (const line of text.split('\n').map((part) => part.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [name = '', reason = ''] = line.split(/\s+#\s*/, 2)
    if (!reason) throw new Error(`known difference without a reason: ${line}`)
    known.set(name, reason)
  }
  return known
}

/**
 * @param {Result[]} results
 * @param {Map<string, string>} known
 * @param {string[]} required
 * @returns {Area[]}
 */
export function areasOf(results, known, required) {
  const names = [...new Set(results.map(({ area }) => area))].toSorted()
  return names.map((area) => {
    const own = results.filter((result) => result.area === area)
    const count = (status) => own.filter((result) => result.status === status).length
    const failing = own.filter(({ status }) => status === 'fail')
    return {
      area,
      required: required.includes(area),
      passed: count('pass'),
      total: own.length,
      known: failing.filter(({ name }) => known.has(name)).length,
      optional: count('optional'),
      skipped: count('skipped'),
      failed: failing.filter(({ name }) => !known.has(name)),
      surprises: own.filter(({ name, status }) => status === 'pass' && known.has(name)).map(({ name }) => name),
    }
  })
}

/** @param {Area[]} areas */
export function table(areas) {
  const rows = areas.map((area) => {
    const remarks = [
      area.known > 0 && `${area.known} known difference${area.known === 1 ? '' : 's'}`,
      area.optional > 0 && `${area.optional} optional`,
      area.skipped > 0 && `${area.skipped} skipped`,
      area.required && (area.failed.length === 0 ? 'required' : 'required: FAILED'),
    ].filter(Boolean)
    return `  ${area.area.padEnd(20)} ${String(area.passed).padStart(4)} / ${String(area.total).padEnd(4)} ${remarks.join(', ')}`.trimEnd()
  })
  const sum = (key) => areas.reduce((total, area) => total + area[key], 0)
  return [...rows, `  ${'all'.padEnd(20)} ${String(sum('passed')).padStart(4)} / ${sum('total')}`].join('\n')
}

function difference(path, expected, got) {
  return `${path}: expected ${short(expected)}, got ${short(got)}`
}

function short(value) {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 160)
}

function oneLine(text) {
  return String(text).replaceAll(/\s+/g, ' ').slice(0, 400)
}
