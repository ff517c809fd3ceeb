/**
 * The ledger: what became of every record, per minute and API, beside what gateways say they have written.
 *
 * A hash per source list and minute of the records' own timestamps, named by `ledgerKey`. Gateways count `in:<api>` in it as
 * they write; the pump books `delivered`, `filtered`, `dead` and `dropped`, each per sink and API, in the very script that
 * moves the sink's offset. So a record is booked exactly once, whatever is lost or killed in between: what is booked and what
 * is acknowledged cannot differ.
 */
export { type Bookings, LedgerBook } from './book.ts'
export { type EncodedBookings, encodeBookings, encodeEntries, encodeTallies } from './encode.ts'
export { type LedgerField, type LedgerState, NO_API, minuteOf, parseLedgerField } from './fields.ts'
export { type MinuteRange, readLedger } from './read.ts'
export { registerSinks, registeredSinks } from './register.ts'
export { Tally } from './tally.ts'
