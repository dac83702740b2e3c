/** The certificate authority of a grid's NATS, and the certificates of its servers; made with openssl. */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { CommandFailed, runCommand } from '../../setup/process/mod.ts';
import { NatsFileUnusable, OpensslMissing } from './errors.ts';
import { readIfThere, secretFolder, writeSecret } from './files.ts';

const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 825;
/** A server's certificate with less left is renewed. */
const RENEW_DAYS = 90;

export type Outcome = 'new' | 'kept' | 'renewed';

/** Makes `folder` (ca.pem, ca-key.pem) unless it is there. */
export async function ensureAuthority(folder: string): Promise<Outcome> {
  await secretFolder(folder);
  const [key, certificate] = [join(folder, 'ca-key.pem'), join(folder, 'ca.pem')];
  const hasKey = (await readIfThere(key)) !== undefined;
  if ((await readIfThere(certificate)) !== undefined) {
    if (!hasKey) throw new NatsFileUnusable(key, 'is missing, and its certificate is there');
    return 'kept';
  }
  if (!hasKey) await writeSecret(key, newKey());
  await withProfile(folder, [], async (profile) => {
    const args = ['req', '-x509', '-new', '-config', profile, '-extensions', 'authority', '-sha256'];
    const serial = ['-set_serial', newSerial(), '-days', String(AUTHORITY_DAYS)];
    const made = await openssl([...args, ...serial, '-key', key, '-subj', '/CN=shadowgrid NATS authority']);
    await writeSecret(certificate, made);
  });
  return 'new';
}

/**
 * Makes server.pem, server-key.pem and ca.pem in `folder`. Key and certificate stay as they are while the
 * certificate is the authority's, names `hosts` and does not end soon; a key is never replaced.
 */
export async function ensureServerCertificate(
  authority: string,
  folder: string,
  hosts: readonly string[],
  now: number,
): Promise<Outcome> {
  await secretFolder(folder);
  const [key, certificate] = [join(folder, 'server-key.pem'), join(folder, 'server.pem')];
  const caCertificate = join(authority, 'ca.pem');
  await copyFile(caCertificate, join(folder, 'ca.pem'));
  const hadKey = (await readIfThere(key)) !== undefined;
  const old = await readIfThere(certificate);
  if (hadKey && old !== undefined && isGood(old, await readFile(caCertificate, 'utf8'), hosts, now)) {
    return 'kept';
  }

  if (!hadKey) await writeSecret(key, newKey());
  await withProfile(folder, hosts, async (profile) => {
    const request = join(folder, 'request.pem');
    await writeFile(
      request,
      await openssl(['req', '-new', '-config', profile, '-key', key, '-subj', `/CN=shadowgrid NATS server`]),
    );
    try {
      const signer = ['-CA', caCertificate, '-CAkey', join(authority, 'ca-key.pem')];
      const content = ['-set_serial', newSerial(), '-days', String(SERVER_DAYS), '-sha256'];
      const extensions = ['-extfile', profile, '-extensions', 'server'];
      const args = ['x509', '-req', '-in', request, ...signer, ...content, ...extensions];
      await writeSecret(certificate, await openssl(args));
    } finally {
      await rm(request, { force: true });
    }
  });
  return hadKey ? 'renewed' : 'new';
}

function isGood(certificate: string, authority: string, hosts: readonly string[], now: number): boolean {
  try {
    const read = new X509Certificate(certificate);
    const names = (read.subjectAltName ?? '')
      .split(', ')
      .map((name) => name.replace(/^(DNS|IP Address):/, ''));
    return (
      read.checkIssued(new X509Certificate(authority)) &&
      names.length === hosts.length &&
      hosts.every((host) => names.includes(host)) &&
      Date.parse(read.validTo) > now + RENEW_DAYS * 86_400_000
    );
  } catch {
    // Not a certificate: one is made.
    return false;
  }
}

const newKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();

/** 127 bits, so that it stays positive. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return `0x${bytes.toString('hex')}`;
}

/** What certificates may be used for; our own file, as the machine's openssl.cnf may say anything. */
async function withProfile(
  folder: string,
  hosts: readonly string[],
  use: (profile: string) => Promise<void>,
): Promise<void> {
  const names = hosts.map((host) => `${isIP(host) ? 'IP' : 'DNS'}:${host}`).join(',');
  const scratch = await mkdtemp(join(folder, '.profile-'));
  const profile = join(scratch, 'openssl.cnf');
  try {
    await writeFile(
      profile,
      `[req]
distinguished_name = name
prompt = no
[name]
CN = shadowgrid
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
${names === '' ? '' : `subjectAltName = ${names}\n`}`,
    );
    await use(profile);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function openssl(args: readonly string[]): Promise<string> {
  try {
    return (await runCommand('openssl', args, { timeoutMs: 30_000 })).stdout;
  } catch (error) {
    if (error instanceof CommandFailed && error.result.status === -1) throw new OpensslMissing(error);
    throw error;
  }
}
