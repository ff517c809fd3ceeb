import type { StatusCounts } from '../api/types.ts'

export type StatusClass = keyof StatusCounts

/** From the bottom of a stack to its top. */
export const STATUS_CLASSES: readonly StatusClass[] = ['2xx', '3xx', '1xx', 'other', '4xx', '5xx']

export const STATUS_TERMS: Readonly<Record<StatusClass, string>> = {
  '1xx': 'response_code:[100 TO 199]',
  '2xx': 'response_code:[200 TO 299]',
  '3xx': 'response_code:[300 TO 399]',
  '4xx': 'response_code:[400 TO 499]',
  '5xx': 'response_code:[500 TO 599]',
  other: '(response_code:<100 or response_code:>599)',
}

export function statusClass(code: number): StatusClass {
  const hundreds = Math.floor(code / 100)
  return hundreds >= 1 && hundreds <= 5 ? (`${hundreds}xx` as StatusClass) : 'other'
}

/** One shape per class beside its colour, so that nobody depends on telling colours apart. */
const SHAPES: Readonly<Record<StatusClass, string>> = {
  '1xx': 'M6 2.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7Zm0 2a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3Z',
  '2xx': 'M6 2a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z',
  '3xx': 'M6 1l5 5-5 5-5-5z',
  '4xx': 'M6 1.200l5.200 9.300H.800z',
  '5xx': 'M1.800 1.800h8.400v8.400H1.800z',
  other: 'M1 5h10v2H1z',
}

export function StatusShape({ of }: { readonly of: StatusClass }) {
  return (
    <svg class={`shape s-${of}`} viewBox="0 0 12 12" width="10" height="10" aria-hidden="true" focusable="false">
      <path d={SHAPES[of]} />
    </svg>
  )
}

export function StatusCode({ code }: { readonly code: number }) {
  const of = statusClass(code)
  return (
    <span class={`status t-${of}`}>
      <StatusShape of={of} />
      {code}
    </span>
  )
}
