// Several processes as one node: workers of node:cluster, whose primary keeps the sessions.
'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const readline = require('node:readline')
const { after, before, test } = require('node:test')

const { At, TAKEOVER, B, until } = require('./serving')

/** `end`: what calls back when it may be ended. */
async function clustered (end, env = {}, ...more) {
  const script = path.join(__dirname, 'clustered.js')
  const child = spawn(process.execPath, [script, ...more], {
    env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe']
  })
  child.said = []
  child.complaints = ''
  child.stderr.on('data', data => { child.complaints += data })
  readline.createInterface(child.stdout).on('line', line => child.said.push(line))
  end(async () => {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  return child
}

let shared, port, stop // one cluster for all, and each test has a session of its own

before(async () => {
  shared = await clustered(end => { stop = end })
  await until(() => shared.said.length, 'all workers listen')
  port = Number(shared.said.shift())
})
after(() => stop())

test('workers share their sessions, and none loses what another wrote', async () => {
  const at = new At(port, 'd'.repeat(21) + 'A')
  const keys = Array.from({ length: 24 }, (_, number) => `k${number}`)
  await at.ask('/put?first=1')
  const replies = await Promise.all(keys.map(key => at.ask(`/add?key=${key}`, { version: 2 })))
  assert.ok(replies.every(({ status, text }) => status === 200 && text === 'in two parts'))
  const [version, session] = await at.held()
  assert.equal(version, 2 + keys.length)
  assert.deepEqual(Object.keys(session).sort(), ['first', ...keys].sort())
  assert.ok(new Set(keys.map(key => session[key])).size > 1, 'only one worker has worked')
  const versions = replies.map(({ headers }) => Number(headers['limpet-version']))
  assert.equal(new Set(versions).size, keys.length)
})

test('login, logout and errors are those of one process', async () => {
  const at = new At(port, 'e'.repeat(21) + 'A')
  await at.ask('/put?cart=1')
  const login = await at.ask('/login', { version: 2 })
  const session = login.headers['limpet-renew']
  assert.deepEqual(await at.held(session), [3, { user: 'ann' }])
  assert.equal((await at.ask('/show', { version: 2 })).headers['limpet-need'], 'id')
  const grown = await at.ask('/grow', { session, version: 3 })
  assert.deepEqual([grown.status, grown.headers['limpet-version']], [500, '3'])
  assert.equal((await at.ask('/logout', { session, version: 3 })).headers['limpet-end'], '1')
  for (let times = 0; times < 6; times++) {
    assert.equal((await at.ask('/show', { session, version: 3 })).headers['limpet-need'], 'id')
  }
})

test('what is too large only together with what others wrote is answered 500, and nothing has changed', async () => {
  const at = new At(port, 'f'.repeat(21) + 'A')
  const [one, other] = await Promise.all(['one', 'other'].map(key => at.ask(`/half?key=${key}`)))
  assert.deepEqual([one.status, other.status].sort(), [200, 500])
  const failed = one.status === 500 ? one : other
  assert.deepEqual([failed.text, failed.headers['limpet-version']], ['Internal Server Error\n', '1'])
  const [version, session] = await at.held()
  assert.deepEqual([version, Object.keys(session).length], [2, 1])
})

test('a fence waits for requests in all workers', async () => {
  const at = new At(port, 'g'.repeat(21) + 'A')
  const slow = [at.ask('/slow'), at.ask('/slow')]
  await until(async () => (await at.call('GET', `/${at.session}`)).status === 200, 'they are let in')
  const fenced = await at.call('POST', `/${at.session}/fence`, { fence: TAKEOVER })
  assert.deepEqual(JSON.parse(fenced.text), { slow: 1 })
  assert.deepEqual((await Promise.all(slow)).map(({ status }) => status), [200, 200])
})

test('a worker that is killed loses no sessions, and holds up no fence', async () => {
  const at = new At(port, 'h'.repeat(21) + 'A')
  await at.ask('/put?kept=1', { session: B })
  const never = at.open('POST', '/never', at.fields())
  never.on('error', () => {})
  never.end()
  await until(() => shared.said.length, 'the request is under way')
  const fence = at.call('POST', `/${at.session}/fence`, { fence: TAKEOVER })
  const pid = Number(shared.said.shift().split(' ')[1])
  process.kill(pid, 'SIGKILL')
  // It may be the worker that has passed on the fence: that answer has died with it.
  const fenced = await fence.catch(() => at.call('POST', `/${at.session}/fence`, { fence: 2 * TAKEOVER }))
  assert.equal(fenced.status, 200)
  assert.deepEqual(await at.held(B), [2, { kept: '1' }])
})

test('a worker whose primary keeps no sessions says so and ends', async t => {
  const child = await clustered(end => t.after(end), {}, 'alone')
  const [code] = await once(child, 'exit')
  assert.equal(code, 3)
  assert.match(child.complaints, /its primary keeps no sessions/)
})

test("pm2's cluster mode is refused", async t => {
  const child = await clustered(end => t.after(end), { pm_id: '0' }, 'alone')
  await once(child, 'exit')
  assert.match(child.complaints, /exec_mode: fork/)
})
