/* Lines for people on stdout and, where an agent listens, notes for the host: the ground truth of demand. */
#define _GNU_SOURCE
#include "workload.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double monotonic_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note(const char *line, size_t length) {
  /* A write of less than PIPE_BUF bytes is atomic, so threads need no lock. */
  static int fd = -2;
  if (fd == -2) fd = open("/run/shadowgrid/notes", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0 && write(fd, line, length) < 0) {
    /* Nobody reads: the line is on stdout as well. */
  }
}

void report(bool as_note, const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  if ((size_t)length > sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  if (as_note) note(line, (size_t)length);
  fwrite(line, 1, (size_t)length, stdout);
  fflush(stdout);
}
