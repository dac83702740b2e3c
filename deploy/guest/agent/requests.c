/* Answers one request line of the host. */
#include "agent.h"

#include <stdio.h>
#include <string.h>

enum { MAX_FIELDS = 5 };

static void serve_run(const char *number, char **field, int fields) {
  static char command[LINE_MAX_BYTES];
  if (fields != 4 || strlen(field[2]) > ID_MAX) {
    answer_error(number, "bad-request", "run wants an id of at most 512 bytes and a command in base64");
    return;
  }
  long length = base64_decode(field[3], (uint8_t *)command, sizeof command - 1);
  if (length < 0 || memchr(command, '\0', (size_t)length) != NULL) {
    answer_error(number, "bad-request", "the command is not text in base64");
    return;
  }
  command[length] = '\0';
  const char *error = job_run(field[2], command);
  if (error == NULL) answer(number, " ok");
  else answer_error(number, error, "the command could not be started");
}

static void serve_output(const char *number, char **field, int fields) {
  static uint8_t chunk[OUTPUT_CHUNK];
  int64_t from, most;
  if (fields != 4 || !parse_number(field[2], 0, INT64_MAX, &from) || !parse_number(field[3], 0, INT64_MAX, &most)) {
    answer_error(number, "bad-request", "output wants an offset and a number of bytes");
    return;
  }
  uint64_t offset = (uint64_t)from;
  size_t count = job_output(&offset, most < OUTPUT_CHUNK ? (size_t)most : OUTPUT_CHUNK, chunk);
  answer_bytes(number, offset, chunk, count);
}

static void serve_number(const char *number, char **field, int fields) {
  int64_t value;
  if (fields != 3 || !parse_number(field[2], 0, 86400000, &value)) {
    answer_error(number, "bad-request", "one whole number is wanted");
  } else if (strcmp(field[1], "kill") == 0) {
    job_kill(value);
    answer(number, " ok");
  } else if (strcmp(field[1], "stream") == 0) {
    machine_stream(value);
    answer(number, " ok");
  } else if (strcmp(field[1], "cpus") == 0) {
    if (value < 1) answer_error(number, "bad-request", "CPU 0 cannot be taken offline");
    else answer(number, " ok %d", machine_set_cpus((int)value));
  } else {
    answer(number, " ok %d", PROTOCOL_VERSION);
  }
}

static void serve_warm(const char *number, char **field, int fields) {
  int64_t cpus, kib;
  if (fields != 4 || !parse_number(field[2], 0, 4096, &cpus) || !parse_number(field[3], 0, (int64_t)1 << 40, &kib)) {
    answer_error(number, "bad-request", "a number of CPUs and KiB of memory are wanted");
    return;
  }
  bool give = strcmp(field[1], "give") == 0;
  int count = give ? machine_give((int)cpus, (long)kib) : machine_set_warm((int)cpus, (long)kib);
  answer(number, " ok %d %ld", count, warm_done_kib());
}

static int split(char *line, char **field) {
  int fields = 0;
  for (char *at = line; fields < MAX_FIELDS;) {
    field[fields++] = at;
    at = strchr(at, ' ');
    if (at == NULL) break;
    *at++ = '\0';
  }
  return fields;
}

void serve(char *line) {
  char *field[MAX_FIELDS] = {0};
  int fields = split(line, field);
  const char *number = field[0];
  int64_t parsed;
  char text[ID_MAX + 128];

  if (!parse_number(number, 1, INT64_MAX, &parsed)) {
    answer_error("0", "bad-request", "a request begins with its number");
  } else if (fields < 2) {
    answer_error(number, "bad-request", "a request has a verb");
  } else if (strcmp(field[1], "run") == 0) {
    serve_run(number, field, fields);
  } else if (strcmp(field[1], "output") == 0) {
    serve_output(number, field, fields);
  } else if (strcmp(field[1], "kill") == 0 || strcmp(field[1], "stream") == 0 ||
             strcmp(field[1], "cpus") == 0 || strcmp(field[1], "hello") == 0) {
    serve_number(number, field, fields);
  } else if (strcmp(field[1], "warm") == 0 || strcmp(field[1], "give") == 0) {
    serve_warm(number, field, fields);
  } else if (strcmp(field[1], "job") == 0) {
    job_describe(text, sizeof text);
    answer(number, " ok %s", text);
  } else if (strcmp(field[1], "stats") == 0) {
    machine_describe(text, sizeof text);
    answer(number, " ok %s", text);
  } else {
    answer_error(number, "unknown-verb", "this agent does not know the verb");
  }
}
