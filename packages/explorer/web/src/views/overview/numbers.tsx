import { Icon } from '../../components/icons.tsx'
import { StatusShape, STATUS_TERMS, type StatusClass } from '../../components/status.tsx'
import type { Numbers } from '../../api/types.ts'
import { type Change, change, count, duration, percent, share } from '../../format/number.ts'
import { narrowBy } from '../../state/location.ts'

interface Card {
  readonly name: string
  readonly value: string
  readonly before: string
  readonly change: Change | null
  /** Whether more of it is bad; counts of requests and consumers are neither. */
  readonly moreIsBad: boolean
  readonly status?: StatusClass
}

function cardsOf(now: Numbers, before: Numbers): readonly Card[] {
  const shareOf = (numbers: Numbers, key: 'clientErrors' | 'serverErrors'): number | null =>
    numbers.requests === 0 ? null : share(numbers[key], numbers.requests)
  const shareCard = (name: string, key: 'clientErrors' | 'serverErrors', status: StatusClass): Card => {
    const [current, last] = [shareOf(now, key), shareOf(before, key)]
    return {
      name,
      value: current === null ? '–' : percent(current),
      before: last === null ? 'no requests' : percent(last),
      change: change(current, last, 'share'),
      moreIsBad: true,
      status,
    }
  }
  return [
    {
      name: 'Requests',
      value: count(now.requests),
      before: count(before.requests),
      change: change(now.requests, before.requests, 'amount'),
      moreIsBad: false,
    },
    shareCard('Server errors, 5xx', 'serverErrors', '5xx'),
    shareCard('Client errors, 4xx', 'clientErrors', '4xx'),
    {
      name: 'Latency, 95th percentile',
      value: duration(now.p95Ms),
      before: duration(before.p95Ms),
      change: change(now.p95Ms, before.p95Ms, 'amount'),
      moreIsBad: true,
    },
    {
      name: 'Active consumers',
      value: count(now.consumers),
      before: count(before.consumers),
      change: change(now.consumers, before.consumers, 'amount'),
      moreIsBad: false,
    },
  ]
}

/** Five numbers, each with its change against the equal range before. */
export function NumberCards({ numbers, before }: { readonly numbers: Numbers; readonly before: Numbers }) {
  return (
    <ul class="numbers" aria-label="Key numbers, compared with the range before">
      {cardsOf(numbers, before).map((card) => (
        <li key={card.name} class="card number-card">
          <NumberName card={card} />
          <strong class="number-value">{card.value}</strong>
          <ChangeLine card={card} />
        </li>
      ))}
    </ul>
  )
}

function NumberName({ card: { name, status } }: { readonly card: Card }) {
  if (status === undefined) return <span class="number-name">{name}</span>
  return (
    <button
      type="button"
      class="number-name term-value"
      title={`Only these: ${STATUS_TERMS[status]}`}
      onClick={(event) => narrowBy(STATUS_TERMS[status], event.altKey ? 'exclude' : 'only')}
    >
      <StatusShape of={status} />
      <span>{name}</span>
    </button>
  )
}

function ChangeLine({ card: { change: difference, before, moreIsBad } }: { readonly card: Card }) {
  if (difference === null) return <span class="change">before: {before}</span>
  const { direction, text } = difference
  const tone = !moreIsBad || direction === 'same' ? '' : direction === 'up' ? 'worse' : 'better'
  return (
    <span class={`change ${tone}`}>
      {direction !== 'same' && (
        <>
          <Icon name={direction} />
          <span class="visually-hidden">{direction === 'up' ? 'up by' : 'down by'}</span>
        </>
      )}
      <span>{text}</span>
      <span class="was">before: {before}</span>
    </span>
  )
}
