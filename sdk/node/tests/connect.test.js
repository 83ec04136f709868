// Without Express: Connect, and Node.js's own server.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const connect = require('connect')

const limpetSession = require('..')
const { KEY, serving } = require('./serving')

test('Connect', async t => {
  const app = connect()
  app.use(limpetSession({ keys: [KEY], maxState: 100 }))
  app.use('/write', (req, res) => {
    req.session.a = 1
    res.end('written')
  })
  app.use('/large', (req, res) => {
    req.session.a = 'x'.repeat(200)
    res.end('never sent')
  })
  const at = await serving(t, app)
  const reply = await at.ask('/write')
  assert.deepEqual([reply.status, reply.text, reply.headers['limpet-version']], [200, 'written', '2'])
  const failed = await at.ask('/large', { version: 2 })
  assert.deepEqual([failed.status, failed.headers['limpet-version']], [500, '2'])
  assert.deepEqual(await at.held(), [2, { a: 1 }])
})

test("Node.js's own server, and an endpoint elsewhere", async t => {
  const session = limpetSession({ keys: [KEY], path: '/somewhere/else/' })
  const at = await serving(t, (req, res) => session(req, res, () => {
    req.session.a = 1
    res.end()
  }))
  const reply = await at.ask('/')
  assert.deepEqual([reply.headers['limpet-version'], reply.headers['content-length']], ['2', '0'])
  const { text } = await at.send('GET', '/somewhere/else/?limit=5', { key: KEY })
  assert.equal(JSON.parse(text).version, 2)
  assert.equal((await at.send('GET', '/somewhere/else/', {})).status, 403)
  assert.equal((await at.ask('/somewhere/elsewhere')).headers['limpet-version'], '2')
})

test('a body that is too large is refused by the endpoint', async t => {
  const session = limpetSession({ keys: [KEY], maxState: 1000 })
  const at = await serving(t, (req, res) => session(req, res, () => res.end()))
  const most = 1 << 17
  for (const [size, status] of [[most, 200], [most + 1, 413]]) {
    assert.equal((await at.call('POST', '/', {}, Buffer.alloc(size, '\n'))).status, status)
  }
})

test('behind what reads bodies the endpoint says so', async t => {
  const app = connect()
  app.use((req, res, next) => req.resume().on('end', next))
  app.use(limpetSession({ keys: [KEY] }))
  const at = await serving(t, app)
  const reply = await at.call('POST', '/', {}, '\n')
  assert.equal(reply.status, 500)
  assert.match(reply.text, /must come before/)
})
