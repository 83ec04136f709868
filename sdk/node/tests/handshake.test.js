// Upgrades: the session in a WebSocket server, as ws and express-session are used together.
'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const { test } = require('node:test')
const express = require('express')
const { Server } = require('socket.io')
const { WebSocket, WebSocketServer } = require('ws')

const limpetSession = require('..')
const { KEY, TAKEOVER, A, serving } = require('./serving')

async function talking (t, seen = []) {
  const app = express()
  const session = limpetSession({ keys: [KEY], maxState: 100 })
  app.use(session)
  const at = await serving(t, app)
  const sockets = new WebSocketServer({ noServer: true })
  at.server.on('upgrade', (req, socket, head) => session(req, {}, () => {
    req.session.talked = new URL(req.url, 'http://any').searchParams.get('say')
    sockets.handleUpgrade(req, socket, head, client => {
      seen.push(req.session)
      client.on('message', said => client.send(`${said} ${req.session.talked}`))
    })
  }))
  return at
}

function connectTo (at, path, fields = {}) {
  const told = { key: KEY, session: A, version: 0, ttl: 60, ...fields }
  const headers = Object.fromEntries(Object.entries(told).map(([name, value]) => [`Limpet-${name}`, String(value)]))
  const client = new WebSocket(`ws://127.0.0.1:${at.port}${path}`, { headers })
  client.on('error', () => {})
  return client
}

test('the 101 tells what the session has become, and it is closed then', async t => {
  const seen = []
  const at = await talking(t, seen)
  const client = connectTo(at, '/?say=hello')
  const opened = once(client, 'open')
  const [{ statusCode, headers }] = await once(client, 'upgrade')
  assert.deepEqual([statusCode, headers['limpet-version']], [101, '2'])
  assert.equal(Buffer.from(headers['limpet-state'], 'base64').toString(), '{"talked":"hello"}')
  await opened
  client.send('they say')
  const [said] = await once(client, 'message')
  assert.equal(said.toString(), 'they say hello')
  assert.throws(() => { seen[0].more = 1 }, limpetSession.SessionClosed)
  client.close()
  await once(client, 'close')
  assert.deepEqual(await at.held(), [2, { talked: 'hello' }])
})

for (const [what, path, fields, status, headers] of [
  ['one that may not be served here', '/', { version: 7 }, 409, { 'limpet-need': 'state', 'limpet-version': '0' }],
  ['a malformed one', '/', { ttl: 0 }, 400, { 'limpet-version': '0' }],
  ['one with too large a state', `/?say=${'x'.repeat(200)}`, {}, 500, { 'limpet-version': '1' }]
]) {
  test(`${what} is answered ${status} and never becomes a WebSocket`, async t => {
    const seen = []
    const at = await talking(t, seen)
    const client = connectTo(at, path, fields)
    const [, response] = await once(client, 'unexpected-response')
    assert.equal(response.statusCode, status)
    for (const [name, value] of Object.entries(headers)) assert.equal(response.headers[name], value)
    assert.equal((await at.call('POST', `/${A}/fence`, { fence: TAKEOVER })).status, status === 500 ? 200 : 404)
  })
}

test('a connection that breaks when it is refused is no error of the process', async t => {
  const at = await talking(t)
  let broken
  at.server.on('connection', socket => { broken = socket })
  const [, response] = await once(connectTo(at, '/', { version: 7 }), 'unexpected-response')
  assert.equal(response.statusCode, 409)
  assert.ok(broken.emit('error', new Error('ECONNRESET')))
})

test('a write that was discarded meanwhile is answered 503', async t => {
  const app = express()
  const session = limpetSession({ keys: [KEY], fenceSeconds: 0 })
  app.use(session)
  const at = await serving(t, app)
  const sockets = new WebSocketServer({ noServer: true })
  at.server.on('upgrade', (req, socket, head) => session(req, {}, async () => {
    req.session.late = 1
    await at.call('POST', `/${A}/fence`, { fence: TAKEOVER })
    sockets.handleUpgrade(req, socket, head, () => {})
  }))
  const [, response] = await once(connectTo(at, '/'), 'unexpected-response')
  assert.deepEqual([response.statusCode, response.headers['limpet-need']], [503, 'state'])
})

test('WebSockets that go around the middleware tell a version too, or are refused', async t => {
  const app = express()
  app.use(limpetSession({ keys: [KEY] }))
  const at = await serving(t, app)
  const sockets = new WebSocketServer({ server: at.server })
  const talked = []
  sockets.on('connection', client => talked.push(client))
  await at.ask('/') // from here on the middleware knows its server
  const [{ headers }] = await once(connectTo(at, '/', { version: 1 }), 'upgrade')
  assert.equal(headers['limpet-version'], '1')
  const [, refused] = await once(connectTo(at, '/', { version: 7 }), 'unexpected-response')
  assert.deepEqual([refused.statusCode, refused.headers['limpet-need']], [409, 'state'])
  const stranger = new WebSocket(`ws://127.0.0.1:${at.port}/`)
  const [{ headers: unmarked }] = await once(stranger, 'upgrade')
  assert.equal(unmarked['limpet-version'], undefined)
  assert.equal(talked.length, 2)
})

test('socket.io takes requests before Express sees them, by polling and by WebSocket, with the session and without', async t => {
  const app = express()
  const session = limpetSession({ keys: [KEY] })
  app.use(session)
  const at = await serving(t, app)
  await at.ask('/')
  const path = '/socket.io/?EIO=4&transport='
  const before = new Server(at.server)
  const polled = await at.ask(`${path}polling`, { version: 1 }, 'GET')
  assert.deepEqual([polled.status, polled.headers['limpet-version']], [200, '1'])

  before.engine.use((req, res, next) => session(req, res, () => {
    req.session.polls = (req.session.polls || 0) + 1
    next()
  }))
  const first = await at.ask(`${path}polling`, { version: 1 }, 'GET')
  assert.deepEqual([first.status, first.headers['limpet-version']], [200, '2'])
  const client = connectTo(at, `${path}websocket`, { version: 2 })
  const [{ headers }] = await once(client, 'upgrade')
  assert.equal(headers['limpet-version'], '3')
  assert.deepEqual(await at.held(), [3, { polls: 2 }])
  await before.close()
})
