import { expect, test } from 'vitest';
import { privateHosts } from './private-mirrors.ts';

test("hosts of public package archives are nobody's secret", () => {
  expect(privateHosts('https://registry.npmjs.org/\ndeb http://deb.debian.org/debian sid main')).toEqual([]);
});

test('other hosts are, without port and credentials, each once', () => {
  const settings = [
    'https://user:secret@npm.mirror.test:8443/registry/',
    'deb [signed-by=/a.gpg] http://apt.mirror.test/debian sid main',
    'URIs: http://apt.mirror.test/security',
    'deb http://fakedebian.org/debian sid main',
  ];
  expect(privateHosts(settings.join('\n'))).toEqual(['npm.mirror.test', 'apt.mirror.test', 'fakedebian.org']);
});

test('commented lines do not count', () => {
  expect(privateHosts('# deb http://old.mirror.test/ sid main')).toEqual([]);
});
