// The middleware in a real Express: what an app may rely on, and what the proxy is told.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const compression = require('compression')
const express = require('express')

const limpetSession = require('..')
const { KEY, TAKEOVER, A, B, serving, warnings, until, gate } = require('./serving')

const { SessionClosed, SessionError, SessionTooLarge } = limpetSession

/** An Express app with a session; `errors`: what its error handler was given. */
function shop (options = {}) {
  const app = express()
  const errors = []
  const middleware = limpetSession({ keys: [KEY], maxState: 1000, fenceSeconds: 0.1, ...options })
  app.get('/early', (req, res) => res.send('before the session'))
  app.use(middleware)
  app.all('/show', (req, res) => res.json(req.session))
  app.all('/put', (req, res) => res.json(Object.assign(req.session, req.query)))
  app.all('/grow', (req, res) => {
    req.session.large = 'x'.repeat(2000)
    res.send('never sent')
  })
  return Object.assign(app, { counters: middleware.counters, errors, finish: () => app.use(caught(errors)) })
}

const caught = errors => (error, req, res, next) => {
  errors.push(error)
  res.status(500).send('sorry')
}

const ours = reply => Object.fromEntries(Object.entries(reply.headers).filter(([name]) => name.startsWith('limpet-')))
const packed = data => Buffer.from(JSON.stringify(data)).toString('base64')

test('a write makes a version and tells its state, a read tells what it has seen', async t => {
  const app = shop()
  const at = await serving(t, app)
  assert.deepEqual(ours(await at.ask('/show')), { 'limpet-version': '1' })
  const written = await at.ask('/put?tea=2', { version: 1 })
  assert.deepEqual(ours(written), { 'limpet-version': '2', 'limpet-state': packed({ tea: '2' }) })
  assert.deepEqual(ours(await at.ask('/show', { version: 2 })), { 'limpet-version': '2' })
  assert.deepEqual(ours(await at.ask('/show', { version: 1 })), ours(written))
})

test('what is written again as it was is not a write', async t => {
  const app = shop()
  const at = await serving(t, app)
  await at.ask('/put?a=1')
  assert.deepEqual(ours(await at.ask('/put?a=1', { version: 2 })), { 'limpet-version': '2' })
  const { saved, unchanged } = app.counters
  assert.deepEqual([saved, unchanged], [1, 1])
})

test('what comes before the session in the app answers with a version too, and 409 where it may not serve', async t => {
  const at = await serving(t, shop())
  assert.deepEqual(ours(await at.ask('/early')), { 'limpet-version': '1' })
  const refused = await at.ask('/early', { version: 5 })
  assert.equal(refused.status, 409)
  assert.deepEqual(ours(refused), { 'limpet-need': 'state', 'limpet-version': '1' })
  assert.deepEqual(ours(await at.ask('/early', { key: 'guessed' })), {})
})

test('in a router of its own it serves what is in there', async t => {
  const app = express()
  const router = express.Router()
  router.use(limpetSession({ keys: [KEY] }))
  router.get('/show', (req, res) => res.json(req.session))
  app.use(router)
  const at = await serving(t, app)
  assert.deepEqual(ours(await at.ask('/show', {}, 'GET')), { 'limpet-version': '1' })
})

test('the app sees no header of the contract, and the client none of the app\'s', async t => {
  const app = shop()
  app.all('/names', (req, res) => {
    res.set({ 'Limpet-End': '1', 'Limpet-Version': '99' })
    res.json([...Object.keys(req.headers), ...req.rawHeaders].filter(name => /limpet/i.test(name)))
  })
  app.all('/raw', (req, res) => res.writeHead(200, { 'Limpet-End': '1' }).end('[]'))
  app.all('/list', (req, res) => res.writeHead(200, 'Fine', ['Limpet-End', '1', 'X-A', '1', 'x-a', '2']).end('[]'))
  app.all('/cookies', (req, res) => {
    res.writeHead(200, [['Set-Cookie', ['a=1', 'b=2']], ['set-cookie', 'c=3'], ['Limpet-Need', 'id']]).end('[]')
  })
  const at = await serving(t, app)
  for (const path of ['/names', '/raw', '/list', '/cookies']) {
    const reply = await at.ask(path)
    assert.deepEqual([reply.text, ours(reply)], ['[]', { 'limpet-version': '1' }], path)
  }
  assert.equal((await at.ask('/list')).headers['x-a'], '1, 2')
  assert.deepEqual((await at.ask('/cookies')).headers['set-cookie'], ['a=1', 'b=2', 'c=3'])
  const request = at.open('POST', '/names', {}, { Limpet_Key: 'forged', 'Limpet-Other': 'forged' })
  request.end()
  assert.equal((await request.reply()).text, '[]')
})

