/** What lies in files instead of leases, as `/ready` shows it. */
export interface SpillReport {
  readonly segments: number
  /** Of each segment those that the sink furthest back waits for. */
  readonly records: number
  /** Of the files, also of those whose records are in leases again that are not finished. */
  readonly bytes: number
  /** null: no bound. */
  readonly max_bytes: number | null
  /** Records in segments for none of whose sinks this pump is configured. */
  readonly waiting_for_sinks_not_configured: number
  /** Records that could not be read back, since the start. */
  readonly damaged_records: number
  /** Segments that Redis says are in this folder, or in one that was at its place before, and that are not. */
  readonly missing_segments: number
  /** Segments whose file could not be read at the last try; it is tried again. */
  readonly unreadable_segments: number
}
