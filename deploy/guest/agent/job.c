/* The guest's one job: its processes, its output and how it ended. */
#define _GNU_SOURCE /* pipe2 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static enum { IDLE, RUNNING, EXITED } state = IDLE;
static char job_id[ID_MAX + 1];
static pid_t leader;
static int output_pipe = -1;
static int exit_code, exit_signal;
static int64_t kill_at = INT64_MAX;

static uint8_t output[OUTPUT_KEPT]; /* byte N of the job's output lies at N % OUTPUT_KEPT */
static uint64_t output_bytes;       /* bytes the job has written in all */

static void become_job(int output_end, const char *command) {
  setsid();
  machine_join_job();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  /* When memory runs out the job goes, never the agent. */
  write_text("/proc/self/oom_score_adj", "500");
  int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, 0);
  dup2(output_end, 1);
  dup2(output_end, 2);
  if (chdir("/") != 0) _exit(126);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

const char *job_run(const char *id, const char *command) {
  if (state != IDLE && strcmp(job_id, id) == 0) return NULL;
  if (state == RUNNING) return "job-running";
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no-pipe";
  pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return "no-process";
  }
  if (child == 0) become_job(ends[1], command);
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  if (output_pipe >= 0) close(output_pipe);
  output_pipe = ends[0];
  leader = child;
  state = RUNNING;
  output_bytes = 0;
  kill_at = INT64_MAX;
  snprintf(job_id, sizeof job_id, "%s", id);
  return NULL;
}

void job_describe(char *into, size_t size) {
  unsigned long long bytes = output_bytes;
  if (state == IDLE) snprintf(into, size, "idle");
  else if (state == RUNNING) snprintf(into, size, "running %s %llu", job_id, bytes);
  else snprintf(into, size, "exited %s %llu %d %d", job_id, bytes, exit_code, exit_signal);
}

size_t job_output(uint64_t *offset, size_t most, uint8_t *into) {
  uint64_t oldest = output_bytes > OUTPUT_KEPT ? output_bytes - OUTPUT_KEPT : 0;
  if (*offset < oldest) *offset = oldest;
  if (*offset > output_bytes) *offset = output_bytes;
  uint64_t there = output_bytes - *offset;
  size_t count = there < most ? (size_t)there : most;
  for (size_t i = 0; i < count;) {
    size_t at = (size_t)((*offset + i) % OUTPUT_KEPT);
    size_t straight = OUTPUT_KEPT - at < count - i ? OUTPUT_KEPT - at : count - i;
    memcpy(into + i, output + at, straight);
    i += straight;
  }
  return count;
}

/* The leader may be gone while others of its group still hold the pipe, so the group is what is signalled. */
void job_kill(int64_t grace_ms) {
  if (state != RUNNING) return;
  kill(-leader, SIGTERM);
  int64_t at = now_ms() + grace_ms;
  if (at < kill_at) kill_at = at;
}

int job_fd(void) { return output_pipe; }

void job_read(void) {
  /* A bounded number of rounds: a job that writes without end must not keep the loop from its other duties. */
  for (int round = 0; round < 16; round++) {
    size_t at = (size_t)(output_bytes % OUTPUT_KEPT);
    ssize_t got = read(output_pipe, output + at, OUTPUT_KEPT - at);
    if (got > 0) {
      output_bytes += (uint64_t)got;
      continue;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
      close(output_pipe);
      output_pipe = -1;
    }
    return;
  }
}

static void finish(int status) {
  exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  exit_code = exit_signal != 0 ? 128 + exit_signal : WEXITSTATUS(status);
  /* The command is the job: what it left running in the background ends with it. */
  kill(-leader, SIGKILL);
  if (output_pipe >= 0) job_read();
  if (output_pipe >= 0) {
    close(output_pipe);
    output_pipe = -1;
  }
  state = EXITED;
  kill_at = INT64_MAX;
  event("exited %s %d %d", job_id, exit_code, exit_signal);
}

void job_reap(void) {
  int status;
  pid_t child;
  /* The agent is PID 1: orphans of the job are reaped here too. */
  while ((child = waitpid(-1, &status, WNOHANG)) > 0)
    if (state == RUNNING && child == leader) finish(status);
}

int64_t job_deadline(void) { return kill_at; }

void job_tick(void) {
  if (state != RUNNING || now_ms() < kill_at) return;
  kill(-leader, SIGKILL);
  kill_at = INT64_MAX;
}
