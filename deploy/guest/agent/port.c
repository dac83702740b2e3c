/* The virtio-serial port: finds it, splits what comes in into lines, queues what goes out. */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An answer with a chunk of output in base64 has to fit in what is left of the queue. */
enum { ANSWER_ROOM = OUTPUT_CHUNK / 3 * 4 + 1024 };

static int fd = -1;
static bool connected;

static char line_buffer[LINE_MAX_BYTES + 1];
static size_t line_bytes; /* bytes in line_buffer */
static size_t line_taken; /* of these, already given out as lines */
static bool skipping;     /* inside an overlong line: drop bytes up to its end */

static char queue[QUEUE_BYTES];
static size_t queue_start;
static size_t queue_bytes;

int port_fd(void) { return connected ? fd : -1; }

static bool has_room(void) { return QUEUE_BYTES - queue_bytes >= ANSWER_ROOM; }

short port_events(void) {
  return (short)((has_room() && line_bytes < LINE_MAX_BYTES ? POLLIN : 0) | (queue_bytes > 0 ? POLLOUT : 0));
}

static void forget_peer(void) {
  connected = false;
  line_bytes = line_taken = queue_start = queue_bytes = 0;
  skipping = false;
}

static void open_port(void) {
  DIR *ports = opendir("/sys/class/virtio-ports");
  if (ports == NULL) return;
  struct dirent *entry;
  while (fd < 0 && (entry = readdir(ports)) != NULL) {
    char path[300], name[64];
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
    if (!read_text(path, name, sizeof name) || strcmp(strtok(name, "\n") ?: "", PORT_NAME) != 0) continue;
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }
  closedir(ports);
}

/* A port nobody is connected to reports POLLHUP without pause, so it is looked at from time to time instead. */
void port_find(void) {
  if (connected) return;
  if (fd < 0) open_port();
  if (fd < 0) return;
  struct pollfd probe = {.fd = fd, .events = POLLOUT};
  if (poll(&probe, 1, 0) < 0) return;
  if (probe.revents & (POLLERR | POLLNVAL)) {
    close(fd);
    fd = -1;
  } else if (!(probe.revents & POLLHUP)) {
    connected = true;
  }
}

static void flush(void) {
  while (queue_bytes > 0) {
    size_t straight = queue_start + queue_bytes > QUEUE_BYTES ? QUEUE_BYTES - queue_start : queue_bytes;
    ssize_t put = write(fd, queue + queue_start, straight);
    if (put <= 0) return;
    queue_start = (queue_start + (size_t)put) % QUEUE_BYTES;
    queue_bytes -= (size_t)put;
  }
}

static void fill(void) {
  ssize_t got = read(fd, line_buffer + line_bytes, LINE_MAX_BYTES - line_bytes);
  if (got > 0) line_bytes += (size_t)got;
  if (got == 0) forget_peer();
}

void port_ready(short revents) {
  if (revents & POLLIN && line_bytes < LINE_MAX_BYTES) fill();
  if (connected && revents & POLLOUT) flush();
  if (revents & (POLLHUP | POLLERR | POLLNVAL)) forget_peer();
}

static void drop_taken(void) {
  memmove(line_buffer, line_buffer + line_taken, line_bytes - line_taken);
  line_bytes -= line_taken;
  line_taken = 0;
}

bool port_take_line(char **line) {
  while (connected && has_room()) {
    char *start = line_buffer + line_taken;
    size_t left = line_bytes - line_taken;
    char *end = memchr(start, '\n', left);
    if (end == NULL) {
      drop_taken();
      if (line_bytes < LINE_MAX_BYTES) return false;
      if (!skipping) answer_error("0", "line-too-long", "a request line may have at most 128 KiB");
      skipping = true;
      line_bytes = 0;
      return false;
    }
    line_taken += (size_t)(end - start) + 1;
    if (skipping) {
      skipping = false;
      continue;
    }
    *end = '\0';
    /* A zero byte would hide the rest of the line from the parser. */
    if (memchr(start, '\0', (size_t)(end - start)) != NULL) {
      answer_error("0", "bad-request", "a request line is text");
      continue;
    }
    if (*start == '\0') continue; /* the host ends a line it may have left half-written before */
    *line = start;
    return true;
  }
  return false;
}

static void enqueue(const char *bytes, size_t count) {
  if (!connected || count > QUEUE_BYTES - queue_bytes) return;
  for (size_t i = 0; i < count;) {
    size_t at = (queue_start + queue_bytes) % QUEUE_BYTES;
    size_t straight = QUEUE_BYTES - at < count - i ? QUEUE_BYTES - at : count - i;
    memcpy(queue + at, bytes + i, straight);
    queue_bytes += straight;
    i += straight;
  }
}

static void enqueue_format(const char *first, const char *format, va_list arguments) {
  char text[ID_MAX + 256];
  int length = vsnprintf(text, sizeof text, format, arguments);
  if (length < 0 || (size_t)length >= sizeof text) return;
  enqueue(first, strlen(first));
  enqueue(text, (size_t)length);
  enqueue("\n", 1);
}

void answer(const char *number, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  enqueue_format(number, format, arguments);
  va_end(arguments);
}

void answer_error(const char *number, const char *code, const char *message) {
  char text[512];
  size_t length = strlen(message) > 300 ? 300 : strlen(message);
  text[base64_encode((const uint8_t *)message, length, text)] = '\0';
  answer(number, " error %s %s", code, text);
}

void answer_bytes(const char *number, uint64_t offset, const uint8_t *bytes, size_t count) {
  static char text[ANSWER_ROOM];
  int head = snprintf(text, sizeof text, "%s ok %llu ", number, (unsigned long long)offset);
  size_t length = (size_t)head + base64_encode(bytes, count, text + head);
  text[length++] = '\n';
  enqueue(text, length);
}

static bool event_fits(void) { return connected && queue_bytes < QUEUE_BYTES / 2; }

void event(const char *format, ...) {
  if (!event_fits()) return;
  va_list arguments;
  va_start(arguments, format);
  enqueue_format("event ", format, arguments);
  va_end(arguments);
}

void event_note(const char *note, size_t count) {
  if (!event_fits()) return;
  char text[NOTE_MAX * 2 + 32];
  memcpy(text, "event note ", 11);
  size_t length = 11 + base64_encode((const uint8_t *)note, count, text + 11);
  text[length++] = '\n';
  enqueue(text, length);
}
