import { type Step, type StepStatus, titleOf } from './step.ts'

const MARKS: Readonly<Record<StepStatus, string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failed: 'FAILED',
  skipped: 'skipped',
}

/** Wide enough for most; a longer title only moves its own line. */
const TITLE_WIDTH = 22
const MARK_WIDTH = 9

/** One line, and one for the cure. */
export function formatStep(step: Step): string {
  const line = `${titleOf(step).padEnd(TITLE_WIDTH)} ${MARKS[step.status].padEnd(MARK_WIDTH)}${step.detail}`
  const cure = step.cure === undefined ? '' : `${' '.repeat(TITLE_WIDTH + 1)}=> ${step.cure}\n`
  return `${line.trimEnd()}\n${cure}`
}

/** What all of it means. */
export function formatEnd(steps: readonly Step[]): string {
  const broken = steps.filter(({ status }) => status === 'failed')
  const warned = steps.filter(({ status }) => status === 'warning')
  const [first] = broken
  if (first !== undefined) {
    const others = broken.length > 1 ? `; ${broken.length - 1} more failed` : ''
    return `\nThe way of a record ends at "${titleOf(first)}"${others}.\n`
  }
  if (warned.length === 0) return '\nA record gets from Redis to every sink.\n'
  return `\nA record gets from Redis to every sink. Look at ${warned.map((step) => `"${titleOf(step)}"`).join(', ')} if nothing shows up.\n`
}

export function formatJson({ name, sink, status, detail, cure }: Step): string {
  return `${JSON.stringify({ step: name, sink: sink ?? null, status, detail, cure: cure ?? null })}\n`
}