test('all responses have the same functions in front of them: V8 makes dictionaries of those that differ', async t => {
  const app = shop()
  const fronts = []
  app.all('/fronts', (req, res) => {
    const found = Object.values(Object.getOwnPropertyDescriptors(res)).filter(({ get }) => get)
    fronts.push(found.flatMap(({ get, set }) => [get, set]))
    res.send()
  })
  const at = await serving(t, app)
  for (const version of [0, 1]) await at.ask('/fronts', { version })
  assert.ok(fronts[0].length >= 10)
  assert.deepEqual(fronts[0], fronts[1])
})

test('parallel requests keep each other\'s keys', async t => {
  const app = shop()
  const [entered, release] = [gate(), gate()]
  app.all('/slow', async (req, res) => {
    req.session.slow = 1
    delete req.session.gone
    entered.open()
    await release.opened
    res.send()
  })
  const at = await serving(t, app)
  await at.ask('/put?gone=1&stays=1')
  const slow = at.ask('/slow', { version: 2 })
  await entered.opened
  await at.ask('/put?quick=1', { version: 2 })
  release.open()
  assert.equal((await slow).headers['limpet-version'], '4')
  assert.deepEqual(await at.held(), [4, { stays: '1', quick: '1', slow: 1 }])
})

test('a state above the limit goes to the app\'s error handler, and nothing has changed', async t => {
  const app = shop()
  app.all('/later', async (req, res) => {
    await new Promise(setImmediate)
    req.session.large = 'x'.repeat(2000)
    res.json({ never: 'sent' })
  })
  app.all('/streamed', (req, res) => {
    req.session.large = 'x'.repeat(2000)
    res.write('never sent')
  })
  app.finish()
  const at = await serving(t, app)
  await at.ask('/put?a=1')
  for (const path of ['/grow', '/later', '/streamed']) {
    const reply = await at.ask(path, { version: 2 })
    assert.deepEqual([reply.status, reply.text, ours(reply)], [500, 'sorry', { 'limpet-version': '2' }], path)
    assert.ok(app.errors.pop() instanceof SessionTooLarge)
  }
  assert.deepEqual(await at.held(), [2, { a: '1' }])
})

test('the same where something else has begun to write, such as a compression', async t => {
  const app = express()
  app.use(limpetSession({ keys: [KEY], maxState: 1000 }))
  app.use(compression({ threshold: 0 }))
  app.all('/grow', (req, res) => {
    req.session.large = 'x'.repeat(2000)
    res.type('text').send('y'.repeat(5000))
  })
  app.use(caught([]))
  const at = await serving(t, app)
  const request = at.open('GET', '/grow', at.fields(), { 'Accept-Encoding': 'gzip' })
  request.end()
  const reply = await request.reply()
  assert.deepEqual([reply.status, ours(reply)], [500, { 'limpet-version': '1' }])
  assert.equal((await at.ask('/grow', { version: 1 })).text, 'sorry')
})

test('what no format can hold is an error of the app, and nothing has changed', async t => {
  const app = shop()
  app.all('/odd', (req, res) => {
    req.session.odd = 1n
    res.send()
  })
  app.finish()
  const at = await serving(t, app)
  assert.deepEqual(ours(await at.ask('/odd')), { 'limpet-version': '1' })
  assert.match(app.errors[0].message, /BigInt/)
})

