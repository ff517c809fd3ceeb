import type { ConfigSection } from '../../config/section.ts'

export const dummyOptions = {} as const satisfies ConfigSection
