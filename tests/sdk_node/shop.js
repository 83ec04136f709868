// An Express app for `limpet contract`. It says its port on its first line.
'use strict'

const express = require('../../sdk/node/node_modules/express')
const limpetSession = require('../../sdk/node')

const app = express()
app.use(limpetSession({ keys: ['another-secret', 'a-shared-secret'] }))
app.get('/', (req, res) => res.json(req.session))
app.get('/add', (req, res) => {
  req.session.count = (req.session.count || 0) + 1
  res.json(req.session)
})
app.get('/large', (req, res) => {
  req.session.pad = 'x'.repeat(6000)
  res.send()
})
app.post('/end', (req, res, next) => req.session.destroy(error => error ? next(error) : res.send()))
app.post('/renew', (req, res, next) => req.session.regenerate(error => {
  if (error) return next(error)
  req.session.user = 'ann'
  res.redirect('/')
}))
app.get('/later', (req, res) => setTimeout(() => {
  req.session.later = 1
  res.send()
}, 700))
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
