/**
 * Delivery: how records reach a sink, the same way for all of them. One `Delivery` per sink reads leases at its own
 * pace, prepares records with the sink's filters, sends batches, repeats what failed, keeps what cannot be delivered as
 * dead letters, and commits. A sink only encodes and sends.
 */
export { Delivery } from './delivery.ts'
export { watchSink } from './check-sink.ts'
export { type DeliverySettings, DEFAULT_SETTINGS } from './settings.ts'
export { withdrawFromAll } from './withdraw.ts'
