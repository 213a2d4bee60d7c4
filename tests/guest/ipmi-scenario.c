/*
 * Run a scenario: a few lines that make the BMC misbehave, and say what the
 * kernel has to make of it.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: ipmi-scenario FILE
 *
 * The harness makes this the interpreter of scenarios/NAME.ipmi, and of what
 * `make boot SCENARIO=file` names. The language is in
 * docs/system/devices/ipmi-bmc-multi.rst; the table of verbs at the end of this
 * file is all of it. Bytes of messages are hexadecimal; times are in seconds, of
 * the guest's clock, which stands still while the host works.
 *
 * What the kernel makes of a line is a point of the kernel, what the BMC and the
 * host do is one of the machine. The words of a point are the scene and the line.
 */
#include <regex.h>
#include <stdlib.h>

#include "host.h"
#include "ipmi-dev.h"
#include "ipmi-scenario.h"
#include "kmsg.h"
#include "tap.h"

/* Time limits where a line has none, in seconds */
#define WITHIN 60
#define NOTHING_WITHIN 1
#define RECOVERY 60
#define APP 0x06
#define GET_DEVICE_ID 0x01
#define ALL_CHANNELS 0xffffu

static struct {
    unsigned device;
    int fd;
    bool faulty;                /* rules have been given */
    char scene[TEXT];
    unsigned scenes;
    double slowest;             /* recovery */
    Kmsg log;
    IpmiMessage command;        /* received last */
    uint8_t sequence;           /* injected last */
} run = { .fd = -1 };

static double now(void)
{
    return kmsg_now();
}

static double limit(const Line *l)
{
    return l->within >= 0 ? l->within :
           wants_nothing(l) ? NOTHING_WITHIN : WITHIN;
}

/*
 * Points. A line that comes again in its scene has another name each time.
 */

#define NAMES 512

static const char *name_of(const char *scene, const char *text)
{
    static struct Name {
        char text[2 * TEXT];
        unsigned times;
    } names[NAMES];
    static char name[2 * TEXT + 24];
    struct Name *n = names;

    snprintf(name, sizeof(name), "%s: %s", scene, text);
    while (n < names + NAMES - 1 && n->times && strcmp(n->text, name)) {
        n++;
    }
    if (!n->times) {
        snprintf(n->text, sizeof(n->text), "%.*s", (int)sizeof(n->text) - 1,
                 name);
    }
    if (++n->times > 1) {
        snprintf(name + strlen(name), 24, ", time %u", n->times);
    }
    return name;
}

/* A line's words, with single blanks between them */
static const char *point(const Line *l)
{
    return name_of(run.scene, l->text);
}

/* In the time that the line allows? A word for the reader if not. */
static const char *in_time(const Line *l, double took)
{
    return l->after >= 0 && took < l->after ? ", too early" :
           took > limit(l) ? ", too late" : "";
}

/* What came for this line, and when; @n < 0: nothing did; @note: besides */
static void judge(const Line *l, const uint8_t *bytes, int n, double took,
                  const char *note)
{
    bool good = n < 0 ? wants_nothing(l) :
                !wants_nothing(l) && (!l->has_wanted || matches(l, bytes, n));
    const char *time = n >= 0 && good ? in_time(l, took) : "";

    tap_kernel(good && !*time && !*note, "%s => %s%s%s (after %.3f s, at most "
               "%g s)", point(l), n < 0 ? "nothing" : n ? hex(bytes, n) :
               "no bytes", note, time, took, limit(l));
}

/*
 * The device
 */

static int open_device(void)
{
    char path[32];
    int tries;

    snprintf(path, sizeof(path), "/dev/ipmi%u", run.device);
    for (tries = 0; tries < 50 && run.fd < 0; tries++) {
        run.fd = open(path, O_RDWR | O_CLOEXEC);
        if (run.fd < 0) {
            usleep(100000);
        }
    }
    return run.fd;
}

