/** `node actors/host/libvirt/binding/generate/main.ts PATH/libvirt-api.xml`: writes generated/ anew. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDescription } from './description.ts';
import { byFile, emitConstants, emitDeclarations, emitErrorNames, emitIndex } from './emit.ts';

const [path] = process.argv.slice(2);
const qemu = path === undefined ? undefined : join(dirname(path), 'libvirt-qemu-api.xml');
if (path === undefined || qemu === undefined || !existsSync(path) || !existsSync(qemu)) {
  process.stderr.write(
    'usage: node generate/main.ts PATH/libvirt-api.xml (with libvirt-qemu-api.xml beside it; Debian: libvirt-dev)\n',
  );
  process.exit(2);
}

const description = readDescription([path, qemu].map((file) => readFileSync(file, 'utf8')));
const files = byFile(description);
const folder = fileURLToPath(new URL('../generated/', import.meta.url));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const [file, functions] of files) {
  writeFileSync(join(folder, `${file}.ts`), emitDeclarations(file, functions, description));
}
writeFileSync(join(folder, 'functions.ts'), emitIndex([...files.keys()]));
writeFileSync(join(folder, 'constants.ts'), emitConstants(description));
writeFileSync(join(folder, 'error-names.ts'), emitErrorNames(description));
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
execFileSync(process.execPath, [biome, 'check', '--write', folder], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const count = [...files.values()].reduce((sum, functions) => sum + functions.length, 0);
process.stdout.write(`${count} functions, ${description.constants.length} constants\n`);