test('without an error handler Express answers 500, with the version', async t => {
  const app = shop()
  app.set('env', 'test')
  app.all('/throw', (req, res) => {
    req.session.kept = 1
    throw new Error('on purpose')
  })
  const at = await serving(t, app)
  const reply = await at.ask('/throw')
  // As express-session: what was written before an error is saved.
  assert.deepEqual([reply.status, reply.headers['limpet-version']], [500, '2'])
  assert.equal((await at.ask('/grow', { version: 2 })).headers['limpet-version'], '2')
})

test('a write after the head throws where it is made, and changes nothing', async t => {
  const app = shop()
  const seen = []
  app.all('/late', (req, res) => {
    const { session } = req
    session.before = 1
    res.send('sent')
    for (const write of [
      () => { session.after = 1 },
      () => { delete session.before },
      () => Object.defineProperty(session, 'after', { value: 1 }),
      () => session.save(),
      () => session.destroy(),
      () => session.regenerate()
    ]) {
      try {
        write()
        seen.push(null)
      } catch (error) {
        seen.push(error)
      }
    }
    session.save(error => seen.push(error))
  })
  const at = await serving(t, app)
  await at.ask('/late')
  await until(() => seen.length === 7, 'the callback is told')
  assert.ok(seen.every(error => error instanceof SessionClosed))
  assert.deepEqual(await at.held(), [2, { before: 1 }])
})

test('a write inside a value after the head is told of', async t => {
  const said = warnings(t)
  const app = shop()
  app.all('/inside', (req, res) => {
    req.session.cart = ['tea']
    res.send('sent')
    req.session.cart.push(req.query.odd ? 1n : 'rum')
  })
  const at = await serving(t, app)
  await at.ask('/inside')
  await until(() => said.length, 'there is a warning')
  assert.match(said[0], /after the response head/)
  assert.deepEqual(await at.held(), [2, { cart: ['tea'] }])
  await at.ask('/inside?odd=1', { version: 2 })
  await until(() => said.length === 2, 'there is another')
})

test('a streamed answer has its session saved with its first byte', async t => {
  const app = shop()
  const release = gate()
  app.all('/stream', async (req, res) => {
    req.session.before = 1
    res.write('first,')
    await release.opened
    assert.throws(() => { req.session.after = 1 }, SessionClosed)
    res.end('last')
  })
  const at = await serving(t, app)
  const answer = at.ask('/stream')
  await until(async () => (await at.held())[0] === 2, 'it is saved')
  // It has sent its head, so a fence does not wait for it.
  assert.equal((await at.call('POST', `/${A}/fence`, { fence: TAKEOVER })).status, 200)
  release.open()
  const reply = await answer
  assert.deepEqual([reply.text, reply.headers['limpet-version']], ['first,last', '2'])
})

test('redirects, 304, 204, HEAD, explicit heads and compressed answers', async t => {
  const app = express()
  app.use(limpetSession({ keys: [KEY] }))
  app.use(compression({ threshold: 0 }))
  app.use((req, res, next) => {
    req.session.visits = (req.session.visits || 0) + 1
    next()
  })
  app.all('/redirect', (req, res) => res.redirect(303, '/elsewhere'))
  app.all('/same', (req, res) => res.status(304).end())
  app.all('/nothing', (req, res) => res.sendStatus(204))
  app.all('/explicit', (req, res) => res.writeHead(201, 'Made', { 'X-A': 'b' }).end('made'))
  app.all('/text', (req, res) => res.type('text').send('x'.repeat(500)))
  const at = await serving(t, app)
  let version = 0
  for (const [path, method, status, text] of [
    ['/redirect', 'POST', 303, 'See Other. Redirecting to /elsewhere'],
    ['/same', 'GET', 304, ''],
    ['/nothing', 'POST', 204, ''],
    ['/explicit', 'POST', 201, 'made'],
    ['/text', 'HEAD', 200, ''],
    ['/text', 'GET', 200, 'x'.repeat(500)]
  ]) {
    const reply = await at.ask(path, { version }, method)
    version = Math.max(version, 1) + 1
    assert.deepEqual([reply.status, reply.text], [status, text], path)
    assert.deepEqual(ours(reply), { 'limpet-version': String(version), 'limpet-state': packed({ visits: version - 1 }) })
  }
  const request = at.open('GET', '/text', at.fields({ version }), { 'Accept-Encoding': 'gzip' })
  request.end()
  const { headers } = await request.reply()
  assert.deepEqual([headers['content-encoding'], headers['limpet-version']], ['gzip', String(version + 1)])
})

