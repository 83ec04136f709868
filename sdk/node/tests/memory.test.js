// The records of one process: found, listed in order, forgotten in time.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')

const { MemoryStorage } = require('../src/memory')
const { blank } = require('../src/record')

const held = (expires, more = {}) => ({ ...blank(60, expires), version: 1, ...more })
const keep = (storage, id, record, now = 0) => storage.change(id, now, () => [record, null])

test('a record is gone when its time is over, and not before', () => {
  const storage = new MemoryStorage()
  keep(storage, 'a', held(10))
  assert.equal(storage.find('a', 9.9).version, 1)
  assert.equal(storage.find('a', 10), undefined)
  storage.change('a', 10, record => {
    assert.equal(record, undefined)
    return [undefined, null]
  })
})

test('what a rule throws changes nothing', () => {
  const storage = new MemoryStorage()
  keep(storage, 'a', held(10))
  assert.throws(() => storage.change('a', 0, () => { throw new Error('no') }))
  assert.equal(storage.find('a', 0).version, 1)
})

test('pages are in order of id, without what is but a fence or is over', () => {
  const storage = new MemoryStorage()
  for (const id of ['c', 'a', 'e', 'b', 'd']) keep(storage, id, held(id === 'b' ? 5 : 10))
  keep(storage, 'aa', held(10, { version: 0, fence: 7 }))
  keep(storage, 'ee', held(10, { version: 0, ended: true }))
  const names = (after, limit) => storage.page(after, limit, 6).map(([id]) => id)
  assert.deepEqual(names('', 3), ['a', 'c', 'd'])
  assert.deepEqual(names('d', 3), ['e', 'ee'])
  assert.deepEqual(names('ee', 3), [])
  assert.deepEqual(names('b', 1), ['c'])
})

test('both records of a renewal are kept', () => {
  const storage = new MemoryStorage()
  storage.renew('a', 'b', 0, () => [held(10, { ended: true }), held(10), null])
  assert.deepEqual([storage.find('a', 0).ended, storage.find('b', 0).ended], [true, false])
})

test('what is over is forgotten by and by, while others come, go on and are found', () => {
  const storage = new MemoryStorage()
  const name = at => String((at * 7919) % 10007).padStart(5, '0')
  for (let now = 0; now < 5000; now++) {
    keep(storage, name(now), held(now + 100), now)
    if (now >= 50) keep(storage, name(now - 50), held(now + 100), now)
    assert.ok(storage.size < 1000, 'it grows without end')
  }
  const listed = storage.page('', 10000, 4999).map(([id]) => id)
  const alive = Array.from({ length: 150 }, (_, at) => name(4999 - at)).filter(id => storage.find(id, 4999))
  assert.deepEqual(listed, alive.sort())
  assert.ok(alive.length > 100)
})
