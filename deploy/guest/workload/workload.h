/* The job of the demo and the benchmark: real work whose demand rises and falls by a known plan. */
#ifndef SHADOWGRID_WORKLOAD_H
#define SHADOWGRID_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

enum { MAX_THREADS = 32, MAX_PHASES = 64, MAX_MEMORY_MIB = 65536, SLOT_MS = 10 };

/* What is demanded for some time. */
struct phase {
  char name[32];
  int cycle;
  int threads;
  double duty;    /* share of each slot that every thread computes, 0..1 */
  int memory_mib; /* held and kept in use */
  double seconds;
};

struct plan_options {
  const char *phases; /* NULL: a shape is wanted */
  const char *shape;
  int cycles;
  double jitter; /* duration and duty of a phase vary by this share, uniformly */
  uint64_t seed;
  double seconds, period, step; /* of a shape */
  double cores_min, cores_max, memory_min, memory_max;
  double noise; /* standard deviation added to a shape's level, as a share of its range */
};

/* plan.c */
const char *plan_start(const struct plan_options *options); /* NULL, or what is wrong */
bool plan_next(struct phase *phase);

/* cpu.c */
struct cpu_totals {
  uint64_t slots_wanted, slots_done;
  double wanted_ms, done_ms; /* of thread CPU time */
  uint64_t checksum;
};
void cpu_demand(int threads, double duty);
struct cpu_totals cpu_totals(void);

/* memory.c */
bool memory_start(void);
void memory_demand(int mib);
double memory_refused_ms(void);
uint64_t memory_checksum(void);

/* report.c */
double monotonic_seconds(void);
void report(bool as_note, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
