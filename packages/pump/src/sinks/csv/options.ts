import type { ConfigSection } from '../../config/section.ts'

export const csvOptions = {
  csv_dir: {
    doc: 'Folder of the files, made when it does not exist. Empty: the working directory.',
    format: 'string',
    default: '',
    env: 'CSVDIR',
  },
} as const satisfies ConfigSection