test('regenerate begins anew under a new id, and the old one is dead', async t => {
  const app = shop()
  app.all('/login', (req, res, next) => {
    const { cart } = req.session
    const old = req.sessionID
    req.session.regenerate(error => {
      if (error) return next(error)
      assert.deepEqual(Object.keys(req.session), [])
      assert.notEqual(req.sessionID, old)
      assert.equal(req.session.id, req.sessionID)
      req.session.user = 'ann'
      req.session.cart = cart
      req.session.save(error => error ? next(error) : res.redirect('/'))
    })
  })
  const at = await serving(t, app)
  await at.ask('/put?cart=1&flash=2')
  const reply = await at.ask('/login', { version: 2 })
  const id = reply.headers['limpet-renew']
  assert.deepEqual(ours(reply), {
    'limpet-version': '3', 'limpet-state': packed({ user: 'ann', cart: '1' }), 'limpet-renew': id
  })
  assert.deepEqual(await at.held(id), [3, { user: 'ann', cart: '1' }])
  const dead = await at.ask('/show', { version: 2 })
  assert.deepEqual([dead.status, dead.headers['limpet-need']], [409, 'id'])
})

test('destroy is the end, and so is regenerate with nothing put in after it', async t => {
  const app = shop()
  app.all('/destroy', (req, res) => req.session.destroy(() => {
    assert.equal(req.session, undefined)
    res.send('bye')
  }))
  app.all('/anew', (req, res) => req.session.regenerate(() => res.send('bye')))
  const at = await serving(t, app)
  for (const [path, session] of [['/destroy', A], ['/anew', B]]) {
    await at.ask('/put?a=1', { session })
    assert.deepEqual(ours(await at.ask(path, { session, version: 2 })), { 'limpet-version': '2', 'limpet-end': '1' })
    assert.equal((await at.call('GET', `/${session}`)).status, 410)
  }
})

test('an explicit save is seen by others at once, and reload sees theirs', async t => {
  const app = shop()
  const [saved, release] = [gate(), gate()]
  app.all('/long', (req, res) => {
    req.session.step = 1
    req.session.save(async error => {
      assert.equal(error, undefined)
      saved.open()
      await release.opened
      const before = req.session
      req.session.reload(error => {
        assert.equal(error, undefined)
        assert.notEqual(req.session, before)
        req.session.step = 2
        res.json(req.session)
      })
    })
  })
  const at = await serving(t, app)
  const long = at.ask('/long')
  await saved.opened
  assert.deepEqual(JSON.parse((await at.ask('/put?other=1', { version: 1 })).text), { step: 1, other: '1' })
  release.open()
  const reply = await long
  assert.deepEqual(JSON.parse(reply.text), { step: 2, other: '1' })
  assert.equal(reply.headers['limpet-version'], '4')
  assert.deepEqual(await at.held(), [4, { step: 2, other: '1' }])
})

test('what is over can be neither saved nor reloaded', async t => {
  const app = shop()
  const seen = []
  for (const verb of ['destroy', 'regenerate']) {
    app.all(`/${verb}`, async (req, res) => {
      const { session } = req
      const told = what => new Promise(resolve => session[what](error => resolve(seen.push([verb, what, error?.code]))))
      await told(verb)
      await told('reload')
      await told('save')
      res.send()
    })
  }
  const at = await serving(t, app)
  await at.ask('/destroy')
  await at.ask('/regenerate', { session: B })
  const gone = 'LIMPET_SESSION_GONE'
  assert.deepEqual(seen, [
    ['destroy', 'destroy', undefined], ['destroy', 'reload', gone], ['destroy', 'save', gone],
    ['regenerate', 'regenerate', undefined], ['regenerate', 'reload', gone], ['regenerate', 'save', undefined]
  ])
})

