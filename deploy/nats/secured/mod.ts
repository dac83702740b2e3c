/** A secured NATS for a grid: configurations with TLS, nkeys and permissions per role, and how users connect to it. */

export { readNatsCredentials, readRoleCredentials } from './credentials.ts';
export { ROLE_NAMES, type RoleName } from './roles.ts';
export { type SecuredNatsOptions, type WrittenFile, writeSecuredNats } from './write.ts';
