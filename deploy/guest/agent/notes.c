/* Notes: programs in the guest write lines into a FIFO, and each goes to the host as an event. */
#include "agent.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd = -1;
static char line[NOTE_MAX];
static size_t line_bytes;

void notes_start(void) {
  mkdir("/run", 0755);
  mkdir(NOTES_DIRECTORY, 0755);
  mkfifo(NOTES_PATH, 0666);
  chmod(NOTES_PATH, 0666);
  /* Opened for writing too, so that it never reports an end when the last writer leaves. */
  fd = open(NOTES_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

int notes_fd(void) { return fd; }

void notes_read(void) {
  char bytes[4096];
  ssize_t got = read(fd, bytes, sizeof bytes);
  for (ssize_t i = 0; i < got; i++) {
    if (bytes[i] != '\n') {
      if (line_bytes < NOTE_MAX) line[line_bytes++] = bytes[i]; /* the rest of an overlong line is cut */
      continue;
    }
    if (line_bytes > 0) event_note(line, line_bytes);
    line_bytes = 0;
  }
}
