// An Express app with express-session and connect-redis: its sessions are in Redis, where every process finds them.
'use strict'

const express = require('express')
const session = require('express-session')
const { RedisStore } = require('connect-redis')
const { createClient } = require('redis')

const node = process.env.NODE || 'express'
const app = express()
const client = createClient({ url: process.env.REDIS_URL || 'redis://127.0.0.1:6379' })
client.on('error', error => console.error(error.message))

app.get('/healthz', (request, response) => response.type('text').send('ok\n'))

app.use(express.urlencoded({ extended: false }))
app.use(session({
  store: new RedisStore({ client }),
  secret: 'only for trying it out',
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: 'lax' }
}))

const escapeHtml = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`)

app.get('/', (request, response) => {
  request.session.count = (request.session.count || 0) + 1
  const user = escapeHtml(request.session.user || 'stranger')
  response.send(`<!doctype html><h1>Node ${node}</h1><p>Hello, ${user}: visit ${request.session.count}.
    <form method="post" action="/login"><input name="user" placeholder="your name"><button>Log in</button></form>
    <form method="post" action="/logout"><button>Log out</button></form>`)
})

app.get('/session', (request, response) => {
  response.json({ node, count: request.session.count || 0, user: request.session.user || null })
})

app.post('/login', (request, response, next) => {
  const { count } = request.session
  request.session.regenerate(error => {
    if (error) return next(error)
    request.session.count = count
    request.session.user = String(request.body.user || 'somebody').slice(0, 40)
    response.redirect(303, '/')
  })
})

app.post('/logout', (request, response, next) => {
  request.session.destroy(error => {
    if (error) return next(error)
    response.clearCookie('connect.sid')
    response.redirect(303, '/session')
  })
})

client.connect().then(() => app.listen(Number(process.env.PORT || 9001), '127.0.0.1', error => {
  if (error) throw error
}))
