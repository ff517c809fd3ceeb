import type { ConfigSection } from './section.ts'

/** How much taken records may hold in Redis, and what happens beyond that. Keys of our own. */
export const leaseCapOptions = {
  max_bytes: {
    doc: 'Most memory, in bytes, that leases of all pumps on this key prefix may take in Redis. 0: no cap on bytes.',
    format: 'go-int',
    default: 0,
    env: 'TYK_PMP_LEASECAP_MAXBYTES',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  max_records: {
    doc: 'Most records that those leases may hold. 0: no cap on records.',
    format: 'go-int',
    default: 0,
    env: 'TYK_PMP_LEASECAP_MAXRECORDS',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  policy: {
    doc: 'What happens when the cap is reached: block, no more is taken, and a source list then lives by its own TTL, as in Tyk; drop-oldest, the oldest records are given up; spill, the newest go to files in spill_dir and come back by themselves.',
    format: ['block', 'drop-oldest', 'spill'],
    default: 'block',
    env: 'TYK_PMP_LEASECAP_POLICY',
  },
  spill_dir: {
    doc: 'For policy spill: the folder of the files; a relative path begins at the working directory. It must outlive the pump: in a container, a volume.',
    format: 'string',
    default: '',
    env: 'TYK_PMP_LEASECAP_SPILLDIR',
  },
  spill_max_bytes: {
    doc: 'For policy spill: most bytes of the files; beyond it the pump goes on as with block. 0: as much as the disk takes.',
    format: 'go-int',
    default: 0,
    env: 'TYK_PMP_LEASECAP_SPILLMAXBYTES',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
} as const satisfies ConfigSection
