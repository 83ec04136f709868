// The package as it is installed: what is in it, its types, and both ways to load it.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { test } = require('node:test')
const { promisify } = require('node:util')

const run = promisify(execFile)
const root = path.join(__dirname, '..')

test('an app in TypeScript compiles, and its mistakes do not', async () => {
  const { stdout } = await run(path.join(root, 'node_modules/.bin/tsc'), ['-p', path.join(__dirname, 'types')])
    .catch(error => error)
  assert.equal(stdout, '')
})

test('it is loaded by import as by require', async () => {
  const required = require('limpet-session')
  const imported = await import('limpet-session')
  assert.equal(imported.default, required)
  assert.equal(imported.SessionTooLarge, required.SessionTooLarge)
  assert.deepEqual(Object.keys(imported).filter(name => !['default', 'module.exports'].includes(name)).sort(), [
    'Session', 'SessionClosed', 'SessionError', 'SessionExhausted', 'SessionGone', 'SessionTooLarge'
  ])
})

test('it depends on nothing, and only what it needs is published', async () => {
  const { dependencies = {} } = require('../package.json')
  assert.deepEqual(dependencies, {})
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--loglevel=error'], { cwd: root })
  const names = JSON.parse(stdout)[0].files.map(file => file.path)
  const others = names.filter(name => !/^src\/\w+\.js$/.test(name)).sort()
  assert.deepEqual(others, ['LICENSE', 'README.md', 'index.d.ts', 'index.js', 'package.json'])
})
