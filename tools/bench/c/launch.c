/*
 * launch HOST-NAMESPACE: runs programs in a network namespace and says how long each took, from before it is started to after it has ended.
 * A small process that starts another costs little itself; Node.js would add its own.
 *
 * Commands on standard input, one a line, fields separated by tabs:
 *   STDIN-FILE STDOUT-FILE [NAME=VALUE…] PROGRAM [ARGUMENT…]
 * Answers, one for each, in nanoseconds by CLOCK_MONOTONIC:
 *   NANOSECONDS WAIT-STATUS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { MAX_FIELDS = 64, MAX_VARIABLES = 512 };

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Returns the wait status, or -1 with errno when the program cannot be started. */
static int run(const char *input, const char *output, char **variables, char **arguments, long long *nanoseconds) {
  posix_spawn_file_actions_t files;
  pid_t child;
  int status = 0;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const long long begun = now();
  const int error = posix_spawn(&child, arguments[0], &files, NULL, arguments, variables);
  if (error == 0)
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  *nanoseconds = now() - begun;
  posix_spawn_file_actions_destroy(&files);
  errno = error;
  return error == 0 ? status : -1;
}

int main(int parameters, char **parameter) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t length;
  if (parameters != 2) {
    fprintf(stderr, "usage: launch HOST-NAMESPACE\n");
    return 2;
  }
  const int namespace = open(parameter[1], O_RDONLY | O_CLOEXEC);
  if (namespace < 0 || setns(namespace, CLONE_NEWNET) < 0) {
    perror(parameter[1]);
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  while ((length = getline(&line, &capacity, stdin)) > 0) {
    char *fields[MAX_FIELDS + 1], *variables[MAX_VARIABLES + 1], *rest = line;
    int field_count = 0, variable_count = 0, program = 2;
    line[length - 1] = '\0';
    while (field_count < MAX_FIELDS && (fields[field_count] = strsep(&rest, "\t")) != NULL) field_count++;
    fields[field_count] = NULL;
    while (program < field_count && strchr(fields[program], '=') != NULL) variables[variable_count++] = fields[program++];
    for (char **each = environ; *each != NULL && variable_count < MAX_VARIABLES; each++)
      variables[variable_count++] = *each;
    variables[variable_count] = NULL;
    if (program >= field_count) {
      fprintf(stderr, "launch: no program in the command\n");
      return 2;
    }
    long long nanoseconds;
    const int status = run(fields[0], fields[1], variables, fields + program, &nanoseconds);
    if (status < 0) {
      perror(fields[program]);
      return 1;
    }
    printf("%lld %d\n", nanoseconds, status);
  }
  free(line);
  return 0;
}
