import { describe, expect, it } from 'vitest';
import { nriType } from '../messages/wire-schema.ts';
import { nriEvents, subscribe } from './nri-events.ts';
import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';

function runtime(name: string, version: string, nriVersion?: string): RuntimeInfo {
  const timeouts = { registrationTimeoutMs: 5000, requestTimeoutMs: 2000 };
  return { name, version, config: '', ...timeouts, ...(nriVersion === undefined ? {} : { nriVersion }) };
}

const everyHandler = Object.fromEntries(
  nriEvents.map(({ handler }) => [handler, () => undefined]),
) as NriHandlers;

describe('nriEvents', () => {
  it('has the numbers of the NRI protocol', () => {
    const { values } = nriType('StateChangeEvent').fields['event']!.resolve().resolvedType as unknown as {
      values: Record<string, number>;
    };
    const protocolName = (name: string): string => name.replace(/(?!^)[A-Z]/g, '_$&').toUpperCase();
    for (const { name, number } of nriEvents) expect(values[protocolName(name)]).toBe(number);
  });
});

describe('subscribe', () => {
  it('takes the events that have a handler, and no others', () => {
    const handlers = {
      runPodSandbox: () => undefined,
      createContainer: () => undefined,
      configure: () => undefined,
    };
    expect(subscribe(handlers, runtime('containerd', '2.1.9')).mask).toBe(0b1001);
  });

  it('never takes none, which the runtime would understand as all', () => {
    expect(subscribe({}, runtime('containerd', '2.1.9')).mask).toBe(1 << 10);
  });

  it.each([
    ['containerd', '1.7.24'],
    ['containerd', '1.7.24~ds1'],
    ['containerd', '2.1.9'],
    ['containerd', 'v2.1.9'],
    ['containerd', '2.2.0-rc.1'],
    ['containerd', 'unknown'],
    ['cri-o', '1.33.2'],
    ['other', '9.9.9'],
  ])('takes only the old events from %s %s, and says which are missing', (name, version) => {
    expect(subscribe(everyHandler, runtime(name, version))).toEqual({
      mask: 0x7ff,
      unavailable: ['UpdatePodSandbox', 'PostUpdatePodSandbox', 'ValidateContainerAdjustment'],
    });
  });

  it.each([
    ['containerd', 'v2.2.0', undefined],
    ['containerd', '2.2.1~ds1', undefined],
    ['containerd', '2.3.0-rc.0', undefined],
    ['containerd', '3.0.0', undefined],
    ['cri-o', '1.35.0', undefined],
    ['other', '0.1', 'v0.12.0'],
  ])('takes all events from %s %s', (name, version, nriVersion) => {
    const subscription = subscribe(everyHandler, runtime(name, version, nriVersion));
    expect(subscription).toEqual({ mask: 0x3fff, unavailable: [] });
  });
});
