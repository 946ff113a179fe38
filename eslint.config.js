import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import prettier from 'eslint-config-prettier';

/** Who may import whom; the tags stand in each project's package.json. */
const depConstraints = [
  {
    sourceTag: 'type:app',
    onlyDependOnLibsWithTags: [
      'type:backend',
      'type:core',
      'type:dra',
      'type:nri',
      'type:netlink',
      'type:ffi',
    ],
  },
  { sourceTag: 'type:backend', onlyDependOnLibsWithTags: ['type:core', 'type:netlink', 'type:ffi'] },
  { sourceTag: 'type:core', onlyDependOnLibsWithTags: ['type:dra', 'type:nri', 'type:netlink'] },
  { sourceTag: 'type:netlink', onlyDependOnLibsWithTags: ['type:ffi'] },
  { sourceTag: 'type:dra', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:nri', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:ffi', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['*'] },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.cache/**', '.nx/**', '**/generated/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { allow: [], depConstraints, banTransitiveDependencies: false },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.test.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['tools/**/*.ts', 'apps/driver/src/commands/**/*.ts', 'examples/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  prettier,
);
