import type { SourceList } from '@tek/analytics-record'
import type { Segment } from './segment.ts'

/**
 * What this process holds. A lease can be held more than once, each time for other sinks: when a pump that shared it has
 * died, its part is claimed beside the own one.
 */
export class HeldLeases {
  readonly #sources = new Map<SourceList, Map<string, readonly Segment[]>>()

  add(segment: Segment): void {
    const { source, lease } = segment
    const leases = this.#sources.get(source) ?? new Map<string, readonly Segment[]>()
    this.#sources.set(source, leases)
    leases.set(lease.id, [...(leases.get(lease.id) ?? []), segment])
  }

  /** Removes this very segment, never another hold of the same lease. */
  remove(segment: Segment): void {
    const { source, lease } = segment
    const leases = this.#sources.get(source)
    const others = (leases?.get(lease.id) ?? []).filter((candidate) => candidate !== segment)
    if (others.length === 0) leases?.delete(lease.id)
    else leases?.set(lease.id, others)
  }

  of(source: SourceList, id: string): readonly Segment[] {
    return this.#sources.get(source)?.get(id) ?? []
  }

  /** In the order in which they came. */
  allOf(source: SourceList): Segment[] {
    return [...(this.#sources.get(source)?.values() ?? [])].flat()
  }

  /** Over all sources, the oldest first; what was put back for some sinks alone comes last. */
  oldestFirst(): Segment[] {
    const all = [...this.#sources.keys()].flatMap((source) => this.allOf(source))
    return all.sort((a, b) => (a.lease.id < b.lease.id ? -1 : 1))
  }

  has(source: SourceList): boolean {
    return (this.#sources.get(source)?.size ?? 0) > 0
  }

  /** Number of leases. */
  get size(): number {
    let size = 0
    for (const leases of this.#sources.values()) size += leases.size
    return size
  }
}
