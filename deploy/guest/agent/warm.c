/* Warm memory: plugged and touched once, then left free but promised to nobody until the host gives it to the job.
 *
 * What the job may have is bounded by the commit limit (machine.c); warm memory is what stays outside of it, so that
 * giving it is one write. Holding the touched pages instead would cost 1 ms per MiB to give them (measured). */
#include "agent.h"

#include <sys/mman.h>

enum { CHUNK_KIB = 2048, STEP_CHUNKS = 16, MAX_CHUNKS = 32 * 1024 };

static long wanted, kept; /* KiB ordered, and KiB that are warm */
static void *chunks[MAX_CHUNKS];
static long held; /* chunks mapped while the rest is being touched */
/* The guest's memory less what is warm: only what was added since an order is taken, never what the job has. */
static long base_total_kib;

static bool settled(void) { return kept == wanted; }

long warm_kib(long total_kib) {
  if (settled()) return kept;
  long most = wanted > kept ? wanted : kept, least = wanted + kept - most;
  /* A balloon gives back pages more or less than it was asked for. */
  long added = (total_kib - base_total_kib + CHUNK_KIB / 4) / CHUNK_KIB * CHUNK_KIB;
  return added < least ? least : added > most ? most : added;
}

static void release(void) {
  while (held > 0) munmap(chunks[--held], (size_t)CHUNK_KIB * 1024);
}

void warm_set(long kib, long total_kib) {
  if (settled()) base_total_kib = total_kib - kept;
  wanted = kib / CHUNK_KIB * CHUNK_KIB;
  if (kept + held * CHUNK_KIB > wanted) release();
}

void warm_give(long kib) {
  kib = kib / CHUNK_KIB * CHUNK_KIB;
  if (kib > kept) kib = kept;
  kept -= kib;
  wanted = wanted > kib ? wanted - kib : 0;
  base_total_kib += kib;
}

static bool hold_one(void) {
  if (held == MAX_CHUNKS) return false;
  /* Populated: the host has to find the pages now, so that it need not when the job touches them. */
  void *chunk = mmap(NULL, (size_t)CHUNK_KIB * 1024, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (chunk == MAP_FAILED) return false;
  /* A process that the agent starts would be charged for them as well. */
  madvise(chunk, (size_t)CHUNK_KIB * 1024, MADV_DONTFORK);
  chunks[held++] = chunk;
  return true;
}

bool warm_step(long total_kib) {
  if (settled()) return false;
  if (wanted < kept) {
    kept = warm_kib(total_kib); /* goes as the memory goes, so that the job never gets it */
    return false;
  }
  long before = held, due = (warm_kib(total_kib) - kept) / CHUNK_KIB;
  if (due > held + STEP_CHUNKS) due = held + STEP_CHUNKS; /* the loop has other duties */
  while (held < due && hold_one()) {
  }
  return held > before;
}

void warm_settle(void) {
  if (settled() || kept + held * CHUNK_KIB < wanted) return;
  kept = wanted;
  release();
}

long warm_charged_kib(void) { return held * CHUNK_KIB; }

long warm_next_kib(long total_kib) {
  long due = wanted <= kept ? 0 : warm_kib(total_kib) - kept - held * CHUNK_KIB;
  return due < (long)STEP_CHUNKS * CHUNK_KIB ? due : (long)STEP_CHUNKS * CHUNK_KIB;
}

long warm_done_kib(void) { return kept; }
