// An app on three workers of node:cluster, which says its port. `alone`: its primary keeps no sessions.
'use strict'

const cluster = require('node:cluster')
const express = require('express')

const limpetSession = require('..')
const { KEY } = require('./serving')

const WORKERS = 3

function work (session) {
  const app = express()
  app.use(session)
  app.all('/show', (req, res) => res.json(req.session))
  app.all('/put', (req, res) => res.json(Object.assign(req.session, req.query)))
  app.all('/add', (req, res) => {
    req.session[req.query.key] = process.pid
    res.write('in two ')
    res.end('parts')
  })
  app.all('/never', (req, res) => process.send({ entered: process.pid }))
  app.all('/slow', (req, res) => setTimeout(() => {
    req.session.slow = 1
    res.send()
  }, 300))
  app.all('/login', (req, res) => req.session.regenerate(() => {
    req.session.user = 'ann'
    req.session.save(error => res.status(error ? 500 : 200).send())
  }))
  app.all('/logout', (req, res) => req.session.destroy(() => res.send()))
  app.all('/grow', (req, res) => {
    req.session.large = 'x'.repeat(2000)
    res.send('never sent')
  })
  app.all('/half', (req, res) => {
    req.session[req.query.key] = 'x'.repeat(600)
    setTimeout(() => res.send('never sent'), 200)
  })
  const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
}

const options = { keys: [KEY], maxState: 1000, fenceSeconds: 30 }
if (cluster.isWorker) {
  work(limpetSession(options))
} else {
  if (process.argv[2] !== 'alone') limpetSession(options)
  let listening = 0
  cluster.on('message', (_, { port, entered }) => {
    if (entered) console.log(`entered ${entered}`)
    if (port && ++listening === WORKERS) console.log(port)
  })
  cluster.on('exit', () => process.argv[2] === 'alone' && process.exit(3))
  for (let number = 0; number < WORKERS; number++) cluster.fork()
  process.stdin.resume().on('end', () => process.exit()) // the test has gone
}
