/* Clocks, small files, base64 and numbers. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double uptime_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool read_text(const char *path, char *into, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t got = read(fd, into, size - 1);
  close(fd);
  if (got < 0) return false;
  into[got] = '\0';
  return true;
}

bool write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t put = write(fd, text, strlen(text));
  close(fd);
  return put == (ssize_t)strlen(text);
}

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const uint8_t *bytes, size_t count, char *into) {
  size_t written = 0;
  for (size_t i = 0; i < count; i += 3) {
    size_t left = count - i;
    uint32_t group = (uint32_t)bytes[i] << 16;
    if (left > 1) group |= (uint32_t)bytes[i + 1] << 8;
    if (left > 2) group |= bytes[i + 2];
    into[written++] = ALPHABET[group >> 18];
    into[written++] = ALPHABET[(group >> 12) & 63];
    into[written++] = left > 1 ? ALPHABET[(group >> 6) & 63] : '=';
    into[written++] = left > 2 ? ALPHABET[group & 63] : '=';
  }
  return written;
}

long base64_decode(const char *text, uint8_t *into, size_t size) {
  size_t length = strlen(text);
  while (length > 0 && text[length - 1] == '=') length--;
  size_t written = 0;
  uint32_t group = 0;
  int bits = 0;
  for (size_t i = 0; i < length; i++) {
    const char *digit = strchr(ALPHABET, text[i]);
    if (digit == NULL) return -1;
    group = group << 6 | (uint32_t)(digit - ALPHABET);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    if (written == size) return -1;
    into[written++] = (uint8_t)(group >> bits);
  }
  return (long)written;
}

bool parse_number(const char *text, int64_t least, int64_t most, int64_t *into) {
  if (text == NULL || *text < '0' || *text > '9') return false;
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || *end != '\0' || value < least || value > most) return false;
  *into = value;
  return true;
}
