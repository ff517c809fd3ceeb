import { SinkUnavailableError } from '../../errors.ts'
import type { Sink, SinkDeps } from '../types.ts'

export function createDummySink(deps: SinkDeps): Sink {
  const { log } = deps
  log.info('Dummy Initialized')
  return {
    async write(batch, signal) {
      if (signal.aborted) throw new SinkUnavailableError('write aborted')
      // The doubled spaces are Tyk's.
      log.info(`Writing  ${batch.length}  records`)
      return batch.map(() => 'delivered')
    },
    check: async () => {},
    close: async () => {},
  }
}
