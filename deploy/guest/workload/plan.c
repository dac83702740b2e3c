/* The plan of demand: phases in turn and cycles of them, or a shape over time cut into short phases. */
#define _GNU_SOURCE
#include "workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct plan_options plan;
static struct phase phases[MAX_PHASES];
static int phase_count;
static int position; /* phases given out so far */
static uint64_t random_state;
static double walk = 0.5;      /* level of the random walk */
static double burst_until = 0; /* the burst lasts to this second of the plan */

/* splitmix64: the same plan for the same seed on every machine. */
static double uniform(void) {
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double normal(void) {
  double radius = sqrt(-2 * log(1 - uniform()));
  return radius * cos(2 * M_PI * uniform());
}

static double between(double value, double least, double most) {
  return value < least ? least : value > most ? most : value;
}

static const char *parse_setting(struct phase *phase, const char *setting) {
  char key[32];
  double value;
  char rest;
  if (sscanf(setting, "%31[a-z]=%lf%c", key, &value, &rest) != 2) return "a phase's settings are key=number";
  if (strcmp(key, "threads") == 0) phase->threads = (int)between(value, 0, MAX_THREADS);
  else if (strcmp(key, "duty") == 0) phase->duty = between(value, 0, 100) / 100;
  else if (strcmp(key, "memory") == 0) phase->memory_mib = (int)between(value, 0, MAX_MEMORY_MIB);
  else if (strcmp(key, "seconds") == 0) phase->seconds = between(value, 0.01, 86400);
  else return "a phase knows threads, duty (%), memory (MiB) and seconds";
  return NULL;
}

static const char *parse_phases(const char *text) {
  char *copy = strdup(text), *rest_of_plan = NULL;
  for (char *part = strtok_r(copy, ";", &rest_of_plan); part; part = strtok_r(NULL, ";", &rest_of_plan)) {
    if (phase_count == MAX_PHASES) return "a plan has at most 64 phases";
    struct phase *phase = &phases[phase_count++];
    *phase = (struct phase){.threads = 1, .duty = 1, .seconds = 1};
    char *colon = strchr(part, ':');
    if (colon == NULL) return "a phase is written name:threads=2,duty=60,memory=96,seconds=5";
    snprintf(phase->name, sizeof phase->name, "%.*s", (int)(colon - part), part);
    char *rest_of_phase = NULL;
    for (char *setting = strtok_r(colon + 1, ",", &rest_of_phase); setting;
         setting = strtok_r(NULL, ",", &rest_of_phase)) {
      const char *error = parse_setting(phase, setting);
      if (error != NULL) return error;
    }
  }
  free(copy);
  return phase_count > 0 ? NULL : "the plan has no phase";
}

const char *plan_start(const struct plan_options *options) {
  plan = *options;
  random_state = plan.seed;
  if (plan.phases != NULL) return parse_phases(plan.phases);
  static const char *const shapes[] = {"sine", "square", "ramp", "burst", "random"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (strcmp(plan.shape, shapes[i]) == 0) return NULL;
  return "the shapes are sine, square, ramp, burst and random";
}

static bool next_of_phases(struct phase *phase) {
  if (position >= plan.cycles * phase_count) return false;
  *phase = phases[position % phase_count];
  phase->cycle = position / phase_count;
  phase->seconds *= 1 + plan.jitter * (2 * uniform() - 1);
  phase->duty = between(phase->duty * (1 + plan.jitter * (2 * uniform() - 1)), 0, 1);
  return true;
}

/* The shape's level at `at` seconds, 0..1 before noise. */
static double level(double at) {
  double turn = fmod(at, plan.period) / plan.period;
  switch (plan.shape[0] == 's' ? plan.shape[1] : plan.shape[0]) {
    case 'i': return 0.5 - 0.5 * cos(2 * M_PI * turn); /* sine, begins low */
    case 'q': return turn < 0.5 ? 0 : 1;               /* square */
    case 'b': /* burst: rare and sudden, on average one a period, each a fifth of it */
      if (at >= burst_until && uniform() < plan.step / plan.period) burst_until = at + plan.period / 5;
      return at < burst_until ? 1 : 0;
    default:
      if (strcmp(plan.shape, "ramp") == 0) return turn;
      walk = between(walk + 0.5 * sqrt(plan.step / plan.period) * normal(), 0, 1);
      return walk;
  }
}

static bool next_of_shape(struct phase *phase) {
  double at = position * plan.step;
  if (at >= plan.seconds) return false;
  double height = level(at);
  double cpu = between(height + plan.noise * normal(), 0, 1);
  double memory = between(height + plan.noise * normal(), 0, 1);
  double cores = plan.cores_min + (plan.cores_max - plan.cores_min) * cpu;
  *phase = (struct phase){.cycle = (int)(at / plan.period), .seconds = plan.step};
  snprintf(phase->name, sizeof phase->name, "%s", plan.shape);
  phase->threads = (int)between(ceil(cores), 0, MAX_THREADS);
  phase->duty = phase->threads > 0 ? between(cores / phase->threads, 0, 1) : 0;
  phase->memory_mib = (int)(plan.memory_min + (plan.memory_max - plan.memory_min) * memory);
  return true;
}

bool plan_next(struct phase *phase) {
  bool more = plan.phases != NULL ? next_of_phases(phase) : next_of_shape(phase);
  if (more) position++;
  return more;
}
