import { describe, expect, it } from 'vitest';
import { attributeIdentity, checkDeviceExpression, deviceMatches, ExpressionError } from './device-cel.ts';

const driver = 'example.dev';
const device = {
  name: 'd',
  attributes: {
    kind: { string: 'dummy' },
    'example.dev/numa': { int: 1 },
    'other.dev/rdma': { bool: true },
    firmware: { version: '1.10.0-rc.1' },
    lanes: { ints: [1, 2] },
  },
  capacity: { bandwidth: { value: '10G' }, 'other.dev/memory': { value: '1Gi' } },
};
const matches = (expression: string) => deviceMatches(expression, driver, device);

describe('device selectors', () => {
  it.each([
    'device.driver == "example.dev"',
    'device.attributes["example.dev"].kind == "dummy"',
    'device.attributes["example.dev"].numa == 1 && device.attributes["other.dev"].rdma',
    'device.attributes["example.dev"].kind.startsWith("du")',
    'device.attributes["example.dev"].kind in ["dummy", "veth"]',
    'device.attributes["example.dev"].kind.matches("^d.*y$")',
    'device.capacity["example.dev"].bandwidth.compareTo(quantity("5G")) > 0',
    'device.capacity["example.dev"].bandwidth == quantity("10000M")',
    'device.capacity["other.dev"].memory.isGreaterThan(quantity("1000M"))',
    'device.attributes["example.dev"].firmware.isGreaterThan(semver("1.9.0"))',
    'device.attributes["example.dev"].firmware.isLessThan(semver("1.10.0"))',
    'device.attributes["example.dev"].firmware.major() == 1',
    'has(device.attributes["example.dev"].kind)',
    "!has(device.attributes['unknown.dev'].kind)",
    '"kind" in device.attributes["example.dev"]',
    '!("kind" in device.attributes["unknown.dev"])',
    'device.attributes["example.dev"].?speed.orValue(0) == 0',
    'cel.bind(own, device.attributes["example.dev"], own.kind == "dummy" && own.numa == 1)',
    'device.attributes["example.dev"].lanes.includes(2)',
    'device.attributes["example.dev"].kind.includes("dummy")',
    'device.allowMultipleAllocations == false',
  ])('%s holds', (expression) => {
    expect(checkDeviceExpression(expression)).toBeUndefined();
    expect(matches(expression)).toBe(true);
  });

  it('are an error where an attribute is missing', () => {
    expect(() => matches('device.attributes["example.dev"].speed > 5')).toThrow(ExpressionError);
    expect(() => matches('device.attributes["unknown.dev"].speed > 5')).toThrow('No such key: speed');
  });

  it('are an error where the result is no bool', () => {
    expect(() => matches('device.attributes["example.dev"].kind')).toThrow('could not be converted to bool');
  });

  it.each([
    ['1 +', 'compilation failed'],
    ['device.color == "red"', 'compilation failed'],
    ['pod.name == "x"', 'compilation failed'],
    ['device.driver == 1', 'compilation failed'],
    ['device.driver', 'must evaluate to bool'],
  ])('%s does not compile', (expression, words) => {
    expect(checkDeviceExpression(expression)).toContain(words);
  });
});

describe('attribute identity', () => {
  it('finds attributes of the driver with and without its domain', () => {
    expect(attributeIdentity(driver, device, 'example.dev/kind')).toBe('{"string":"dummy"}');
    expect(attributeIdentity(driver, device, 'example.dev/numa')).toBe('{"int":1}');
    expect(attributeIdentity(driver, device, 'other.dev/numa')).toBeUndefined();
  });
});
