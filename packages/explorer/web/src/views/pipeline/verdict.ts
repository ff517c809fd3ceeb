import type { Pipeline } from '../../api/types.ts'
import { count } from '../../format/number.ts'

export type Verdict = 'good' | 'attention' | 'bad' | 'unknown'
type Sink = NonNullable<Pipeline['sinks']>[number]
type Account = NonNullable<Pipeline['ledger']>['sinks'][number]

const LAG_MAX_SECONDS = 60

/** Lost records are bad, slow ones need attention. */
export function healthOf(sink: Sink): Verdict {
  if (sink.dropped > 0 || sink.dead > 0) return 'bad'
  if (sink.state !== 'ok' || (sink.oldestPendingSeconds ?? 0) > LAG_MAX_SECONDS) return 'attention'
  return 'good'
}

const lostOf = ({ missing, dead, dropped }: Account): number => missing + dead + dropped

const recordsAre = (records: number, which = ''): string =>
  `${count(records)} ${records === 1 ? `record ${which}is` : `records ${which}are`}`

/** The one sentence that answers whether the numbers can be trusted. */
export function summaryOf({ sinks, ledger, problems }: Pipeline): { state: Verdict; title: string; text: string } {
  // Records on their way lower the completeness as lost ones do, so it does not tell which sink is worse off.
  const worst = ledger?.sinks.toSorted((a, b) => lostOf(b) - lostOf(a) || b.pending - a.pending)[0]
  if (worst !== undefined && lostOf(worst) > 0) {
    return {
      state: 'bad',
      title: `${recordsAre(lostOf(worst), 'of this range ')} not in ${worst.name}`,
      text: `Refused, waiting as dead letters: ${count(worst.dead)}. Dropped at a cap: ${count(worst.dropped)}. Unaccounted for: ${count(worst.missing)}.`,
    }
  }
  if (worst !== undefined && worst.pending > 0) {
    // So it is all the time while there is traffic; only a sink that is behind is a reason to look.
    const inTime = sinks?.every((sink) => healthOf(sink) === 'good') === true
    return {
      state: inTime ? 'good' : 'attention',
      title: `${recordsAre(worst.pending)} on the way to ${worst.name}`,
      text: 'Nothing is lost. Numbers of the last moments may still grow.',
    }
  }
  const troubled = sinks?.find((sink) => healthOf(sink) !== 'good')
  if (troubled !== undefined) {
    return {
      state: healthOf(troubled),
      title: `Sink ${troubled.name} ${healthOf(troubled) === 'bad' ? 'has lost records' : 'is behind'}`,
      text: troubled.lastError ?? `Its state is ${troubled.state}.`,
    }
  }
  if (problems.length > 0) {
    return { state: 'attention', title: 'Not everything can be seen', text: 'What is missing stands below.' }
  }
  if (ledger?.counted === 0) {
    return {
      state: 'unknown',
      title: 'No gateway has counted a record in this range',
      text: 'There was no traffic, or its gateway keeps no ledger: one of Tyk, or one with TYK_GW_ANALYTICSLEDGER=false.',
    }
  }
  if (worst !== undefined) {
    return {
      state: 'good',
      title: 'Complete: every record of this range is in its store',
      text: 'What the gateways counted and what the sinks took are equal.',
    }
  }
  if (sinks === null) {
    return { state: 'unknown', title: 'Unknown', text: 'Neither the pump nor its ledger answers here.' }
  }
  return { state: 'good', title: 'All sinks keep up', text: 'Nothing was dropped or refused since the pump started.' }
}