test('after an explicit save the rest is put over what others have written', async t => {
  const app = shop()
  const [saved, release] = [gate(), gate()]
  app.all('/long', (req, res) => {
    req.session.mine = 1
    req.session.save(async () => {
      saved.open()
      await release.opened
      req.session.more = 2
      res.send()
    })
  })
  const at = await serving(t, app)
  const long = at.ask('/long')
  await saved.opened
  await at.ask('/put?mine=theirs&other=1', { version: 1 })
  release.open()
  await long
  assert.deepEqual(await at.held(), [4, { mine: 'theirs', other: '1', more: 2 }])
})

test('save tells its callback what is wrong, and throws where there is none', async t => {
  const app = shop()
  const seen = []
  app.all('/large', (req, res) => {
    req.session.large = 'x'.repeat(2000)
    assert.throws(() => req.session.save(), SessionTooLarge)
    req.session.save(error => {
      seen.push(error)
      delete req.session.large
      res.send()
    })
  })
  const at = await serving(t, app)
  assert.equal((await at.ask('/large')).status, 200)
  assert.ok(seen[0] instanceof SessionTooLarge)
})

test('a save is discarded, counted and answered 503 when the session has gone', async t => {
  const said = warnings(t)
  const app = shop()
  const [entered, release] = [gate(), gate()]
  const seen = []
  app.all('/slow', async (req, res) => {
    entered.open()
    await release.opened
    req.session.late = 1
    req.session.save(error => {
      seen.push(error)
      res.status(409).send('all is well')
    })
  })
  const at = await serving(t, app)
  const slow = at.ask('/slow')
  await entered.opened
  await at.call('POST', `/${A}/fence`, { fence: TAKEOVER })
  release.open()
  const reply = await slow
  assert.equal(reply.status, 503)
  assert.deepEqual(ours(reply), { 'limpet-version': '1', 'limpet-need': 'state' })
  assert.equal(seen[0].code, 'LIMPET_SESSION_GONE')
  assert.equal(app.counters.discarded, 1)
  assert.match(said[0], /discarded/)
  assert.doesNotMatch(said[0], new RegExp(A))
})

test('a fence waits for the heads of running requests, lets nobody else in, and not for ever', async t => {
  const app = shop({ fenceSeconds: 5 })
  const [entered, release] = [gate(), gate()]
  app.all('/slow', async (req, res) => {
    req.session.slow = 1
    entered.open()
    await release.opened
    res.send()
  })
  const at = await serving(t, app)
  const slow = at.ask('/slow')
  await entered.opened
  const fence = at.call('POST', `/${A}/fence`, { fence: TAKEOVER })
  await until(async () => (await at.ask('/show')).status === 409, 'nobody else gets in')
  assert.equal((await at.ask('/show', { session: B })).status, 200)
  release.open()
  assert.equal((await slow).headers['limpet-version'], '2')
  const fenced = await fence
  assert.deepEqual([fenced.status, JSON.parse(fenced.text)], [200, { slow: 1 }])
})

test('a request whose client has gone holds up no fence', async t => {
  const app = shop({ fenceSeconds: 100 })
  const entered = gate()
  app.all('/never', () => entered.open())
  const at = await serving(t, app)
  const request = at.open('POST', '/never', at.fields())
  request.on('error', () => {})
  request.end()
  await entered.opened
  request.destroy()
  assert.equal((await at.call('POST', `/${A}/fence`, { fence: TAKEOVER })).status, 200)
})

test('without the proxy there is a session that nobody keeps, and that is said once', async t => {
  const said = warnings(t)
  const at = await serving(t, shop())
  for (const path of ['/put?a=1', '/put?a=2']) {
    const reply = await at.send('POST', path, {})
    assert.deepEqual([reply.text, ours(reply)], [JSON.stringify({ a: path.slice(-1) }), {}])
  }
  assert.equal(said.length, 1)
  assert.match(said[0], /not kept/)
})

