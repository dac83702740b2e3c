/* Memory demand: takes it MiB by MiB, keeps it in use, and counts the time in which the guest had none to give. */
#define _GNU_SOURCE
#include "workload.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, PAGE = 4096, RETRY_US = 20000, STACK_BYTES = 64 * 1024 };

static unsigned char *held[MAX_MEMORY_MIB];
static int held_mib;
static atomic_int wanted_mib;
static _Atomic double refused_ms;
static _Atomic uint64_t checksum;

static void touch(unsigned char *block) {
  for (unsigned at = 0; at < MIB; at += PAGE) checksum += block[at]++;
}

/* False when the guest refused. */
static bool grow(void) {
  unsigned char *block = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return false;
  touch(block);
  held[held_mib++] = block;
  return true;
}

static void shrink(void) { munmap(held[--held_mib], MIB); }

/* Brings what is held to what is wanted; false while the guest refuses. */
static bool adjust(void) {
  while (held_mib > wanted_mib) shrink();
  while (held_mib < wanted_mib)
    if (!grow()) return false;
  return true;
}

static void *hold(void *unused) {
  (void)unused;
  double refused_since = 0;
  for (unsigned round = 0;; round++) {
    double now = monotonic_seconds();
    bool met = adjust();
    if (!met && refused_since == 0) {
      refused_since = now;
      report(true, "memory-refused had=%d wanted=%d", held_mib, wanted_mib);
    } else if (met && refused_since != 0) {
      report(true, "memory-granted had=%d after-ms=%.0f", held_mib, (now - refused_since) * 1000);
      refused_since = 0;
    }
    if (held_mib > 0) touch(held[round % (unsigned)held_mib]); /* a working set, not a forgotten one */
    usleep(RETRY_US);
    if (!met) refused_ms = refused_ms + (monotonic_seconds() - now) * 1000;
  }
  return NULL;
}

bool memory_start(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  bool ok = pthread_create(&thread, &attributes, hold, NULL) == 0;
  pthread_attr_destroy(&attributes);
  return ok;
}

void memory_demand(int mib) { wanted_mib = mib; }
double memory_refused_ms(void) { return refused_ms; }
uint64_t memory_checksum(void) { return checksum; }
