import { type Conditions, conditionsText } from './conditions.ts'
import { table } from './markdown.ts'
import { type Finding, format, type Measure, MEASURES, verdictOf } from './measures.ts'
import type { Result } from './results.ts'

/** The table of measures, from whatever scenarios have run, as Markdown. */
export function summaryText(results: readonly Result[], problems: readonly string[]): string {
  const findings = new Map(results.flatMap((result) => result.findings.map((one) => [one.id, { ...one, result }])))
  const promised = MEASURES.filter(({ floor }) => floor !== null)
  const reported = MEASURES.filter(({ id, floor }) => floor === null && findings.has(id))
  const doubted = [...problems, ...results.flatMap(warningsOf)].map((one) => `- **${one}**`)
  return [
    '# What the bench measured',
    ...runsText(results),
    ...(doubted.length > 0 ? [doubted.join('\n')] : []),
    table(
      ['measure', 'floor', 'goal', 'measured, median', 'lowest to highest', 'by CPU time', 'met?'],
      promised.map((measure) => promisedRow(measure, findings.get(measure.id))),
    ),
    HOW_JUDGED,
    ...(reported.length > 0
      ? [
          table(
            ['also measured', 'median', 'lowest to highest'],
            reported.map((measure) => reportedRow(measure, findings.get(measure.id) as Finding)),
          ),
        ]
      : []),
    '![The measures against floor and goal, and throughput beside nginx](summary.svg)',
    `Scenarios: ${results.map(({ name, title }) => `[${title}](${name}.md)`).join(' · ')}`,
  ].join('\n\n')
}

const HOW_JUDGED =
  'The median decides. *In doubt*: starts of the programs, each with its rounds, lie so far apart that more of them could well move ' +
  'the median across the floor.'

const warningsOf = ({ name, warnings }: Result): string[] => warnings.map((one) => `${name}: ${one}`)

function promisedRow(measure: Measure, finding: (Finding & { result: Result }) | undefined): string[] {
  const { label, floor, goal, better } = measure
  const sign = better === 'higher' ? '≥' : '≤'
  const limit = (value: number | null): string => (value === null ? '' : `${sign} ${format(measure, value)}`)
  const row = [label, limit(floor), limit(goal)]
  if (finding === undefined) return [...row, '–', '–', '–', 'not measured']
  const { value, byCpu } = finding
  const verdict = finding.result.conditions.rounds === 1 ? 'one round says nothing' : verdictOf(measure, value)
  const cpu = byCpu === null ? '–' : format(measure, byCpu.median)
  return [...row, format(measure, value.median), between(measure, finding), cpu, verdict]
}

const reportedRow = (measure: Measure, finding: Finding): string[] => [
  measure.label,
  format(measure, finding.value.median),
  between(measure, finding),
]

const between = (measure: Measure, { value }: Finding): string =>
  `${format(measure, value.min)} to ${format(measure, value.max)}`

const PINNED = 'Programs pinned to cores as the page of each scenario says.'

/** One sentence for a run; figures of several runs are told apart by their scenarios. */
function runsText(results: readonly Result[]): string[] {
  const runs = new Map<string, { conditions: Conditions; names: string[] }>()
  for (const { conditions, name } of results) {
    const run = runs.get(conditions.startedAt) ?? { conditions, names: [] }
    run.names.push(name)
    runs.set(conditions.startedAt, run)
  }
  const [only, ...others] = runs.values()
  if (only === undefined) return ['Nothing has been measured yet.']
  if (others.length === 0) return [`All in one run: ${conditionsText(only.conditions, PINNED)}`]
  return ['From more than one run:', [...runs.values()].map(runLine).join('\n')]
}

const runLine = ({ conditions, names }: { conditions: Conditions; names: readonly string[] }): string =>
  `- ${names.join(', ')}: ${conditionsText(conditions, PINNED)}`