static void close_device(void)
{
    if (run.fd >= 0) {
        close(run.fd);
        run.fd = -1;
    }
}

static int send_request(Line *l, int channel, unsigned to, long msgid,
                        const uint8_t *m, unsigned n)
{
    if (open_device() < 0) {
        return ENODEV;
    }
    (void)l;
    return channel < 0 ?
           ipmi_dev_send_bmc(run.fd, msgid, m[0], m[1], m + 2, n - 2) :
           ipmi_dev_send_ipmb(run.fd, channel, to, msgid, m[0], m[1], m + 2,
                              n - 2);
}

/* The response to @msgid; others are none of ours. */
static bool await_response(long msgid, double seconds, IpmiMessage *m)
{
    double end = now() + seconds, left;

    while ((left = end - now()) > 0) {
        if (ipmi_dev_receive(run.fd, m, left * 1000 + 1) &&
            m->type == IPMI_RESPONSE_RECV_TYPE && m->msgid == msgid) {
            return true;
        }
    }
    return false;
}

/*
 * Verbs: what the BMC does
 */

static void do_fault(Line *l)
{
    if (!host_do("ipmi-fault %s", l->rest)) {
        bail_out(l, "the host does not take this rule");
    }
    run.faulty = true;
}

/*
 * Two points: a rule acts on whatever it matches, in its turn, unless one before
 * it did; that is the BMC's. A rule that met nothing proves nothing: whether
 * there is something to meet is up to the kernel.
 */
static void heal(void)
{
    static HostAnswer answer;
    char text[TEXT] = "", idle[TEXT] = "";
    unsigned i, matched, due, applied, before = 0;
    bool acts = true;

    if (!run.faulty) {
        return;
    }
    run.faulty = false;
    acts = host_ask(&answer, "ipmi-applied");
    for (i = 0; i < answer.lines; i++) {
        matched = due = applied = 0;
        sscanf(answer.line[i], "%u %u %u", &matched, &due, &applied);
        acts = acts && applied <= due && applied + before >= due;
        before += applied;
        if (!applied) {
            snprintf(idle + strlen(idle), sizeof(idle) - strlen(idle),
                     "%s%u", *idle ? ", " : "no: rule ", i + 1);
        }
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s%u of %u", i ? ", " : "", applied, matched);
    }
    tap_ok(acts, "%s => %s (%s)", name_of(run.scene, "faults act on what they "
           "match"), acts ? "yes" : "no", text);
    tap_kernel(!*idle, "%s => %s (%s)", name_of(run.scene, "each fault has "
               "happened"), *idle ? idle : "yes", text);
    host_do("ipmi-faults []");
}

static void do_heal(Line *l)
{
    (void)l;
    heal();
}

static void do_inject(Line *l)
{
    long channel = option_number(l, "channel", 0);
    char data[2 * WORDS + 1] = "";
    uint8_t m[WORDS];
    unsigned n = message_of(l, m), i;

    for (i = 2; i < n; i++) {
        sprintf(data + 2 * (i - 2), "%02x", m[i]);
    }
    run.sequence = (run.sequence + 1) & 0x3f;
    tap_ok(host_do("ipmi-request %ld %u %u %u %s", channel, m[0], m[1],
                   run.sequence, data), "%s", point(l));
}

static void do_host(Line *l)
{
    tap_ok(host_do("%s", l->rest), "%s", point(l));
}

/*
 * How often the rules have acted so far: a kernel that cannot let go of a BMC which
 * is wrong asks it again and again.
 */
static void do_acted(Line *l)
{
    static HostAnswer answer;
    unsigned long most = l->words ? strtoul(l->word[0], NULL, 0) : 0;
    unsigned long applied = 0;
    unsigned i, one;
    bool told = host_ask(&answer, "ipmi-applied");

    for (i = 0; i < answer.lines; i++) {
        one = 0;
        sscanf(answer.line[i], "%*u %*u %u", &one);
        applied += one;
    }
    tap_kernel(told && applied <= most, "%s => %s (%lu times)", point(l),
               !told ? "the host does not tell" : applied > most ?
               "more often" : "yes", applied);
}

