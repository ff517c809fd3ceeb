import { headerInjector } from './header-injector/index.ts'
import { headerTransform } from './header-transform/index.ts'
import type { ResponseStepDefinition } from './types.ts'

/** Every step of the response chain, in Tyk's order. A step that is off for an API is not in its chain. */
export const RESPONSE_ORDER: readonly ResponseStepDefinition[] = [headerInjector, headerTransform]
