// Asks before anything is changed: what it is, and what becomes of the node's sessions.

import { ask, by, number, text } from './dom.js'

const dialog = by('confirm')
let doing = null

export function confirm (command, node) {
  doing = { command, node }
  text(by('confirm-title'), `${command} ${node.service}/${node.node}?`)
  text(by('confirm-text'), consequence(command, node))
  text(by('confirm-error'), '')
  by('deadline').value = ''
  by('deadline').hidden = by('deadline-label').hidden = command !== 'drain'
  text(by('yes'), command)
  by('yes').className = 'main'
  dialog.showModal()
  by('no').focus()
}

function consequence (command, node) {
  const count = number(node.sessions_served ?? node.sessions)
  if (command === 'ready') return 'It is taken back into service, and gets its part of the new sessions.'
  const first = command === 'drain' ? 'It gets no new sessions.' : 'It gets no requests at all.'
  const rest = node.contract
    ? `The ${count} that it has move to other nodes, with their state.`
    : command === 'drain' ? `The ${count} that it has stay until they end.` : `The ${count} that it has are lost, with their state.`
  return `${first} ${rest}`
}

async function go () {
  const { command, node } = doing
  const deadline = by('deadline').value.trim()
  const path = ['api/services', node.service, 'nodes', node.node, command].map(
    (part, at) => at === 1 || at === 3 ? encodeURIComponent(part) : part).join('/')
  by('yes').disabled = true
  try {
    await ask(path, command === 'drain' && deadline ? { deadline } : {})
    dialog.close()
  } catch (error) {
    text(by('confirm-error'), error.message)
  } finally {
    by('yes').disabled = false
  }
}

by('no').addEventListener('click', () => dialog.close())
by('yes').addEventListener('click', go)
by('deadline').addEventListener('keydown', event => { if (event.key === 'Enter') go() })
