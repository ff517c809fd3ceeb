import { describe, expect, it } from 'vitest'
import { formatFamilies } from './exposition.ts'

describe('the text form of metrics', () => {
  it('has help, type and one line per sample', () => {
    const text = formatFamilies([
      {
        name: 'a_total',
        type: 'counter',
        help: 'Records.',
        samples: [
          [{ sink: 'ES' }, 3],
          [{ sink: 'CSV' }, 0],
        ],
      },
      { name: 'b', type: 'gauge', help: 'Plain.', samples: [[{}, 0.25]] },
    ])
    expect(text).toBe(
      '# HELP a_total Records.\n# TYPE a_total counter\na_total{sink="ES"} 3\na_total{sink="CSV"} 0\n' +
        '# HELP b Plain.\n# TYPE b gauge\nb 0.25\n',
    )
  })

  it('escapes what would end a label or a line', () => {
    const text = formatFamilies([{ name: 'a', type: 'gauge', help: 'x\\y\nz', samples: [[{ v: 'q"\\\n' }, 1]] }])
    expect(text).toBe('# HELP a x\\\\y\\nz\n# TYPE a gauge\na{v="q\\"\\\\\\n"} 1\n')
  })

  it('leaves out what is not known', () => {
    const text = formatFamilies([
      { name: 'a', type: 'gauge', help: 'A.', samples: [[{}, null]] },
      {
        name: 'b',
        type: 'gauge',
        help: 'B.',
        samples: [
          [{ sink: 'X' }, null],
          [{ sink: 'Y' }, 2],
        ],
      },
    ])
    expect(text).toBe('# HELP b B.\n# TYPE b gauge\nb{sink="Y"} 2\n')
  })
})
