import type { RepairAction } from '@patchbay/core';

/** An action of repair for people: what is done and why. */
export function inWords(action: RepairAction): string {
  if (action.kind === 'remove') {
    return `remove ${action.leftover.what} ${action.leftover.name}: ${action.reason}`;
  }
  const claim = `${action.claim.namespace}/${action.claim.name}`;
  if (action.kind === 'close gate') return `close the gate of claim ${claim}: ${action.reason}`;
  const pod = `${action.sandbox.podNamespace}/${action.sandbox.podName}`;
  switch (action.kind) {
    case 'detach':
      return `bring claim ${claim} back from pod ${pod}: ${action.reason}`;
    case 'attach':
      return `attach claim ${claim} to pod ${pod}: ${action.reason}`;
    case 'restore':
      return `bring ${action.interfaceNames.join(', ')} of claim ${claim} to pod ${pod} again: ${action.reason}`;
  }
}
