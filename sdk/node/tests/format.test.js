// States as bytes, and two writes at once.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { inspect } = require('node:util')

const { Format } = require('../src/format')
const { create, watched } = require('../src/session')

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

test('a state is what JSON makes of the session', () => {
  const odd = { 7: 1, a: undefined, b: () => 1, c: NaN, d: -0, e: new Date(0), f: '"\ud800', g: [undefined], h: null }
  const data = Object.assign(JSON.parse('{"z":{},"__proto__":{"x":[1]},"true":true}'), odd)
  const state = format.pack(data)
  assert.equal(state.toString(), JSON.stringify(data))
  assert.ok(format.pack(format.open(state)).equals(state))
  for (const look of [session => ({ ...session }), JSON.stringify, inspect]) {
    const [known, read] = [format.open(state), format.unpack(state)].map(data => look(create(data, {})))
    assert.deepEqual(known, read)
  }
})

test('a value is read when somebody looks at it, and is nobody else\'s', () => {
  const state = format.pack({ cart: { apples: 1 }, user: { name: 'ann' } })
  const [one, other] = [0, 1].map(() => create(format.open(state), {}))
  assert.ok(!watched(one).nested)
  one.cart.apples++
  assert.ok(watched(one).nested && one.cart === one.cart)
  assert.equal(format.pack(watched(one).data).toString(), '{"cart":{"apples":2},"user":{"name":"ann"}}')
  assert.deepEqual(other.cart, { apples: 1 })
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

test('whether data gives a state again is told without packing it', () => {
  const state = format.pack({ a: 1, b: [1, { c: 2 }], d: 'x', e: null, f: undefined, '': true })
  const held = () => format.open(state)
  const changes = [
    () => {},
    data => { data.f = undefined },
    data => { data.e = NaN },
    data => { data.b = data.b.open() },
    data => { data.b = [1, { c: 3 }] },
    data => { data.a = '1' },
    data => { data.a = true },
    data => { data.g = 1 },
    data => { delete data[''] },
    data => { delete data.a; data.a = 1 },
    data => { for (const key of Object.keys(data)) delete data[key] }
  ]
  const found = changes.map(change => {
    const data = held()
    change(data)
    const gives = format.gives(data, state)
    assert.equal(gives, format.pack(data).equals(state), change.toString())
    return gives
  })
  assert.deepEqual(found, [true, true, true, true, ...Array(7).fill(false)])
  assert.ok(format.gives({}, format.pack({})))
  assert.ok(format.gives({ a: 1 }, Buffer.from('{"a":1}')))
})
