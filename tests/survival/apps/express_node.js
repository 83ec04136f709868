// The node of these runs on Express and the Node.js SDK: `express_node.js PORT`.
'use strict'

const { setTimeout: pause } = require('node:timers/promises')

const express = require('../../../sdk/node/node_modules/express')
const limpetSession = require('../../../sdk/node')

const NODE_KEY = 'a-key-that-all-these-nodes-know' // as in tests/survival/app.py
const PADDING = 'pad'

const app = express()
app.get('/healthz', (req, res) => res.send('fine'))
app.use(limpetSession({ keys: [NODE_KEY] }))

// What is asked as in tests/survival/app.py.
app.all('/visit', async (req, res) => {
  const asked = req.query
  await pause(1000 * (asked.before ?? 0))
  if ('add' in asked) req.session.count = (req.session.count ?? 0) + 1
  if ('key' in asked) req.session[asked.key] = 1
  if ('pad' in asked) req.session[PADDING] ??= 'x'.repeat(asked.pad)
  if ('add' in asked || 'key' in asked) req.session.owner ??= asked.owner
  if ('login' in asked) {
    const kept = { ...req.session }
    await new Promise((resolve, reject) => req.session.regenerate(error => error ? reject(error) : resolve()))
    Object.assign(req.session, kept)
  }
  const { [PADDING]: _, ...seen } = req.session
  if ('logout' in asked) req.session.destroy()
  await pause(1000 * (asked.after ?? 0))
  res.json({ seen: 'logout' in asked ? {} : seen, stale: req.sessionStale })
})

app.listen(Number(process.argv[2]), '127.0.0.1', 2048, error => {
  if (error) throw error
})
