// Passport's login and logout, which regenerate and save the session.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const express = require('express')
const { Passport } = require('passport')
const { Strategy } = require('passport-local')

const limpetSession = require('..')
const { KEY, serving } = require('./serving')

function members () {
  const passport = new Passport()
  passport.use(new Strategy((name, password, done) => done(null, password === 'right' && { name })))
  passport.serializeUser((user, done) => done(null, user.name))
  passport.deserializeUser((name, done) => done(null, { name }))
  const app = express()
  app.use(express.urlencoded())
  app.use(limpetSession({ keys: [KEY] }))
  app.use(passport.session())
  app.all('/login', (req, res, next) => {
    Object.assign(req.body ??= {}, req.query)
    next()
  }, passport.authenticate('local', { successRedirect: '/', failureRedirect: '/login', failureMessage: true }))
  app.all('/keep', (req, res, next) => req.login({ name: 'bob' }, { keepSessionInfo: true }, error => {
    error ? next(error) : res.send()
  }))
  app.all('/logout', (req, res, next) => req.logout(error => error ? next(error) : res.redirect('/')))
  app.all('/put', (req, res) => {
    req.session.cart = 'tea'
    res.send()
  })
  app.all('/', (req, res) => res.json([req.user?.name ?? null, req.session]))
  return app
}

test('a login goes on under a new id, a logout is the end', async t => {
  const at = await serving(t, members())
  await at.ask('/put')
  const login = await at.ask('/login?username=ann&password=right', { version: 2 })
  assert.deepEqual([login.status, login.headers.location, login.headers['limpet-version']], [302, '/', '3'])
  const session = login.headers['limpet-renew']
  assert.equal((await at.ask('/', { version: 2 })).headers['limpet-need'], 'id')
  const page = await at.ask('/', { session, version: 3 }, 'GET')
  assert.deepEqual(JSON.parse(page.text), ['ann', { passport: { user: 'ann' } }])
  assert.equal(page.headers['limpet-version'], '3')

  const logout = await at.ask('/logout', { session, version: 3 })
  assert.deepEqual([logout.status, logout.headers['limpet-end']], [302, '1'])
  assert.equal((await at.ask('/', { session, version: 3 })).headers['limpet-need'], 'id')
})

test('a login may keep what was in the session', async t => {
  const at = await serving(t, members())
  await at.ask('/put')
  const session = (await at.ask('/keep', { version: 2 })).headers['limpet-renew']
  assert.deepEqual(await at.held(session), [3, { cart: 'tea', passport: { user: 'bob' } }])
})

test('a failed login is but a write', async t => {
  const at = await serving(t, members())
  const failed = await at.ask('/login?username=ann&password=wrong')
  assert.deepEqual([failed.headers.location, failed.headers['limpet-renew']], ['/login', undefined])
})
