// States as bytes, and two writes at once.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { Format } = require('../src/format')

const format = new Format()
const merge = (...states) => format.unpack(format.merge(...states.map(state => format.pack(state))))

test('an empty session is no bytes at all', () => {
  assert.equal(format.pack({}).length, 0)
  assert.equal(format.pack({ gone: undefined }).length, 0)
  assert.deepEqual(format.unpack(Buffer.alloc(0)), {})
})

test('text is UTF-8, and what is not, or is no object, is refused', () => {
  assert.deepEqual(format.unpack(format.pack({ a: 'ü€😀' })), { a: 'ü€😀' })
  for (const state of ['{', '[]', 'null', '5', '{"a":"\xff"}']) {
    assert.throws(() => format.unpack(Buffer.from(state, 'latin1')), state)
  }
})

for (const [base, mine, theirs, merged, what] of [
  [{}, { a: 1 }, { b: 2 }, { b: 2, a: 1 }, 'both keys are kept'],
  [{ a: 1, b: 1 }, { a: 1 }, { a: 1, b: 1, c: 1 }, { a: 1, c: 1 }, 'what one removed is gone'],
  [{ a: 1, b: 1 }, { a: 2, b: 1 }, { b: 3 }, { b: 3, a: 2 }, 'what one wrote comes back, what it did not stays gone'],
  [{ a: 0 }, { a: 1 }, { a: 2 }, { a: 1 }, 'of two writes to one key the later wins'],
  [{ a: [1] }, { a: [1] }, { a: [1, 2] }, { a: [1, 2] }, 'what is as it was is not written'],
  [{ a: 1 }, { a: '1' }, { a: 1, b: 1 }, { a: '1', b: 1 }, 'another type is another value'],
  [{}, JSON.parse('{"__proto__":{"x":1}}'), { b: 1 }, JSON.parse('{"b":1,"__proto__":{"x":1}}'), 'every name is a key']
]) {
  test(what, () => {
    const result = merge(base, mine, theirs)
    assert.deepEqual(result, merged)
    assert.equal(result.x, undefined)
  })
}
