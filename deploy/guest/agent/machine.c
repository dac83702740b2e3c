/* The guest's CPUs and memory: brings hot-plugged ones online, counts them, keeps the commit limit honest. */
#include "agent.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define JOB_GROUP "/sys/fs/cgroup/job"
#define JOB_CPUS JOB_GROUP "/cpuset.cpus"

enum { MAX_CPUS = 256, LIMIT_CHECK_MS = 50, RESERVE_KIB = 6 * 1024 };

static int events_fd = -1;
static int wanted_cpus = MAX_CPUS; /* until the host has said a number, every CPU that appears is used */
static int warm_cpus;              /* online beyond these, but not for the job */
static int64_t stream_ms, stream_at = INT64_MAX;
static int64_t limit_at;
static long kernel_kib; /* memory that the kernel itself held when the agent started */
static long started_total_kib;
static long limited_total_kib;
static long limit_kib;
static bool warming; /* memory is being taken, a step at a time */

static long meminfo(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at == NULL ? 0 : strtol(at + strlen(name), NULL, 10);
}

static void read_memory(long *total_kib, long *available_kib) {
  char text[2048] = "";
  read_text("/proc/meminfo", text, sizeof text);
  long total = meminfo(text, "MemTotal:");
  *total_kib = total - warm_kib(total);
  *available_kib = meminfo(text, "MemAvailable:");
  /* Memory that is promised but not touched yet is as good as gone: the next request would be refused. */
  long promised = meminfo(text, "CommitLimit:") - meminfo(text, "Committed_AS:");
  if (limited_total_kib != 0 && promised < *available_kib) *available_kib = promised > 0 ? promised : 0;
}

static long total_memory(void) {
  struct sysinfo info;
  if (sysinfo(&info) != 0) return limited_total_kib;
  return (long)(info.totalram * (unsigned long long)info.mem_unit / 1024);
}

static void write_limit(long kib) {
  if (kib < 1024) kib = 1024;
  if (kib == limit_kib) return;
  limit_kib = kib;
  char text[32];
  snprintf(text, sizeof text, "%ld", kib);
  write_text("/proc/sys/vm/overcommit_kbytes", text);
}

/* vm.overcommit_memory=2 refuses what exceeds the limit; MemTotal alone would count what the kernel holds.
 * Memory that is warm, or about to be, is promised to nobody but, a step at a time, to the agent that touches it. */
static void limit_commit(void) {
  long total = limited_total_kib = total_memory();
  /* Each hot-plugged page costs the kernel a 64-byte descriptor. */
  long limit = total - kernel_kib - (total - started_total_kib) / 64 - RESERVE_KIB - warm_kib(total);
  write_limit(limit + warm_charged_kib() + warm_next_kib(total));
  warming = warm_step(total);
  write_limit(limit + warm_charged_kib());
  warm_settle();
  write_limit(limit + warm_charged_kib());
}

/* 1 online, 0 offline, -1 no such CPU. CPU 0 has no switch and is always online. */
static int cpu_state(int cpu) {
  if (cpu == 0) return 1;
  char path[80], text[8];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
  return read_text(path, text, sizeof text) ? text[0] == '1' : -1;
}

static bool switch_cpu(int cpu, bool on) {
  char path[80];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
  return write_text(path, on ? "1" : "0");
}

/* CPUs online, and as a list the first `most` of them: those of the job. */
static int online_cpus(int most, char *list, size_t size) {
  char text[256];
  *list = '\0';
  if (!read_text("/sys/devices/system/cpu/online", text, sizeof text)) return 1;
  int count = 0;
  size_t used = 0;
  for (char *at = text; *at >= '0' && *at <= '9';) {
    long first = strtol(at, &at, 10), last = first;
    if (*at == '-') last = strtol(at + 1, &at, 10);
    long here = last - first + 1, ours = here < most - count ? here : most - count;
    if (ours > 0 && used + 24 < size)
      used += (size_t)snprintf(list + used, size - used, "%s%ld-%ld", used > 0 ? "," : "", first, first + ours - 1);
    count += (int)here;
    if (*at == ',') at++;
  }
  return count;
}