/*
 * Verbs: what the guest does
 */

static void do_device(Line *l)
{
    if (l->words != 1) {
        bail_out(l, "a number is wanted: 0 for /dev/ipmi0");
    }
    close_device();
    run.device = atoi(l->word[0]);
}

static void do_send(Line *l)
{
    static long msgid;
    long channel = option_number(l, "channel", -1);
    long to = option_number(l, "to", -1);
    uint8_t m[WORDS];
    unsigned n = message_of(l, m);
    double start = now();
    IpmiMessage answer;
    int error;

    if (to >= 0 && channel < 0) {
        channel = 0;
    }
    error = send_request(l, channel, to < 0 ? 0x20 : to, ++msgid, m, n);
    if (error) {
        tap_kernel(wants_error(l), "%s => %s", point(l), strerror(error));
    } else if (await_response(msgid, limit(l), &answer)) {
        judge(l, answer.data, answer.len, now() - start, "");
    } else {
        judge(l, NULL, -1, now() - start, "");
    }
}

/* Until Get Device ID has an answer again. */
static void do_recover(Line *l)
{
    static const uint8_t request[] = { APP, GET_DEVICE_ID };
    double start, most = l->words ? atof(l->word[0]) : RECOVERY, took = 0;
    static long msgid = 1000000;
    IpmiMessage m;
    bool good = false;

    heal();
    for (start = now(); !good && took <= most; took = now() - start) {
        good = !send_request(l, -1, 0, ++msgid, request, 2) &&
               await_response(msgid, most - took, &m) && m.len &&
               m.data[0] == 0;
        if (!good) {
            usleep(100000);
        }
    }
    run.slowest = took > run.slowest ? took : run.slowest;
    tap_kernel(good, "%s => %s (after %.2f s)", point(l),
               good ? "it answers" : "still no answer", took);
}

static void do_register(Line *l)
{
    const char *list = option(l, "channels");
    uint32_t mask = list ? 0 : ALL_CHANNELS;
    uint8_t m[WORDS];
    int error;

    message_of(l, m);
    while (list && *list) {
        mask |= 1u << (atoi(list) & 31);
        list += strcspn(list, ",");
        list += strspn(list, ",");
    }
    error = open_device() < 0 ? ENODEV :
            ipmi_dev_register(run.fd, m[0], m[1], mask);
    tap_kernel(!error, "%s => %s", point(l), error ? strerror(error) : "yes");
}

/* A command that came in by a channel: its network function, command, data */
static void do_receive(Line *l)
{
    double start = now();
    uint8_t bytes[IPMI_DEV_MAX + 2];
    IpmiMessage message, *m = &message;
    char note[32] = "";
    long channel = option_number(l, "channel", -1);

    /* What is wanted may follow the verb at once. */
    if (!l->has_wanted) {
        memcpy(l->wanted, l->word, sizeof(l->word));
        l->n_wanted = l->words;
        l->has_wanted = true;
    }
    do {
        if (!ipmi_dev_receive(run.fd, m, limit(l) * 1000)) {
            judge(l, NULL, -1, now() - start, "");
            return;
        }
    } while (m->type != IPMI_CMD_RECV_TYPE);
    run.command = message;
    bytes[0] = m->netfn;
    bytes[1] = m->cmd;
    memcpy(bytes + 2, m->data, m->len);
    if (channel >= 0 && m->addr.channel != channel) {
        snprintf(note, sizeof(note), ", by channel %d", m->addr.channel);
    }
    judge(l, bytes, m->len + 2, now() - start, note);
}

