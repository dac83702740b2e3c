/* workload --phases 'name:threads=2,duty=60,memory=96,seconds=5;...' --cycles N --jitter 0.1 --seed 7
 * workload --shape sine|square|ramp|burst|random --seconds 60 --period 20 --cores 0.2:1.8 --memory 8:64 --noise 0.05
 */
#define _GNU_SOURCE
#include "workload.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int fail(const char *why) {
  fprintf(stderr,
          "workload: %s\n"
          "usage: workload --phases 'name:threads=2,duty=60,memory=96,seconds=5;...' [--cycles 1] [--jitter 0] [--seed 1]\n"
          "       workload --shape sine|square|ramp|burst|random [--seconds 60] [--period 20] [--step 0.5]\n"
          "                [--cores 0.2:1] [--memory 0:0] [--noise 0] [--seed 1]\n",
          why);
  return 2;
}

static bool parse_range(const char *text, double *least, double *most) {
  char rest;
  return sscanf(text, "%lf:%lf%c", least, most, &rest) == 2 && *least >= 0 && *most >= *least;
}

static const char *parse_options(int count, char **words, struct plan_options *options) {
  static const struct option known[] = {
      {"phases", 1, 0, 'p'}, {"cycles", 1, 0, 'c'}, {"jitter", 1, 0, 'j'}, {"seed", 1, 0, 's'},
      {"shape", 1, 0, 'S'},  {"period", 1, 0, 'P'}, {"step", 1, 0, 't'},   {"seconds", 1, 0, 'd'},
      {"cores", 1, 0, 'C'},  {"memory", 1, 0, 'M'}, {"noise", 1, 0, 'n'},  {0}};
  opterr = 0;
  for (int option; (option = getopt_long(count, words, "", known, NULL)) != -1;) {
    switch (option) {
      case 'p': options->phases = optarg; break;
      case 'S': options->shape = optarg; break;
      case 'c': options->cycles = atoi(optarg); break;
      case 'j': options->jitter = atof(optarg); break;
      case 's': options->seed = strtoull(optarg, NULL, 10); break;
      case 'P': options->period = atof(optarg); break;
      case 't': options->step = atof(optarg); break;
      case 'd': options->seconds = atof(optarg); break;
      case 'n': options->noise = atof(optarg); break;
      case 'C':
        if (!parse_range(optarg, &options->cores_min, &options->cores_max)) return "--cores wants least:most";
        break;
      case 'M':
        if (!parse_range(optarg, &options->memory_min, &options->memory_max)) return "--memory wants least:most in MiB";
        break;
      default: return "unknown option, or one without its value";
    }
  }
  if (optind < count) return "arguments are options only";
  if (!options->phases == !options->shape) return "either --phases or --shape is wanted";
  if (options->jitter < 0 || options->jitter > 0.9) return "--jitter lies between 0 and 0.9";
  if (options->cycles < 1) return "--cycles is at least 1";
  if (options->step < 0.05 || options->period < options->step) return "--step is at least 0.05 and at most --period";
  return NULL;
}

static void sleep_until(double seconds) {
  struct timespec at = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

int main(int count, char **words) {
  struct plan_options options = {
      .cycles = 1, .seed = 1, .seconds = 60, .period = 20, .step = 0.5, .cores_min = 0.2, .cores_max = 1};
  const char *error = parse_options(count, words, &options);
  if (error == NULL) error = plan_start(&options);
  if (error != NULL) return fail(error);
  if (!memory_start()) return fail("no memory for a thread");

  double began = monotonic_seconds(), until = began;
  int phases = 0;
  for (struct phase phase; plan_next(&phase); phases++) {
    cpu_demand(phase.threads, phase.duty);
    memory_demand(phase.memory_mib);
    report(true, "phase %d %s threads=%d duty=%.0f memory=%d seconds=%.2f at=%.3f", phase.cycle, phase.name,
           phase.threads, phase.duty * 100, phase.memory_mib, phase.seconds, until - began);
    until += phase.seconds;
    sleep_until(until);
  }
  cpu_demand(0, 0);
  struct cpu_totals cpu = cpu_totals();
  double lost = cpu.wanted_ms > 0 ? 1 - cpu.done_ms / cpu.wanted_ms : 0;
  report(true,
         "summary phases=%d seconds=%.1f slots-wanted=%llu slots-done=%llu cpu-wanted-ms=%.0f cpu-done-ms=%.0f "
         "lost=%.4f memory-refused-ms=%.0f checksum=%016llx",
         phases, monotonic_seconds() - began, (unsigned long long)cpu.slots_wanted,
         (unsigned long long)cpu.slots_done, cpu.wanted_ms, cpu.done_ms, lost, memory_refused_ms(),
         (unsigned long long)(cpu.checksum ^ memory_checksum()));
  return 0;
}
