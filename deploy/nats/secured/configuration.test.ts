/** The secured configuration and its roles: who may say and hear what. */
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authority, type SecuredServer, securedConfiguration } from './configuration.ts';
import { permissionsOf, ROLE_NAMES, ROLES, type User } from './roles.ts';

const server: SecuredServer = {
  name: 'shadowgrid-1',
  listen: '127.0.0.1',
  port: 4222,
  host: '127.0.0.1',
  syncAlways: true,
};
const alice = { name: 'alice', role: 'client', publicKey: 'UALICE' } as const;
const users: readonly User[] = [...ROLE_NAMES.map((role) => ({ name: role, role })), alice];

describe('configuration', () => {
  it('flushes before it acknowledges, where the server can', () => {
    expect(securedConfiguration(server, [])).toContain('sync_interval: always');
    expect(securedConfiguration({ ...server, syncAlways: false }, [])).not.toContain('sync_interval');
  });

  it('has routes, with certificates both ways, in a cluster only', () => {
    const cluster = { port: 6222, others: ['b.example:6222', '[::1]:6222'] };
    const text = securedConfiguration({ ...server, cluster }, []);
    expect(text).toContain('verify: true');
    expect(text).toContain('routes: ["tls://b.example:6222", "tls://[::1]:6222"]');
    expect(securedConfiguration(server, [])).not.toContain('cluster');
  });

  it('names each user by its key, with what its role may', () => {
    expect(securedConfiguration(server, [alice])).toContain(`    # alice: client
    {
      nkey: "UALICE"
      permissions: {
        publish: { allow: ["shadowgrid.job.*"] }
        subscribe: { allow: ["_INBOX_alice.>"] }
        allow_responses: { max: 10000, expires: "24h" }
      }
    }
`);
  });

  it('lets no text out of its quotes', () => {
    const texts = fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\t', '\r', '\0', '}', '$', 'a', '#') });
    fc.assert(
      fc.property(texts, (name) => {
        const line = /^server_name: "((?:[^"\\\p{Cc}]|\\["\\nt])*)"$/mu.exec(
          securedConfiguration({ ...server, name }, []),
        );
        expect(line?.index).toBeGreaterThan(0);
        const unescaped = (line?.[1] ?? '?').replaceAll(
          /\\(.)/g,
          (_, c) => ({ n: '\n', t: '\t' })[c as 'n'] ?? c,
        );
        expect(unescaped).toBe(name.replaceAll(/[\r\0]/g, ''));
      }),
    );
  });

  it('puts brackets round IPv6 addresses', () => {
    expect([authority('a', 1), authority('::1', 2)]).toEqual(['a:1', '[::1]:2']);
  });
});

describe('roles', () => {
  it('leave every inbox to its user', () => {
    for (const user of users) {
      const inboxes = permissionsOf(user, users).subscribe.filter(
        (subject) => !subject.startsWith('shadowgrid.'),
      );
      expect(inboxes).toEqual([`_INBOX_${user.name}.>`]);
    }
  });

  it('let nobody but the grid ask JetStream anything', () => {
    for (const user of users) {
      const asks = permissionsOf(user, users).publish.filter((subject) => subject.startsWith('$'));
      expect(asks.length > 0).toBe(user.role === 'grid');
      // A wildcard for the kind of request would let it delete.
      expect(asks.filter((subject) => /^\$JS\.API\.(\*|>|STREAM\.[*>D])/.test(subject))).toEqual([]);
    }
  });

  it('are in docs/nats.md as they are here', async () => {
    const documented = await readFile(new URL('../../../docs/nats.md', import.meta.url), 'utf8');
    const squeezed = documented.replaceAll(/ +/g, ' ');
    for (const name of ROLE_NAMES) expect(squeezed).toContain(documentedRole(name));
  });
});

/** A row of the table of docs/nats.md. */
function documentedRole(name: (typeof ROLE_NAMES)[number]): string {
  const { purpose, publish, subscribe, buckets, answers, responds } = ROLES[name];
  const list = (items: readonly string[]) => items.map((item) => `\`${item}\``).join(', ');
  const published = [list(publish), ...(buckets ? ['its buckets and streams'] : [])].join('; ');
  const answered = [
    ...(answers.length > 0 ? [`any number to ${answers.join(', ')}`] : []),
    RESPONDS[responds],
  ];
  const cells = [`\`${name}\``, purpose, published, list(subscribe), answered.filter(Boolean).join('; ')];
  return `| ${cells.map((cell) => (cell === '' ? '-' : cell)).join(' | ')} |`;
}

const RESPONDS = { never: '', once: 'one to each request', streams: 'renewals of its streams' };
