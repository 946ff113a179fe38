/*
 * relay LISTEN CONNECT: sits on a unix socket between a plugin and its runtime and says how long the plugin took to answer: from before the
 * first byte of a request is written to the plugin until the first byte of the answer is there. A process as small as this one adds a few
 * microseconds; a runtime in Node.js would add its own way to the socket and back.
 *
 * For one plugin at a time, which the runtime asks one thing at a time. A connection that either side closes is closed on the other one.
 * Any line on standard input is answered with the time of the last answer, in nanoseconds by CLOCK_MONOTONIC, or 0 if there was none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STANDARD_INPUT, LISTENING, PLUGIN, RUNTIME, DESCRIPTORS };

static struct pollfd descriptors[DESCRIPTORS];
static char buffer[1 << 16];
static long long asked, taken;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int unix_socket(const char *path, int (*use)(int, const struct sockaddr *, socklen_t)) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0 || strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  if (use(descriptor, (const struct sockaddr *)&address, sizeof address) == 0) return descriptor;
  close(descriptor);
  return -1;
}

static void hang_up(void) {
  for (int side = PLUGIN; side <= RUNTIME; side++) {
    if (descriptors[side].fd >= 0) close(descriptors[side].fd);
    descriptors[side].fd = -1;
  }
}

/* A plugin that comes while there is no runtime is sent away, and tries again. */
static void accept_plugin(const char *runtime) {
  const int plugin = accept4(descriptors[LISTENING].fd, NULL, NULL, SOCK_CLOEXEC);
  if (plugin < 0) return;
  hang_up();
  descriptors[PLUGIN].fd = plugin;
  descriptors[RUNTIME].fd = unix_socket(runtime, connect);
  if (descriptors[RUNTIME].fd < 0) hang_up();
  asked = 0;
}

/* Passes on what is there. */
static int forward(int from, int to) {
  const ssize_t length = read(descriptors[from].fd, buffer, sizeof buffer);
  if (length <= 0) return -1;
  const long long time = now();
  if (from == RUNTIME && asked == 0) asked = time;
  if (from == PLUGIN && asked != 0) {
    taken = time - asked;
    asked = 0;
  }
  for (ssize_t done = 0, written; done < length; done += written) {
    written = send(descriptors[to].fd, buffer + done, length - done, MSG_NOSIGNAL);
    if (written < 0) return -1;
  }
  return 0;
}

int main(int parameters, char **parameter) {
  if (parameters != 3) {
    fprintf(stderr, "usage: relay LISTEN CONNECT\n");
    return 2;
  }
  for (int each = 0; each < DESCRIPTORS; each++) descriptors[each] = (struct pollfd){.fd = -1, .events = POLLIN};
  descriptors[STANDARD_INPUT].fd = 0;
  descriptors[LISTENING].fd = unix_socket(parameter[1], bind);
  if (descriptors[LISTENING].fd < 0 || listen(descriptors[LISTENING].fd, 4) < 0) {
    perror(parameter[1]);
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (;;) {
    if (poll(descriptors, DESCRIPTORS, -1) < 0 && errno != EINTR) return 1;
    /* What connected first is what is looked at last: accepting hangs up the two before it. */
    for (int from = RUNTIME; from >= PLUGIN; from--) {
      if (descriptors[from].fd < 0 || descriptors[from].revents == 0) continue;
      if (forward(from, from == PLUGIN ? RUNTIME : PLUGIN) < 0) hang_up();
    }
    if (descriptors[LISTENING].revents != 0) accept_plugin(parameter[2]);
    if (descriptors[STANDARD_INPUT].revents != 0) {
      if (read(0, buffer, sizeof buffer) <= 0) return 0;
      printf("%lld\n", taken);
      taken = 0;
    }
  }
}