static int count_cpus(void) {
  char unused[2];
  return online_cpus(0, unused, sizeof unused);
}

/* CPUs that the job may use. */
static int job_cpus(void) {
  int online = count_cpus();
  return online < wanted_cpus ? online : wanted_cpus;
}

static int bring_cpus(void) {
  int target = wanted_cpus + warm_cpus, online = count_cpus();
  /* While a CPU comes up the job must not find it: the list is set before and after. */
  char list[512];
  online_cpus(wanted_cpus, list, sizeof list);
  if (warm_cpus > 0) write_text(JOB_CPUS, list);
  for (int cpu = 1; cpu < MAX_CPUS && online < target; cpu++)
    if (cpu_state(cpu) == 0 && switch_cpu(cpu, true)) online++;
  for (int cpu = MAX_CPUS - 1; cpu > 0 && online > target; cpu--)
    if (cpu_state(cpu) == 1 && switch_cpu(cpu, false)) online--;
  if (online_cpus(wanted_cpus, list, sizeof list) > wanted_cpus) write_text(JOB_CPUS, list);
  else write_text(JOB_CPUS, "\n");
  return job_cpus();
}

int machine_set_cpus(int wanted) {
  /* What is more than before comes out of the warm ones. */
  int more = wanted - wanted_cpus;
  if (more > 0) warm_cpus = more < warm_cpus ? warm_cpus - more : 0;
  wanted_cpus = wanted;
  return bring_cpus();
}

int machine_set_warm(int cpus, long kib) {
  warm_cpus = cpus;
  warm_set(kib, total_memory());
  limit_commit();
  bring_cpus();
  int online = count_cpus();
  return online > wanted_cpus ? online - wanted_cpus : 0;
}

int machine_give(int cpus, long kib) {
  warm_give(kib);
  limit_commit();
  return machine_set_cpus(job_cpus() + (cpus < warm_cpus ? cpus : warm_cpus));
}

void machine_join_job(void) { write_text(JOB_GROUP "/cgroup.procs", "0"); }

void machine_start(void) {
  long total, available;
  read_memory(&total, &available);
  kernel_kib = total - available;
  started_total_kib = total;
  limit_commit();
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
  events_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
  if (events_fd >= 0 && bind(events_fd, (struct sockaddr *)&address, sizeof address) != 0) {
    close(events_fd);
    events_fd = -1;
  }
}

int machine_fd(void) { return events_fd; }

void machine_uevents(void) {
  char text[8192];
  ssize_t got;
  while ((got = recv(events_fd, text, sizeof text - 1, 0)) > 0) {
    text[got] = '\0';
    if (strncmp(text, "add@", 4) == 0 && strstr(text, "/system/cpu/cpu") != NULL) {
      event("hotplug cpu %d", bring_cpus());
    } else if (strncmp(text, "add@", 4) == 0 && strstr(text, "/system/memory/memory") != NULL) {
      char path[300];
      snprintf(path, sizeof path, "/sys%.250s/state", text + 4);
      write_text(path, "online_movable");
      limit_commit();
      event("hotplug memory %d", job_cpus());
    }
  }
}

void machine_describe(char *into, size_t size) {
  long total, available;
  read_memory(&total, &available);
  snprintf(into, size, "%.3f %d %ld %ld", uptime_seconds(), job_cpus(), total, available);
}

void machine_stream(int64_t interval_ms) {
  stream_ms = interval_ms > 0 && interval_ms < 10 ? 10 : interval_ms;
  stream_at = interval_ms > 0 ? now_ms() + stream_ms : INT64_MAX;
}

int64_t machine_deadline(void) {
  if (warming) return now_ms();
  return stream_at < limit_at ? stream_at : limit_at;
}

void machine_tick(void) {
  int64_t now = now_ms();
  if (now >= limit_at || warming) {
    /* virtio-mem grows inside a memory block without telling user space. */
    limit_commit();
    limit_at = now + LIMIT_CHECK_MS;
  }
  if (now >= stream_at) {
    char text[128];
    machine_describe(text, sizeof text);
    event("stats %s", text);
    stream_at += stream_ms;
    if (stream_at <= now) stream_at = now + stream_ms;
  }
}
