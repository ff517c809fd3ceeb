import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { APART, type Conditions, conditionsText } from './conditions.ts'
import type { Outcome } from './scenario.ts'

/** What a scenario left behind, in `NAME.json`. */
export interface Result extends Outcome {
  readonly name: string
  readonly title: string
  readonly conditions: Conditions
}

/** Stores what came out twice: `NAME.md` to be read, `NAME.json` to be reckoned with. */
export async function writeResult(folder: string, result: Result): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${result.name}.json`), `${JSON.stringify(result, rounded)}\n`)
  await writeFile(join(folder, `${result.name}.md`), `${resultText(result)}\n`)
}

export const resultText = ({
  title,
  conditions,
  rounds,
  seconds,
  starts,
  placement = APART,
  warnings,
  report,
}: Result): string =>
  [
    `# ${title}`,
    conditionsText(
      { ...conditions, rounds: rounds ?? conditions.rounds, seconds: seconds ?? conditions.seconds },
      placement,
    ),
    ...(starts === undefined ? [] : [`Started ${starts === 1 ? 'once' : `${starts} times`}.`]),
    ...warnings.map((one) => `**${one}**`),
    ...report,
  ].join('\n\n')

/** The results in a folder, of this run or an earlier one, in the order of the given names. */
export async function readResults(folder: string, names: readonly string[]): Promise<Result[]> {
  const files = new Set(await readdir(folder).catch((): string[] => []))
  const found = names.filter((name) => files.has(`${name}.json`))
  return Promise.all(
    found.map(async (name) => JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8'), revived) as Result),
  )
}

/** Six digits say more than any of these figures is worth. What is no number has no form in JSON of its own. */
const rounded = (_: string, value: unknown): unknown => {
  if (typeof value !== 'number') return value
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : 'none'
}

const revived = (_: string, value: unknown): unknown => (value === 'none' ? NaN : value)
