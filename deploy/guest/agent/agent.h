/* The guest agent: one poll loop that serves the host over virtio-serial and runs the guest's one job.
 *
 * Protocol (the host's half is actors/host/agent/protocol.ts). Text lines ended by '\n', fields parted by
 * one space; payloads are base64, ids are percent-encoded and opaque here. The host numbers its requests and
 * an answer repeats the number; lines without a number are events.
 *
 *   request                      answer
 *   N hello 1                    N ok 1
 *   N run ID COMMAND64           N ok
 *   N job                        N ok idle | N ok running ID BYTES | N ok exited ID BYTES EXITCODE SIGNAL
 *   N output OFFSET MAX          N ok OFFSET DATA64        at most OUTPUT_CHUNK bytes; the last 4 MiB are kept
 *   N kill GRACE_MS              N ok
 *   N cpus COUNT                 N ok ONLINE
 *   N warm CPUS KIB              N ok CPUS KIB             online or plugged, but kept from the job; so far
 *   N give CPUS KIB              N ok ONLINE KIB           of what is warm to the job; what stays warm
 *   N stats                      N ok UPTIME ONLINE TOTAL_KIB AVAILABLE_KIB
 *   N stream INTERVAL_MS         N ok
 *   anything else                N error CODE MESSAGE64    N is 0 where the line had no number
 *
 *   event exited ID EXITCODE SIGNAL
 *   event stats UPTIME ONLINE TOTAL_KIB AVAILABLE_KIB
 *   event note TEXT64
 *   event hotplug cpu|memory ONLINE
 *
 * ONLINE CPUs and TOTAL memory are what the job may use: warm ones do not count.
 *
 * The agent never waits for the host: with its queue half full it drops events, and it reads no further request
 * until the answers before it have room. An `exited` event may be lost; `job` tells the same at any time.
 */
#ifndef SHADOWGRID_AGENT_H
#define SHADOWGRID_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_NAME "org.shadowgrid.agent"
#define PROTOCOL_VERSION 1
#define NOTES_DIRECTORY "/run/shadowgrid"
#define NOTES_PATH NOTES_DIRECTORY "/notes"

/* Limits, in bytes. */
enum {
  LINE_MAX_BYTES = 128 * 1024,  /* a request line; a longer one is answered with an error */
  QUEUE_BYTES = 512 * 1024,     /* what waits for the host to read */
  OUTPUT_KEPT = 4 * 1024 * 1024,
  OUTPUT_CHUNK = 48 * 1024,
  ID_MAX = 512,
  NOTE_MAX = 1024,
};

/* util.c */
double uptime_seconds(void);
int64_t now_ms(void);
bool read_text(const char *path, char *into, size_t size);
bool write_text(const char *path, const char *text);
size_t base64_encode(const uint8_t *bytes, size_t count, char *into); /* writes no NUL */
long base64_decode(const char *text, uint8_t *into, size_t size);     /* bytes, or -1 if not base64 */
bool parse_number(const char *text, int64_t least, int64_t most, int64_t *into);

/* port.c: the virtio-serial port, its line buffer and its queue */
int port_fd(void); /* -1 while there is no port or nobody is connected */
short port_events(void);
void port_find(void);
void port_ready(short revents);
bool port_take_line(char **line); /* the next whole line, NUL-ended, while there is room for its answer */
void answer(const char *number, const char *format, ...) __attribute__((format(printf, 2, 3)));
void answer_error(const char *number, const char *code, const char *message);
void answer_bytes(const char *number, uint64_t offset, const uint8_t *bytes, size_t count);
void event(const char *format, ...) __attribute__((format(printf, 1, 2)));
void event_note(const char *text, size_t count);

/* requests.c */
void serve(char *line);

/* job.c: the one job */
const char *job_run(const char *id, const char *command); /* NULL, or the code of an error */
void job_describe(char *into, size_t size);
size_t job_output(uint64_t *offset, size_t most, uint8_t *into);
void job_kill(int64_t grace_ms);
int job_fd(void);
void job_read(void);
void job_reap(void);
int64_t job_deadline(void); /* ms on now_ms's clock, INT64_MAX if none */
void job_tick(void);

/* machine.c: CPUs, memory, statistics */
void machine_start(void);
int machine_fd(void); /* kernel events */
void machine_uevents(void);
int machine_set_cpus(int wanted);
int machine_set_warm(int cpus, long kib); /* warm CPUs there are now */
int machine_give(int cpus, long kib);     /* CPUs of the job */
void machine_join_job(void);              /* what the caller starts from here on uses the job's CPUs only */
void machine_describe(char *into, size_t size);
void machine_stream(int64_t interval_ms);
int64_t machine_deadline(void);
void machine_tick(void);

/* warm.c: memory kept from the job. `total_kib` is all the guest has. */
void warm_set(long kib, long total_kib);
void warm_give(long kib);           /* to the job */
bool warm_step(long total_kib);     /* whether it took any */
void warm_settle(void);             /* lets go of what is touched, once all of it is */
long warm_kib(long total_kib);      /* of what there is, what the job must not have */
long warm_done_kib(void);           /* of that, what was touched */
long warm_charged_kib(void);        /* what is mapped for the touching, and so counted as used */
long warm_next_kib(long total_kib); /* what the next step maps */

/* notes.c */
void notes_start(void);
int notes_fd(void);
void notes_read(void);

#endif
