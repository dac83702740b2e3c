/** The same libvirt calls as the binding's, from a C program: compiled where there is gcc, else with the reason why not. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Medians {
  /** Microseconds of a call, p50. */
  readonly getInfo: number;
  readonly stats: number;
}

export interface BareCalls {
  measure(uri: string, domain: string, calls: number): Promise<Medians>;
}

/** Compiles the program into `folder`; a string says why that was not possible. */
export async function compileBareCalls(folder: string): Promise<BareCalls | string> {
  const source = join(folder, 'bare.c');
  const program = join(folder, 'bare');
  await writeFile(source, SOURCE);
  try {
    await run('gcc', ['-O2', '-o', program, source, '-l:libvirt.so.0'], { timeout: 60_000 });
  } catch (error) {
    return `gcc cannot build against libvirt.so.0: ${String(error).split('\n')[0]}`;
  }
  return {
    async measure(uri, domain, calls) {
      const { stdout } = await run(program, [uri, domain, String(calls)], { timeout: 120_000 });
      const [getInfo = Number.NaN, stats = Number.NaN] = stdout.trim().split(' ').map(Number);
      return { getInfo, stats };
    },
  };
}

/** Needs no headers: the few prototypes are those of libvirt-host.h and libvirt-domain.h. */
const SOURCE = String.raw`
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
extern void *virConnectOpen(const char *);
extern int virConnectClose(void *);
extern void *virDomainLookupByName(void *, const char *);
extern int virDomainFree(void *);
extern int virDomainGetInfo(void *, void *);
extern int virConnectGetAllDomainStats(void *, unsigned int, void ***, unsigned int);
extern void virDomainStatsRecordListFree(void **);

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
static double median(double *times, int n) {
  qsort(times, n, sizeof *times, ascending);
  return times[n / 2];
}
int main(int argc, char **argv) {
  int n = argc == 4 ? atoi(argv[3]) : 0;
  void *connection = n > 0 ? virConnectOpen(argv[1]) : NULL;
  void *domain = connection ? virDomainLookupByName(connection, argv[2]) : NULL;
  double *times = calloc(n > 0 ? n : 1, sizeof *times);
  unsigned long long info[8];
  if (!domain) return 1;
  for (int i = 0; i < n; i++) {
    double t = now();
    if (virDomainGetInfo(domain, info) < 0) return 2;
    times[i] = now() - t;
  }
  double getInfo = median(times, n);
  for (int i = 0; i < n; i++) {
    void **records = NULL;
    double t = now();
    if (virConnectGetAllDomainStats(connection, 1, &records, 0) < 0) return 3;
    virDomainStatsRecordListFree(records);
    times[i] = now() - t;
  }
  printf("%.3f %.3f\n", getInfo, median(times, n));
  virDomainFree(domain);
  virConnectClose(connection);
  return 0;
}
`;
