import type { Log } from '../log/log.ts'
import { statusAnswer } from './answer.ts'
import type { Resource } from './routes.ts'

export interface ReloadDeps {
  readonly log: Log
  /** Resolves when a reload that began after this call is over. */
  requestReload(): Promise<void>
  /** Tells every gateway on this Redis, this one included, to reload. */
  notifyGroup(): Promise<void>
}

export function reloadResources(deps: ReloadDeps): Resource[] {
  return [
    {
      path: '/tyk/reload',
      methods: {
        async GET({ query }) {
          deps.log.info({ prefix: 'main' }, 'Reload URL Structure - Scheduled')
          const reload = deps.requestReload()
          if (query.get('block') === 'true') await reload
          return statusAnswer(200, '')
        },
      },
    },
    {
      path: '/tyk/reload/group',
      methods: {
        async GET() {
          await deps.notifyGroup()
          return statusAnswer(200, '')
        },
      },
    },
  ]
}
