// An Express app with express-session's memory store: another process does not know its sessions.
'use strict'

const express = require('express')
const session = require('limpet-session')

const node = process.env.NODE || 'express'
const app = express()

app.get('/healthz', (request, response) => response.type('text').send('ok\n'))

app.use(express.urlencoded({ extended: false }))
app.use(session({ keys: [process.env.LIMPET_NODE_KEY] }))

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

app.listen(Number(process.env.PORT || 9001), '127.0.0.1', error => {
  if (error) throw error
})
