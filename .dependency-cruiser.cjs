/** The arrows of ARCHITECTURE.md: deploy -> actors -> {runtime, models}; runtime and models import nobody. */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'runtime-imports-nobody',
      severity: 'error',
      from: { path: '^runtime/', pathNot: '[.]test[.]ts$' },
      to: { path: '^(models|actors|deploy|test|examples)/' },
    },
    {
      name: 'models-imports-nobody',
      severity: 'error',
      from: { path: '^models/', pathNot: '[.]test[.]ts$' },
      to: { path: '^(runtime|actors|deploy|test|examples)/' },
    },
    {
      name: 'actors-know-no-deploy',
      severity: 'error',
      from: { path: '^actors/', pathNot: '[.]test[.]ts$' },
      to: { path: '^(deploy|test|examples)/' },
    },
    {
      name: 'nobody-imports-tests',
      severity: 'error',
      from: { path: '^(runtime|models|actors|deploy)/', pathNot: '[.]test[.]ts$' },
      to: { path: '^test/' },
    },
    {
      name: 'rooms-have-a-face',
      comment: 'From another room, import a folder only through its mod.ts.',
      severity: 'error',
      from: { path: '^(runtime|models|actors|deploy|test|examples)/' },
      to: {
        path: '^(runtime|models|actors|deploy)/',
        pathNot: ['^$1/', '/mod[.]ts$', '/[a-z-]+[.]worker[.]ts$'],
      },
    },
    {
      name: 'folders-have-a-face',
      comment: 'Within a room, another folder is imported only through its mod.ts.',
      severity: 'error',
      from: { path: '^(runtime|models|actors|deploy)/([^/]+)/' },
      to: { path: '^$1/[^/]+/', pathNot: ['^$1/$2/', '/mod[.]ts$', '/[a-z-]+[.]worker[.]ts$'] },
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'models/onnx/proto' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
