import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import node from 'eslint-plugin-n';
import tseslint from 'typescript-eslint';

/** Who may import whom; the tags stand in each project's package.json. */
const depConstraints = [
  {
    sourceTag: 'type:app',
    onlyDependOnLibsWithTags: [
      'type:backend',
      'type:core',
      'type:dra',
      'type:nri',
      'type:dhcp',
      'type:netlink',
      'type:ffi',
    ],
  },
  { sourceTag: 'type:backend', onlyDependOnLibsWithTags: ['type:core', 'type:netlink', 'type:ffi'] },
  { sourceTag: 'type:core', onlyDependOnLibsWithTags: ['type:dra', 'type:nri', 'type:dhcp', 'type:netlink'] },
  { sourceTag: 'type:dhcp', onlyDependOnLibsWithTags: ['type:netlink', 'type:ffi'] },
  { sourceTag: 'type:netlink', onlyDependOnLibsWithTags: ['type:ffi'] },
  { sourceTag: 'type:dra', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:nri', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:ffi', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['*'] },
  // What is to be copied may use only what is published.
  {
    sourceTag: 'type:example',
    onlyDependOnLibsWithTags: ['type:dra', 'type:nri', 'type:netlink', 'type:ffi'],
  },
];

/** Tests may also use the lab, which is itself built on some of the libraries that it tests. */
const testDepConstraints = depConstraints.map((constraint) => ({
  ...constraint,
  onlyDependOnLibsWithTags: [...constraint.onlyDependOnLibsWithTags, 'type:tool'],
}));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.cache/**', '.nx/**', '**/generated/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { allow: [], depConstraints }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['{apps,libs}/*/src/**/*.ts'],
    ignores: ['**/*.test.ts', 'libs/*/src/conformance/**'],
    plugins: { n: node },
    // What ships must run on the oldest supported Node.js, not only on the one that runs the tests.
    rules: {
      // crypto.hash has been in Node.js since 20.12, as a release candidate.
      'n/no-unsupported-features/node-builtins': [
        'error',
        { version: '>=20.19.0', ignores: ['crypto.hash'] },
      ],
      'n/no-unsupported-features/es-builtins': ['error', { version: '>=20.19.0' }],
    },
  },
  {
    files: ['{apps,libs}/*/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/testing/**'],
    // Node.js has them since 24, which the plugin above does not know.
    rules: {
      'no-restricted-globals': ['error', 'DisposableStack', 'AsyncDisposableStack', 'SuppressedError'],
    },
  },
  {
    files: ['libs/backend-*/src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['tsyringe', 'tsyringe/*', '@grpc/*', '@kubernetes/*'],
              message:
                'A backend knows @patchbay/core and the kernel, not the container, gRPC or Kubernetes.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['tools/**/*.ts'],
    rules: {
      // The driver without its sockets is made for tests outside of it.
      '@nx/enforce-module-boundaries': ['error', { allow: ['@patchbay/driver/testing'], depConstraints }],
    },
  },
  {
    // The numbered checks of a protocol are tests, and so is what only they use.
    files: ['**/*.test.ts', 'libs/*/src/conformance/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          depConstraints: testDepConstraints,
          ignoredCircularDependencies: [['*', '@patchbay/lab']],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['tools/**/*.ts', 'apps/driver/src/{main.ts,commands/**/*.ts}', 'examples/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  prettier,
);
