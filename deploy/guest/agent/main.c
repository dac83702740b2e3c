/* Guest agent of shadowgrid; PID 1 of the guest once init has done. See agent.h. */
#include "agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { FIND_PORT_MS = 50 };

static int watch_children(void) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, NULL);
  return signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int poll_timeout(void) {
  int64_t next = job_deadline() < machine_deadline() ? job_deadline() : machine_deadline();
  int64_t wait = next == INT64_MAX ? 1000 : next - now_ms();
  if (port_fd() < 0 && wait > FIND_PORT_MS) wait = FIND_PORT_MS;
  return wait < 0 ? 0 : (int)(wait > 1000 ? 1000 : wait);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  write_text("/proc/self/oom_score_adj", "-1000");
  int children = watch_children();
  notes_start();
  machine_start();
  /* The doctor and people read this on the console. */
  printf("shadowgrid-guest ready after %.2f s\n", uptime_seconds());
  fflush(stdout);

  for (;;) {
    port_find();
    struct pollfd watched[] = {
        {.fd = port_fd(), .events = port_events()}, {.fd = job_fd(), .events = POLLIN},
        {.fd = children, .events = POLLIN},         {.fd = machine_fd(), .events = POLLIN},
        {.fd = notes_fd(), .events = POLLIN},
    };
    if (poll(watched, sizeof watched / sizeof *watched, poll_timeout()) > 0) {
      if (watched[4].revents) notes_read();
      if (watched[3].revents) machine_uevents();
      if (watched[1].revents && job_fd() >= 0) job_read();
      if (watched[2].revents) {
        struct signalfd_siginfo info;
        while (read(children, &info, sizeof info) == (ssize_t)sizeof info) {
        }
        job_reap();
      }
      if (watched[0].revents) port_ready(watched[0].revents);
    }
    char *line;
    while (port_take_line(&line)) serve(line);
    job_tick();
    machine_tick();
  }
}
