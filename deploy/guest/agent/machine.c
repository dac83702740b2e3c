/* The guest's CPUs and memory: brings hot-plugged ones online, counts them, keeps the commit limit honest. */
#include "agent.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { MAX_CPUS = 256, LIMIT_CHECK_MS = 50, RESERVE_KIB = 6 * 1024 };

static int events_fd = -1;
static int wanted_cpus = MAX_CPUS; /* until the host has said a number, every CPU that appears is used */
static int64_t stream_ms, stream_at = INT64_MAX;
static int64_t limit_at;
static long kernel_kib; /* memory that the kernel itself held when the agent started */
static long started_total_kib;
static long limited_total_kib;

static long meminfo(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at == NULL ? 0 : strtol(at + strlen(name), NULL, 10);
}

static void read_memory(long *total_kib, long *available_kib) {
  char text[2048] = "";
  read_text("/proc/meminfo", text, sizeof text);
  *total_kib = meminfo(text, "MemTotal:");
  *available_kib = meminfo(text, "MemAvailable:");
  /* Memory that is promised but not touched yet is as good as gone: the next request would be refused. */
  long promised = meminfo(text, "CommitLimit:") - meminfo(text, "Committed_AS:");
  if (limited_total_kib != 0 && promised < *available_kib) *available_kib = promised > 0 ? promised : 0;
}

/* vm.overcommit_memory=2 refuses what exceeds the limit; MemTotal alone would count what the kernel holds. */
static void limit_commit(void) {
  struct sysinfo info;
  if (sysinfo(&info) != 0) return;
  long total = (long)(info.totalram * (unsigned long long)info.mem_unit / 1024);
  if (total == limited_total_kib) return;
  limited_total_kib = total;
  /* Each hot-plugged page costs the kernel a 64-byte descriptor. */
  long limit = total - kernel_kib - (total - started_total_kib) / 64 - RESERVE_KIB;
  char text[32];
  snprintf(text, sizeof text, "%ld", limit > 1024 ? limit : 1024);
  write_text("/proc/sys/vm/overcommit_kbytes", text);
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

static int online_cpus(void) {
  char text[256];
  if (!read_text("/sys/devices/system/cpu/online", text, sizeof text)) return 1;
  int count = 0;
  for (char *at = text; *at >= '0' && *at <= '9';) {
    long first = strtol(at, &at, 10), last = first;
    if (*at == '-') last = strtol(at + 1, &at, 10);
    count += (int)(last - first) + 1;
    if (*at == ',') at++;
  }
  return count;
}

static int bring_cpus(void) {
  int online = online_cpus();
  for (int cpu = 1; cpu < MAX_CPUS && online < wanted_cpus; cpu++)
    if (cpu_state(cpu) == 0 && switch_cpu(cpu, true)) online++;
  for (int cpu = MAX_CPUS - 1; cpu > 0 && online > wanted_cpus; cpu--)
    if (cpu_state(cpu) == 1 && switch_cpu(cpu, false)) online--;
  return online_cpus();
}

int machine_set_cpus(int wanted) {
  wanted_cpus = wanted;
  return bring_cpus();
}

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
      event("hotplug memory %d", online_cpus());
    }
  }
}

void machine_describe(char *into, size_t size) {
  long total, available;
  read_memory(&total, &available);
  snprintf(into, size, "%.3f %d %ld %ld", uptime_seconds(), online_cpus(), total, available);
}

void machine_stream(int64_t interval_ms) {
  stream_ms = interval_ms > 0 && interval_ms < 10 ? 10 : interval_ms;
  stream_at = interval_ms > 0 ? now_ms() + stream_ms : INT64_MAX;
}

int64_t machine_deadline(void) { return stream_at < limit_at ? stream_at : limit_at; }

void machine_tick(void) {
  int64_t now = now_ms();
  if (now >= limit_at) {
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
