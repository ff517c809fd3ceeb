import type { Segment } from '../lease/segment.ts'
import type { Withdrawal } from '../lease/withdrawal.ts'
import type { Delivery } from './delivery.ts'

/**
 * Takes a segment from every sink that needs a record before an offset. All or nothing: null when one of them is busy with
 * it.
 */
export function withdrawFromAll(
  deliveries: readonly Delivery[],
  segment: Segment,
  before: number,
): readonly Withdrawal[] | null {
  const concerned = deliveries.filter((delivery) => delivery.needs(segment, before))
  if (!concerned.every((delivery) => delivery.canWithdraw(segment))) return null
  return concerned.map((delivery) => delivery.withdraw(segment))
}