/* To the command that was received last */
static void do_answer(Line *l)
{
    IpmiMessage *m = &run.command;
    unsigned size = m->addr.addr_type == IPMI_IPMB_ADDR_TYPE ?
                    sizeof(struct ipmi_ipmb_addr) :
                    sizeof(struct ipmi_lan_addr);
    uint8_t bytes[WORDS];
    unsigned n = bytes_of(l, l->word, l->words, bytes);
    int error = ipmi_dev_send(run.fd, &m->addr, size, m->msgid, m->netfn | 1,
                              m->cmd, bytes, n);

    tap_kernel(!error, "%s => %s", point(l), error ? strerror(error) : "yes");
}

/*
 * What the guest sent onto a channel, in the medium's format, oldest first.
 * Whether it sends anything, and what, is the kernel's affair.
 */
static void do_sent(Line *l)
{
    static HostAnswer answer;
    long channel = option_number(l, "channel", 0);
    uint8_t bytes[IPMI_DEV_MAX];
    double start = now();
    unsigned byte;
    int n = -1, used;
    char *p;

    if (!l->has_wanted) {
        memcpy(l->wanted, l->word, sizeof(l->word));
        l->n_wanted = l->words;
        l->has_wanted = true;
    }
    do {
        usleep(100000);
        if (host_ask(&answer, "ipmi-sent %ld", channel) && answer.lines) {
            for (n = 0, p = answer.line[0]; n < IPMI_DEV_MAX &&
                 sscanf(p, "%2x%n", &byte, &used) == 1; p += used) {
                bytes[n++] = byte;
            }
        }
    } while (n < 0 && now() - start < limit(l));
    judge(l, bytes, n, now() - start, "");
}

static void do_run(Line *l)
{
    char output[KMSG_LINE], command[TEXT + 16];
    double start = now();
    int status;
    FILE *p;

    close_device();
    snprintf(command, sizeof(command), "{ %s\n} 2>&1", l->rest);
    p = popen(command, "r");
    while (p && fgets(output, sizeof(output), p)) {
        output[strcspn(output, "\n")] = '\0';
        printf("#   %s\n", output);
    }
    status = p ? pclose(p) : -1;
    tap_kernel(status == 0, "%s => status %d (after %.2f s)", point(l),
               WEXITSTATUS(status), now() - start);
}

/*
 * The driver finds the interfaces once more, in the order of their slots; all
 * of them, or as many as are wanted.
 */
static void do_rebind(Line *l)
{
    static IpmiInterfaces known;
    IpmiInterfaces found;
    double start = now(), took;
    unsigned wanted;

    close_device();
    ipmi_dev_unbind(&found);
    if (found.n > known.n) {
        known = found;
    }
    ipmi_dev_bind(&known);
    took = now() - start;
    ipmi_dev_interfaces(&found);
    wanted = l->words ? (unsigned)atoi(l->word[0]) : known.n;
    tap_kernel(found.n == wanted && wanted && !*in_time(l, took),
               "%s => %u of %u interfaces%s (after %.2f s, at most %g s)",
               point(l), found.n, known.n, in_time(l, took), took, limit(l));
}

static void do_wait(Line *l)
{
    usleep((l->words ? atof(l->word[0]) : 1) * 1000000);
}

/*
 * Verbs: what the kernel says
 */

static void compile(const Line *l, regex_t *pattern)
{
    if (regcomp(pattern, l->rest, REG_EXTENDED | REG_NOSUB)) {
        bail_out(l, "'%s' is no extended regular expression", l->rest);
    }
}

/* A line of the kernel's, since the scene began */
static void do_kernel(Line *l)
{
    double start = now();
    bool found = false;
    regex_t pattern;

    compile(l, &pattern);
    while (!found && kmsg_wait(&run.log, start + limit(l))) {
        found = !regexec(&pattern, run.log.line, 0, NULL, 0);
    }
    regfree(&pattern);
    tap_kernel(found, "%s => %s", point(l), found ? "yes" : "no such line");
    if (found) {
        printf("#   %s\n", run.log.line);
    }
}

