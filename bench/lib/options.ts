import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Scenarios to run; empty for all. */
  readonly only: readonly string[]
  readonly rounds: number
  /** Of each round. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  /** Records that the pump delivers in a round. */
  readonly pumpRecords: number
  /** Records that wait while the sink is down. */
  readonly waitingRecords: number
  /** A look whether everything works; its results are kept apart. */
  readonly quick: boolean
  readonly list: boolean
}

/** @throws With a sentence for the user when an argument makes no sense. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  })
  const { quick, list } = values
  const seconds = values.seconds === undefined ? 0.5 : secondsOf(values.seconds)
  return {
    only: values.only.flatMap((names) => names.split(',')),
    rounds: positive('rounds', values.rounds, quick ? 1 : 30),
    seconds,
    // V8 compiles for about half of it.
    warmUpSeconds: quick ? 1 : 8,
    connections: positive('connections', values.connections, 64),
    pumpRecords: quick ? 30_000 : 400_000,
    waitingRecords: quick ? 50_000 : 1_000_000,
    quick,
    list,
  }
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} takes a number from 1 on, not ${text}`)
  return Number(text)
}

function secondsOf(text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text) || Number(text) < LEAST_SECONDS)
    throw new Error(`--seconds takes a number from ${LEAST_SECONDS} on, not ${text}`)
  return Number(text)
}

/** In less, a load generator mostly starts. */
const LEAST_SECONDS = 0.2
