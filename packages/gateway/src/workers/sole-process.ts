import type { Duties } from '../duties.ts'
import type { ProcessFigures } from '../metrics/process-figures.ts'
import type { GatewayState, Part } from './part.ts'

export interface SoleProcessOptions {
  readonly duties: Duties
  own(): Pick<GatewayState, 'redisIsUp' | 'loadedOnce' | 'shuttingDown'>
  figures(): ProcessFigures
  apisLoaded(): number
}

/** The part of a process that is its gateway. */
export function soleProcess({ duties, own, figures, apisLoaded }: SoleProcessOptions): Part {
  return {
    index: 0,
    count: 1,
    crew: null,
    state: () => ({ ...own(), redisCheck: duties.redisCheck, gateways: duties.gateways }),
    requestReload: () => duties.reloader.request(),
    notifyGroup: () => duties.publish('GroupReload'),
    share: () => Promise.resolve(),
    figures: () =>
      Promise.resolve({
        total: figures(),
        processes: 1,
        processesLost: 0,
        redisIsUp: own().redisIsUp,
        apisLoaded: apisLoaded(),
        reloadsDone: duties.reloader.done,
        reloadsFailed: duties.reloader.failed,
      }),
  }
}
