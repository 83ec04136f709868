// The same app on Express, and one node of it: `node express_app.js NAME PORT KEEPING URL`.
//
// KEEPING is who keeps the session: `limpet` (the SDK), `redis` (express-session with connect-redis, at URL) or
// `memory` (express-session). The packages are those of examples/backends/express-redis.
'use strict'

const { randomBytes } = require('node:crypto')
const { subscribe } = require('node:diagnostics_channel')
const { createRequire } = require('node:module')
const path = require('node:path')

const ROOT = path.join(__dirname, '../..')
const installed = createRequire(path.join(ROOT, 'examples/backends/express-redis/app.js'))
const express = installed('express')
const expressSession = installed('express-session')
const limpetSession = require(path.join(ROOT, 'sdk/node'))

const NODE_KEY = 'a-key-for-the-bench'
const [name, port, keeping, url] = process.argv.slice(2)
const mark = `<node ${name}>`.padEnd(16, '.')

// As in app.py: 2 KB as JSON, about.
function firstState () {
  const number = at => String(at).padStart(5, '0')
  return {
    user: { id: 4711, name: 'a user of the bench', language: 'en' },
    csrf: randomBytes(24).toString('hex'), // no two are alike
    cart: Array.from({ length: 20 }, (_, at) => ({
      sku: `LP-${number(at)}`, title: `Limpet, size ${at}`, price: 1990 + at, amount: 1
    })),
    seen: Array.from({ length: 10 }, (_, at) => `/products/${number(at)}/a-limpet-of-size-${at}`)
  }
}

// resave and saveUninitialized off, as its documentation advises: written where it has changed.
const own = store => expressSession({ store, secret: 'for the bench', resave: false, saveUninitialized: false })

async function sessions () {
  if (keeping === 'limpet') return limpetSession({ keys: [NODE_KEY] })
  if (keeping === 'memory') return own()
  const client = installed('redis').createClient({ url })
  await client.connect()
  // A read does not lengthen the session's time: one command less for each request.
  return own(new (installed('connect-redis').RedisStore)({ client, disableTouch: true }))
}

async function main () {
  let peerRequests = 0
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.get('/health', (req, res) => res.type('text').send('ok'))
  app.get('/peer-requests', (req, res) => res.type('text').send(String(peerRequests)))
  app.use(await sessions())
  const answer = (req, res) => res.type('text').send(`${mark}${req.session.count ?? 0}`)
  app.get('/read', answer)
  app.post('/write', (req, res) => {
    req.resume()
    if (!req.session.user) Object.assign(req.session, firstState())
    req.session.count = (req.session.count ?? 0) + 1
    answer(req, res)
  })
  subscribe('http.server.request.start', ({ request }) => {
    if (request.url.startsWith('/.limpet/')) peerRequests++
  })
  const server = app.listen(Number(port), '127.0.0.1', error => {
    if (error) throw error
  })
  server.keepAliveTimeout = 300_000 // the contenders take turns, and five seconds would end in the middle of one
}

main()
