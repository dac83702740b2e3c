/* CPU demand: each thread computes for its share of every slot; what it could not compute in time is lost. */
#define _GNU_SOURCE
#include "workload.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { WORDS = 8192, STEP_WORDS = 1024, STACK_BYTES = 64 * 1024 };

struct worker {
  uint64_t words[WORDS];
  _Atomic uint64_t slots_wanted, slots_done, wanted_us, done_us, checksum;
};

static struct worker workers[MAX_THREADS];
static int started;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int wanted_threads;
static double wanted_duty;
static atomic_uint generation;

static int64_t microseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* xorshift over a buffer that does not fit the first-level cache; each word depends on the one before it. */
static uint64_t compute(uint64_t *words, unsigned from, uint64_t hash) {
  for (unsigned i = 0; i < STEP_WORDS; i++) {
    hash ^= words[from + i];
    hash ^= hash << 13;
    hash ^= hash >> 7;
    hash ^= hash << 17;
    words[from + i] = hash;
  }
  return hash;
}

/* Computes until `wanted_us` of this thread's CPU time or the end of the slot; returns what was computed. */
static int64_t compute_slot(struct worker *worker, int64_t wanted_us, int64_t slot_end) {
  int64_t began = microseconds(CLOCK_THREAD_CPUTIME_ID), used = 0;
  uint64_t hash = worker->checksum | 1;
  unsigned from = 0;
  while (used < wanted_us && microseconds(CLOCK_MONOTONIC) < slot_end) {
    hash = compute(worker->words, from, hash);
    from = (from + STEP_WORDS) % WORDS;
    used = microseconds(CLOCK_THREAD_CPUTIME_ID) - began;
  }
  worker->checksum = hash;
  return used < wanted_us ? used : wanted_us;
}

static void sleep_until(int64_t at_us) {
  struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* One slot. A slot whose time had passed before the thread could begin is lost: its demand was then. */
static void serve_slot(struct worker *worker, int64_t slot, double duty) {
  int64_t begin = slot * SLOT_MS * 1000, end = begin + SLOT_MS * 1000;
  int64_t wanted_us = (int64_t)(duty * SLOT_MS * 1000);
  worker->slots_wanted++;
  worker->wanted_us += (uint64_t)wanted_us;
  if (microseconds(CLOCK_MONOTONIC) >= end) return;
  int64_t done = compute_slot(worker, wanted_us, end);
  worker->done_us += (uint64_t)done;
  if (done * 10 >= wanted_us * 9) worker->slots_done++;
}

static void *work(void *argument) {
  struct worker *worker = argument;
  int index = (int)(worker - workers);
  for (;;) {
    pthread_mutex_lock(&lock);
    while (index >= wanted_threads || wanted_duty <= 0) pthread_cond_wait(&changed, &lock);
    double duty = wanted_duty;
    unsigned mine = generation;
    pthread_mutex_unlock(&lock);
    int64_t slot = microseconds(CLOCK_MONOTONIC) / (SLOT_MS * 1000);
    while (mine == generation) {
      serve_slot(worker, slot, duty);
      slot++;
      sleep_until(slot * SLOT_MS * 1000);
    }
  }
  return NULL;
}

/* Threads are started when first wanted: each costs a stack of committed memory. */
static void start_threads(int count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  while (started < count && pthread_create(&thread, &attributes, work, &workers[started]) == 0) started++;
  pthread_attr_destroy(&attributes);
}

void cpu_demand(int threads, double duty) {
  pthread_mutex_lock(&lock);
  start_threads(threads);
  wanted_threads = threads;
  wanted_duty = duty;
  generation++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

struct cpu_totals cpu_totals(void) {
  struct cpu_totals totals = {0};
  for (int i = 0; i < started; i++) {
    totals.slots_wanted += workers[i].slots_wanted;
    totals.slots_done += workers[i].slots_done;
    totals.wanted_ms += (double)workers[i].wanted_us / 1000;
    totals.done_ms += (double)workers[i].done_us / 1000;
    totals.checksum ^= workers[i].checksum;
  }
  return totals;
}
