/** Installs Debian packages that are missing. */
import { GridError } from '../../../runtime/mod.ts';
import { runCommand } from '../process/mod.ts';
import { PackageUnavailable } from './apt.ts';

/** libvirt with its QEMU driver, and QEMU for the machine's own architecture. */
export const LIBVIRT_PACKAGES = [
  'libvirt-daemon',
  'libvirt-daemon-driver-qemu',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-utils',
] as const;

/** What compiles and packs the guest image. */
export const COMPILER_PACKAGES = ['gcc', 'libc6-dev', 'binutils', 'xz-utils'] as const;

/** Packages are missing and we may not install them. */
export class PackagesMissing extends GridError {
  readonly packages: readonly string[];
  constructor(packages: readonly string[]) {
    super(
      'packages-missing',
      `these Debian packages are missing and installing them needs root: ${packages.join(' ')}`,
      {
        hint: `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}; or go without a real host: --simulated`,
      },
    );
    this.packages = packages;
  }
}

/** This machine has no apt or dpkg. */
export class NotDebian extends GridError {
  constructor(cause: unknown) {
    super('not-debian', 'this machine has no dpkg, so packages cannot be installed from here', {
      hint: 'use Debian 12 or newer, install what `shadowgrid doctor` lists by hand, or go without a real host: --simulated',
      cause,
    });
  }
}

export interface EnsurePackagesOptions {
  readonly onProgress?: (line: string) => void;
}

/** Brings `names` onto this machine. Returns those that had to be installed; a second call installs none. */
export async function ensureDebianPackages(
  names: readonly string[],
  options: EnsurePackagesOptions = {},
): Promise<string[]> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0) throw new PackagesMissing(missing);
  const { onProgress } = options;
  onProgress?.(`installing Debian packages: ${missing.join(' ')}`);
  const install = () =>
    runCommand(
      'apt-get',
      [
        '-y',
        '--no-install-recommends',
        ...['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Options::=--force-confold'],
        'install',
        ...missing,
      ],
      {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        timeoutMs: 900_000,
        onLine: (line) => /^(Setting up|Need to get|Unpacking)/.test(line) && onProgress?.(line),
      },
    );
  // A fresh machine's index is empty, an old one's names versions that are gone: both are cured by an update.
  await install().catch(async () => {
    onProgress?.('updating the package index');
    await runCommand('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', 'update'], { timeoutMs: 300_000 });
    await install().catch((cause: unknown) => {
      throw new PackageUnavailable(missing.join(', '), cause);
    });
  });
  return missing;
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const query = ['-W', '-f', '${db:Status-Abbrev} ${binary:Package}\n', ...names];
  const result = await runCommand('dpkg-query', query, { check: false });
  if (result.status === -1) throw new NotDebian(result.stderr);
  const installed = new Set([...result.stdout.matchAll(/^ii\s+([^\s:]+)/gm)].map((match) => match[1] ?? ''));
  return names.filter((name) => !installed.has(name));
}