test('a malformed header is answered 400 before the app runs', async t => {
  const at = await serving(t, shop())
  for (const fields of [{ version: 'x' }, { session: 'short' }, { ttl: 0 }, { takeover: -1 }, { state: '!' }]) {
    const reply = await at.ask('/put?a=1', fields)
    assert.deepEqual([reply.status, ours(reply)], [400, { 'limpet-version': '0' }])
  }
  assert.equal((await at.call('GET', `/${A}`)).status, 404)
})

test('a state that cannot be read is answered 500 with a version, and leaves nobody counted in', async t => {
  const said = warnings(t)
  const at = await serving(t, shop({ fenceSeconds: 100 }))
  await at.call('PUT', `/${A}`, { version: 3, ttl: 60 }, '[]')
  const reply = await at.ask('/show', { version: 3, takeover: TAKEOVER })
  assert.deepEqual([reply.status, ours(reply)], [500, { 'limpet-version': '0' }])
  assert.match(said[0], /must be an object/)
  assert.equal((await at.call('POST', `/${A}/fence`, { fence: 2 * TAKEOVER })).status, 200)
})

test('a takeover hands its state to the app, and says where it is stale', async t => {
  const app = shop()
  app.all('/stale', (req, res) => res.json([req.sessionStale, req.session]))
  const at = await serving(t, app)
  const reply = await at.ask('/stale', { version: 3, takeover: TAKEOVER, state: packed({ a: 1 }), stale: 9 })
  assert.deepEqual(JSON.parse(reply.text), [9, { a: 1 }])
})

test('the session is express-session\'s: its cookie tells, and refuses to be set; its methods are no keys', async t => {
  const app = shop()
  app.all('/api', (req, res) => {
    const { session } = req
    assert.equal(session.touch(), session)
    assert.equal(session.cookie.maxAge, null)
    assert.throws(() => { session.cookie.maxAge = 1000 }, /set by the proxy/)
    assert.throws(() => { session.save = 1 }, SessionError)
    assert.ok(session instanceof limpetSession.Session)
    session['__proto__'] = { admin: true } // eslint-disable-line no-proto
    assert.equal(session.admin, undefined)
    delete session['__proto__'] // eslint-disable-line no-proto
    res.json({ ...session })
  })
  app.finish()
  const at = await serving(t, app)
  const reply = await at.ask('/api')
  assert.deepEqual([app.errors, reply.text, ours(reply)], [[], '{}', { 'limpet-version': '1' }])
})

test('req.session may be taken away, which saves nothing, but not be replaced', async t => {
  const app = shop()
  app.all('/null', (req, res) => {
    req.session.a = 1
    req.session = null
    res.send()
  })
  app.all('/other', (req, res) => {
    req.session = { a: 1 }
    res.send()
  })
  app.finish()
  const at = await serving(t, app)
  assert.deepEqual(ours(await at.ask('/null')), { 'limpet-version': '1' })
  assert.equal((await at.ask('/other', { version: 1 })).status, 500)
  assert.match(app.errors[0].message, /must not be replaced/)
})

test('another format may be used', async t => {
  const app = shop({ serializer: require('node:v8') })
  app.all('/map', (req, res) => {
    const { map = new Map() } = req.session
    req.session.map = map.set(map.size, new Date(0))
    res.json([...map.keys()])
  })
  const at = await serving(t, app)
  await at.ask('/map')
  assert.equal((await at.ask('/map', { version: 2 })).text, '[0,1]')
  assert.equal((await at.ask('/show', { version: 3 })).headers['limpet-version'], '3')
})

for (const [options, what] of [
  [{}, /list of keys/],
  [{ keys: 'one' }, /list of keys/],
  [{ keys: [] }, /at least one/],
  [{ keys: ['with space'] }, /visible ASCII/],
  [{ keys: [KEY], maxState: 0 }, /at least 1 byte/],
  [{ keys: [KEY], secret: 'x' }, /`secret` is not an option/],
  [{ keys: [KEY], serializer: {} }, /must have `serialize`/]
]) {
  test(`options that cannot be: ${JSON.stringify(options)}`, () => {
    assert.throws(() => limpetSession(options), what)
  })
}