/* Troubles that the kernel reports do not fail the test then. */
static void do_expect_kernel(Line *l)
{
    printf("# expect-kernel: %s\n", l->rest);
}

/*
 * Scenes
 */

static void do_scene(Line *l)
{
    heal();
    close_device();
    snprintf(run.scene, sizeof(run.scene), "%s", l->rest);
    run.scenes++;
    lseek(run.log.fd, 0, SEEK_END);
}

/* The harness reads it. */
static void do_nothing(Line *l)
{
    (void)l;
}

typedef struct Verb {
    const char *name;
    void (*run)(Line *l);
    bool is_text;               /* all that follows is one piece of text */
} Verb;

static const Verb verbs[] = {
    { "acted", do_acted, false },
    { "answer", do_answer, false },
    { "device", do_device, false },
    { "expect-kernel", do_expect_kernel, true },
    { "fault", do_fault, true },
    { "heal", do_heal, false },
    { "host", do_host, true },
    { "inject", do_inject, false },
    { "kernel", do_kernel, true },
    { "kernels", do_nothing, true },
    { "needs", do_nothing, true },
    { "rebind", do_rebind, false },
    { "receive", do_receive, false },
    { "recover", do_recover, false },
    { "register", do_register, false },
    { "run", do_run, true },
    { "scene", do_scene, true },
    { "send", do_send, false },
    { "sent", do_sent, false },
    { "topology", do_nothing, true },
    { "wait", do_wait, false },
};

static const Verb *find_verb(const char *name)
{
    unsigned i;

    for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!strcmp(verbs[i].name, name)) {
            return &verbs[i];
        }
    }
    return NULL;
}

/*
 * Lines
 */

/* Blanks stand for nothing: one between two words. */
static void squeeze(char *to, const char *from)
{
    for (; *from; from++) {
        bool blank = *from == ' ' || *from == '\t';

        if (!blank || (from[1] && from[1] != ' ' && from[1] != '\t')) {
            *to++ = blank ? ' ' : *from;
        }
    }
    *to = '\0';
}

static void run_line(char *text, unsigned number)
{
    static Line l;
    char name[32] = "";
    const Verb *verb;
    int used = 0;

    memset(&l, 0, sizeof(l));
    l.number = number;
    l.within = l.after = -1;
    text += strspn(text, " \t");
    text[strcspn(text, "\r\n")] = '\0';
    /* A line of its own, or after a blank; a pattern may have one inside. */
    if (!*text || *text == '#' || *text == '-') {
        return;
    }
    if (strstr(text, " #")) {
        *strstr(text, " #") = '\0';
    }
    squeeze(l.text, text);
    sscanf(text, "%31s%n", name, &used);
    text += used + strspn(text + used, " \t");
    snprintf(l.rest, sizeof(l.rest), "%s", text);
    snprintf(l.storage, sizeof(l.storage), "%s", text);
    verb = find_verb(name);
    if (!verb) {
        bail_out(&l, "there is no verb '%s'", name);
    }
    if (!verb->is_text) {
        split(&l);
    }
    printf("# step: %s: line %u: %s\n", run.scene, number, l.text);
    verb->run(&l);
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    char text[TEXT];
    unsigned number;

    if (!file || !kmsg_open(&run.log, false)) {
        fprintf(stderr, "usage: ipmi-scenario FILE\n");
        return 2;
    }
    if (access(IPMI_DEV_DRIVER, F_OK)) {
        tap_skip_all("kernel has no ipmi_si for PCI");
    }
    strcpy(run.scene, "start");
    /* The harness has put a line before the first one: it is number 0. */
    for (number = 0; fgets(text, sizeof(text), file); number++) {
        run_line(text, number);
    }
    heal();
    printf("# seen: scenes: %u; recovery at the latest after %.1f s\n",
           run.scenes ? run.scenes : 1, run.slowest);
    return tap_done();
}
