/*
 * Run one guest program; put each line that it prints on the kernel's log.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: run-test NAME PROGRAM
 *
 * The kernel's log is the one channel on which the program's lines and the
 * kernel's own messages keep their order, and on which no line is ever split:
 * each line is one write to /dev/kmsg.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A record of the kernel's log holds about 1000 bytes, prefix included. */
#define LINE_MAX_BYTES 900

static int kmsg;

static void put_line(const char *format, ...)
{
    char record[LINE_MAX_BYTES + 32];
    va_list args;
    int n = snprintf(record, sizeof(record), "<5>rig: ");

    va_start(args, format);
    vsnprintf(record + n, sizeof(record) - n - 1, format, args);
    va_end(args);
    /* Without it the kernel waits for a continuation and prints nothing. */
    strcat(record, "\n");
    /* EAGAIN and EINTR are the only ones worth another try. */
    while (write(kmsg, record, strlen(record)) < 0 &&
           (errno == EAGAIN || errno == EINTR)) {
    }
}

static void forward(FILE *from)
{
    char line[LINE_MAX_BYTES];

    while (fgets(line, sizeof(line), from)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0]) {
            put_line("%s", line);
        }
    }
}

static pid_t start(const char *program, int *out)
{
    int fds[2];
    pid_t pid;

    if (pipe(fds) < 0 || (pid = fork()) < 0) {
        put_line("Bail out! cannot start %s: %s", program, strerror(errno));
        exit(1);
    }
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);

        dup2(null, 0);
        dup2(fds[1], 1);
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        execl(program, program, (char *)NULL);
        fprintf(stderr, "Bail out! cannot run %s: %s\n", program,
                strerror(errno));
        _exit(127);
    }
    close(fds[1]);
    *out = fds[0];
    return pid;
}

int main(int argc, char **argv)
{
    int out = -1, status = 0;
    pid_t pid;

    if (argc != 3) {
        fprintf(stderr, "usage: run-test NAME PROGRAM\n");
        return 2;
    }
    kmsg = open("/dev/kmsg", O_WRONLY);
    if (kmsg < 0) {
        kmsg = 1;
    }
    put_line("begin %s", argv[1]);
    pid = start(argv[2], &out);
    forward(fdopen(out, "r"));
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        put_line("end %s signal %d", argv[1], WTERMSIG(status));
    } else {
        put_line("end %s exit %d", argv[1], WEXITSTATUS(status));
    }
    return 0;
}
