/*
 * A skeleton of a routing daemon: one event loop that keeps the joins of IGMP and PIM in a manager of
 * groupscan.h. Commands, one a line on the standard input, take the place of packets.
 *
 * It shows how
 *   - clients register and take interfaces,
 *   - the joins and leaves of one turn of the loop are committed in one call, and what to do when one of
 *     them is refused,
 *   - an enumeration is read by its handle, one buffer a call,
 *   - a timer ends enumerations that clients have forgotten, and frees what they retained,
 *   - an interface goes down, and its joins are removed.
 *
 * Build:  cc -std=c99 -o daemon daemon.c $(pkg-config --cflags --libs groupscan)
 * Run:    ./daemon --help
 *         printf 'join 239.1.1.1 on 2\nshow\nquit\n' | ./daemon
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <groupscan.h>

/* A client with 10 in the low 16 bits is IGMP; the high bits name the vendor. */
#define PROTOCOL_IGMP 0x0000000a
#define PROTOCOL_PIM 0x01370020

/* The interface that PIM takes at the start. */
#define PIM_INTERFACE 7

/* Limits of the manager. Senders of joins are not trusted, so everything is limited. */
#define NODE_BYTES ((size_t)64 << 20)
#define ENUMERATIONS 64
#define DEFAULT_IDLE_MS 60000

/* Changes that one call may commit, records that one call may return, and bytes of a line. */
#define BATCH 512
#define RECORDS_A_CALL 16
#define LINE_BYTES 16384

/* The words of the longest command: join GROUP SOURCE on IFINDEX by CLIENT. */
#define MAX_WORDS 7

#define MIN_TICK_MS 10
#define MAX_TICK_MS 1000

/* Room for "(S, G)". */
#define JOIN_TEXT_BYTES (2 * INET_ADDRSTRLEN + 4)

enum kind { JOIN, LEAVE, KINDS };
enum client_id { IGMP, PIM, CLIENTS };

/* Changes of one kind that wait for the end of the turn. */
struct batch {
    groupscan_membership4 memberships[BATCH];
    size_t count;
};

struct client {
    const char *name;
    groupscan_protocol_handle handle;
    struct batch batches[KINDS];
};

/* Input that is not yet executed: bytes[start] to bytes[end - 1], and room for a 0 after it. */
struct input {
    char bytes[LINE_BYTES + 1];
    size_t start;
    size_t end;
    bool skipping;
    bool at_eof;
};

struct daemon {
    groupscan_manager *manager;
    struct client clients[CLIENTS];
    struct input input;
    uint64_t idle_ms;
    uint64_t next_tick_ms;
    uint64_t paused_until_ms;
    bool paused;
    bool quit;
    /* Readable after a signal. */
    int stop_fd;
};

struct command {
    const char *name;
    const char *arguments;
    const char *purpose;
    size_t least_words;
    size_t most_words;
    /* Whether it only adds to a batch. Batches are committed before all other commands. */
    bool collects;
    /* The words after the name, and a null after the last. */
    void (*run)(struct daemon *daemon, char **words);
};

/* ---- Words ---- */

/* Prints an error on the standard error, after all earlier output. Always false. */
static bool complain(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

/* Whether a call succeeded. Complains if it failed. */
static bool succeeded(const char *call, groupscan_status status)
{
    return status == GROUPSCAN_OK || complain("%s: %s", call, groupscan_strerror(status));
}

/* An address as text, in the caller's buffer; 0 means any. */
static const char *address_text(const uint8_t address[4], char buffer[INET_ADDRSTRLEN])
{
    static const uint8_t any[4];

    if (memcmp(address, any, sizeof any) == 0)
        return "*";
    /* Cannot fail: the family is known, and the buffer is large enough. */
    return inet_ntop(AF_INET, address, buffer, INET_ADDRSTRLEN);
}

static const char *join_text(const uint8_t source[4], const uint8_t group[4],
                             char buffer[JOIN_TEXT_BYTES])
{
    char source_buffer[INET_ADDRSTRLEN], group_buffer[INET_ADDRSTRLEN];

    snprintf(buffer, JOIN_TEXT_BYTES, "(%s, %s)", address_text(source, source_buffer),
             address_text(group, group_buffer));
    return buffer;
}

static const char *kind_name(enum kind kind)
{
    return kind == JOIN ? "join" : "leave";
}

/* Parses a number in decimal digits. strtoumax alone would accept signs and spaces. */
static bool parse_number(const char *word, const char *what, uint32_t *number)
{
    size_t digits = strspn(word, "0123456789");
    uintmax_t value = UINTMAX_MAX;

    /* If a number is too large for strtoumax, it returns UINTMAX_MAX. */
    if (digits > 0 && word[digits] == '\0')
        value = strtoumax(word, NULL, 10);
    if (value > UINT32_MAX) {
        complain("invalid %s '%s': expected a number up to %" PRIu32, what, word, UINT32_MAX);
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

static bool parse_interface(const char *word, groupscan_interface4 *interface)
{
    /* The next hop matters only on point-to-multipoint interfaces, and is 0 on others. */
    memset(interface, 0, sizeof *interface);
    return parse_number(word, "interface index", &interface->index);
}

static bool parse_address(const char *word, uint8_t address[4])
{
    return inet_pton(AF_INET, word, address) == 1 ||
           complain("'%s' is not an IPv4 address, such as 239.1.1.1", word);
}

static bool parse_client(const char *word, enum client_id *id)
{
    *id = strcmp(word, "pim") == 0 ? PIM : IGMP;
    return *id == PIM || strcmp(word, "igmp") == 0 ||
           complain("'%s' is not a client: igmp or pim", word);
}

/*
 * Parses GROUP [SOURCE] on IFINDEX [by CLIENT]. The library checks which groups a client may join, and on
 * which interfaces. A second check here could disagree with it.
 */
static bool parse_membership(char **words, groupscan_membership4 *membership, enum client_id *id)
{
    size_t count = 0;

    while (words[count])
        count++;
    memset(membership, 0, sizeof *membership);
    membership->flags = GROUPSCAN_JOIN;
    *id = IGMP;
    if (count > 4 && strcmp(words[count - 2], "by") == 0) {
        if (!parse_client(words[count - 1], id))
            return false;
        count -= 2;
    }
    if (count < 3 || count > 4 || strcmp(words[count - 2], "on") != 0)
        return complain("expected GROUP [SOURCE] on IFINDEX [by igmp|pim]");
    return parse_address(words[0], membership->group) &&
           (count == 3 || parse_address(words[1], membership->source)) &&
           parse_interface(words[count - 1], &membership->iface);
}

#define VIEWS "all-sources, one-per-group, source-specific, any-source or groups"

static bool parse_view(const char *word, uint32_t *view)
{
    static const char *const names[] = {
        [GROUPSCAN_VIEW_ALL_SOURCES] = "all-sources",
        [GROUPSCAN_VIEW_ONE_PER_GROUP] = "one-per-group",
        [GROUPSCAN_VIEW_SOURCE_SPECIFIC] = "source-specific",
        [GROUPSCAN_VIEW_ANY_SOURCE] = "any-source",
        [GROUPSCAN_VIEW_GROUPS] = "groups",
    };

    for (*view = 0; *view < sizeof names / sizeof names[0]; ++*view)
        if (strcmp(word, names[*view]) == 0)
            return true;
    return complain("'%s' is not a view: " VIEWS, word);
}

/* ---- Changes in bulk ---- */

static groupscan_status commit_once(const struct daemon *daemon, const struct client *client,
                                    enum kind kind, groupscan_outcome *outcome)
{
    const struct batch *batch = &client->batches[kind];

    if (kind == JOIN)
        return groupscan_manager_join4(daemon->manager, client->handle, batch->memberships,
                                      batch->count, outcome);
    return groupscan_manager_leave4(daemon->manager, client->handle, batch->memberships,
                                   batch->count, outcome);
}

/* Whether a call was refused because of one element, so that the others may succeed. */
static bool is_for_one(groupscan_status status, const groupscan_outcome *outcome)
{
    /* At a limit all are refused, although the outcome names the element that reached it. */
    return outcome->refused_at != GROUPSCAN_NOWHERE && status != GROUPSCAN_ERROR_OUT_OF_CAPACITY &&
           status != GROUPSCAN_ERROR_OUT_OF_MEMORY && status != GROUPSCAN_ERROR_TOO_MANY;
}

/* Reports the element that was refused, and removes it from the batch. */
static void drop_refused(const char *client, struct batch *batch, enum kind kind, size_t at,
                         groupscan_status status)
{
    const groupscan_membership4 *refused = &batch->memberships[at];
    char text[JOIN_TEXT_BYTES];

    complain("%s: %s %zu of %zu, %s on %" PRIu32 ", refused: %s", client, kind_name(kind),
             at + 1, batch->count, join_text(refused->source, refused->group, text),
             refused->iface.index, groupscan_strerror(status));
    batch->count--;
    memmove(&batch->memberships[at], &batch->memberships[at + 1],
            (batch->count - at) * sizeof batch->memberships[0]);
}

/*
 * Commits a batch in one call: readers see all of it or none, and the cost of a commit is paid once. If one
 * element is refused, the call is refused and nothing changes. Changes of many hosts should not depend on
 * each other, so the call is repeated without that element.
 */
static void commit_batch(const struct daemon *daemon, struct client *client, enum kind kind)
{
    struct batch *batch = &client->batches[kind];
    groupscan_outcome outcome;
    groupscan_status status;

    while (batch->count > 0) {
        status = commit_once(daemon, client, kind, &outcome);
        if (status != GROUPSCAN_OK && is_for_one(status, &outcome)) {
            drop_refused(client->name, batch, kind, outcome.refused_at, status);
            continue;
        }
        if (status == GROUPSCAN_OK)
            printf("%s: committed %zu %s(s) at once, which changed %zu: version %" PRIu64 "\n",
                   client->name, batch->count, kind_name(kind), outcome.changed, outcome.version);
        else
            /* Hosts and neighbours repeat their reports, so nothing is kept for later. */
            complain("%s: %zu %s(s) dropped: %s", client->name, batch->count, kind_name(kind),
                     groupscan_strerror(status));
        batch->count = 0;
    }
}

/*
 * Commits all batches: one call for each client and kind with changes. Joins go first, because a leave is
 * refused on an interface without memberships, and a join may be its first. Otherwise the order does not
 * matter: collect() never keeps a join and a leave of the same membership.
 */
static void commit_all(struct daemon *daemon)
{
    int client, kind;

    for (kind = JOIN; kind < KINDS; kind++)
        for (client = IGMP; client < CLIENTS; client++)
            commit_batch(daemon, &daemon->clients[client], (enum kind)kind);
}

static bool has_membership(const struct batch *batch, const groupscan_membership4 *membership)
{
    const groupscan_membership4 *other;

    for (other = batch->memberships; other < batch->memberships + batch->count; other++)
        if (memcmp(other->group, membership->group, sizeof other->group) == 0 &&
            memcmp(other->source, membership->source, sizeof other->source) == 0 &&
            memcmp(&other->iface, &membership->iface, sizeof other->iface) == 0)
            return true;
    return false;
}

/* Keeps a change for the end of the turn. If it undoes one that is kept, or the batch is full, the batches
 * are committed first. */
static void collect(struct daemon *daemon, enum client_id id, enum kind kind,
                    const groupscan_membership4 *membership)
{
    struct batch *batch = &daemon->clients[id].batches[kind];
    const struct batch *opposite = &daemon->clients[id].batches[kind == JOIN ? LEAVE : JOIN];

    if (batch->count == BATCH || has_membership(opposite, membership))
        commit_all(daemon);
    batch->memberships[batch->count++] = *membership;
}

/* ---- Commands ---- */

static void run_join(struct daemon *daemon, char **words)
{
    groupscan_membership4 membership;
    enum client_id id;

    if (parse_membership(words, &membership, &id))
        collect(daemon, id, JOIN, &membership);
}

static void run_leave(struct daemon *daemon, char **words)
{
    groupscan_membership4 membership;
    enum client_id id;

    if (parse_membership(words, &membership, &id))
        collect(daemon, id, LEAVE, &membership);
}

static void run_up(struct daemon *daemon, char **words)
{
    groupscan_interface4 interface;

    if (parse_interface(words[0], &interface))
        succeeded("groupscan_manager_take_interface4",
                  groupscan_manager_take_interface4(daemon->manager,
                                                    daemon->clients[PIM].handle, &interface));
}

/* Releasing the interface removes PIM's memberships; IGMP does not own it, and leaves all. */
static void run_down(struct daemon *daemon, char **words)
{
    groupscan_interface4 interface;
    groupscan_outcome outcome;
    groupscan_status status;

    if (!parse_interface(words[0], &interface))
        return;
    status = groupscan_manager_leave_all4(daemon->manager, daemon->clients[IGMP].handle,
                                          &interface, &outcome);
    if (status == GROUPSCAN_OK)
        printf("igmp: %zu membership(s) removed\n", outcome.changed);
    else if (status != GROUPSCAN_ERROR_NOT_FOUND)
        succeeded("groupscan_manager_leave_all4", status);
    status = groupscan_manager_release_interface4(daemon->manager, daemon->clients[PIM].handle,
                                                  &interface);
    if (status != GROUPSCAN_ERROR_NOT_OWNER)
        succeeded("groupscan_manager_release_interface4", status);
}

/*
 * Prints an enumeration, one buffer a call. Here the calls follow each other. A daemon with a slow client
 * makes one call whenever the client is ready, even hours later. Between calls it keeps only the handle, and
 * the client sees the version of the start.
 */
static void print_enumeration(const struct daemon *daemon, groupscan_enumeration_handle enumeration)
{
    groupscan_source_group_entry4 entries[RECORDS_A_CALL];
    char text[JOIN_TEXT_BYTES];
    size_t count, i, calls = 0, sum = 0;
    bool more;

    do {
        if (!succeeded("groupscan_manager_next",
                       groupscan_manager_next(daemon->manager, enumeration, entries, sizeof entries,
                                              &count, &more)))
            return;
        /* The call that reports the end may also return the last records. */
        for (i = 0; i < count; i++)
            printf("%s\n", join_text(entries[i].source, entries[i].group, text));
        sum += count;
        calls++;
    } while (more);
    printf("%zu record(s) in %zu call(s)\n", sum, calls);
}

static bool start(const struct daemon *daemon, uint32_t view,
                  groupscan_enumeration_handle *enumeration)
{
    return succeeded("groupscan_manager_start4",
                     groupscan_manager_start4(daemon->manager, daemon->clients[PIM].handle, view,
                                             NULL, enumeration));
}

static void run_show(struct daemon *daemon, char **words)
{
    groupscan_enumeration_handle enumeration;
    uint32_t view = GROUPSCAN_VIEW_ALL_SOURCES;

    if ((words[0] && !parse_view(words[0], &view)) || !start(daemon, view, &enumeration))
        return;
    print_enumeration(daemon, enumeration);
    /* Also after an error: an enumeration retains memory until it is ended. */
    succeeded("groupscan_manager_end", groupscan_manager_end(daemon->manager, enumeration));
}

/* Acts as a client that starts an enumeration and goes to sleep. */
static void run_hold(struct daemon *daemon, char **words)
{
    groupscan_enumeration_handle forgotten;

    (void)words;
    start(daemon, GROUPSCAN_VIEW_ALL_SOURCES, &forgotten);
}

static void run_who(struct daemon *daemon, char **words)
{
    /* At most options.enumerations run, so the list is always long enough. */
    groupscan_manager_enumeration4 infos[ENUMERATIONS];
    const groupscan_manager_enumeration4 *info;
    size_t count;

    (void)words;
    if (!succeeded("groupscan_manager_enumerations4",
                   groupscan_manager_enumerations4(daemon->manager, infos, ENUMERATIONS,
                                                  sizeof infos[0], &count)))
        return;
    for (info = infos; info < infos + count; info++)
        printf("%s holds version %" PRIu64 ", which retains %zu bytes; %zu record(s) remain; "
               "idle for %" PRIu64 " ms\n",
               info->protocol_id == PROTOCOL_PIM ? "pim" : "igmp", info->version,
               info->retained_bytes, info->remaining, info->idle_ms);
    printf("%zu enumeration(s)\n", count);
}

static void run_stats(struct daemon *daemon, char **words)
{
    groupscan_stats stats;

    (void)words;
    if (!succeeded("groupscan_manager_stats",
                   groupscan_manager_stats(daemon->manager, &stats, sizeof stats)))
        return;
    printf("%zu join(s), %zu membership(s) on %zu interface(s), %zu version(s)\n", stats.ipv4.joins,
           stats.ipv4.memberships, stats.ipv4.interfaces, stats.live_versions);
    printf("bytes: %zu in use, of which %zu are retained and %zu pending; %zu free; %zu mapped\n",
           stats.in_use_bytes, stats.retained_bytes, stats.pending_bytes, stats.free_bytes,
           stats.mapped_bytes);
}

/* Milliseconds of a monotonic clock. */
static uint64_t now_ms(void)
{
    struct timespec now = { 0, 0 };

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void run_wait(struct daemon *daemon, char **words)
{
    uint32_t milliseconds;

    if (!parse_number(words[0], "time in milliseconds", &milliseconds))
        return;
    daemon->paused = true;
    daemon->paused_until_ms = now_ms() + milliseconds;
}

static void run_quit(struct daemon *daemon, char **words)
{
    (void)words;
    daemon->quit = true;
}

static void run_help(struct daemon *daemon, char **words);

static const struct command commands[] = {
    { "join", "GROUP [SOURCE] on IFINDEX [by igmp|pim]", "joins, at the end of the turn",
      3, 6, true, run_join },
    { "leave", "GROUP [SOURCE] on IFINDEX [by igmp|pim]", "leaves, at the end of the turn",
      3, 6, true, run_leave },
    { "up", "IFINDEX", "PIM takes the interface", 1, 1, false, run_up },
    { "down", "IFINDEX", "PIM releases it, IGMP leaves all on it", 1, 1, false, run_down },
    { "show", "[VIEW]", "lists joins", 0, 1, false, run_show },
    { "hold", "", "starts an enumeration and forgets it", 0, 0, false, run_hold },
    { "who", "", "lists enumerations and what they retain", 0, 0, false, run_who },
    { "stats", "", "prints how the memory is used", 0, 0, false, run_stats },
    { "wait", "MS", "waits before the next command", 1, 1, false, run_wait },
    { "help", "", "lists the commands", 0, 0, false, run_help },
    { "quit", "", "ends the daemon, as the end of the input does", 0, 0, false, run_quit },
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void run_help(struct daemon *daemon, char **words)
{
    size_t i;

    (void)daemon;
    (void)words;
    for (i = 0; i < COMMANDS; i++)
        printf("  %-5s %-39s  %s\n", commands[i].name, commands[i].arguments, commands[i].purpose);
    printf("VIEW is " VIEWS ".\n");
}

static const struct command *find_command(const char *name)
{
    size_t i;

    for (i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

/* Executes a line. Splits it into words in place. */
static void execute(struct daemon *daemon, char *line)
{
    char *words[MAX_WORDS + 1] = { NULL }, *rest = NULL, *word = strtok_r(line, " ", &rest);
    const struct command *command;
    size_t count = 0;

    for (; word && count < MAX_WORDS; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (count == 0)
        return;
    command = find_command(words[0]);
    if (!command) {
        complain("'%s' is not a command; 'help' lists them", words[0]);
        return;
    }
    if (word || count - 1 < command->least_words || count - 1 > command->most_words) {
        complain("'%s' takes %s", command->name,
                 command->arguments[0] ? command->arguments : "nothing");
        return;
    }
    /* Commands take effect in order: show sees earlier joins. */
    if (!command->collects)
        commit_all(daemon);
    command->run(daemon, words + 1);
}

/* ---- Input ---- */

/* Replaces white space by blanks, and unprintable characters, including 0 bytes, by question marks, because
 * complaints repeat words. */
static void tame(char *line, const char *end)
{
    for (; line < end; line++) {
        if (isspace((unsigned char)*line))
            *line = ' ';
        else if (!isprint((unsigned char)*line))
            *line = '?';
    }
}

/* The next complete line, or null. Valid until the next read. */
static char *next_line(struct input *input)
{
    for (;;) {
        char *line = input->bytes + input->start;
        char *end = memchr(line, '\n', input->end - input->start);
        bool is_rest = input->skipping;

        if (end) {
            input->start = (size_t)(end - input->bytes) + 1;
        } else if (input->at_eof && input->start < input->end) {
            /* The last line may lack its line feed. */
            end = input->bytes + input->end;
            input->start = input->end;
        } else {
            return NULL;
        }
        tame(line, end);
        *end = '\0';
        input->skipping = false;
        if (!is_rest)
            return line;
    }
}

/*
 * Reads once, because a second read might block. The descriptor is not made non-blocking, because the parent
 * process may share it. All complete lines are already executed, so a full buffer is a line that is too long.
 */
static bool read_input(struct input *input)
{
    ssize_t got;

    input->end -= input->start;
    memmove(input->bytes, input->bytes + input->start, input->end);
    input->start = 0;
    if (input->end == LINE_BYTES) {
        if (!input->skipping)
            complain("a line of %d bytes or more is ignored", LINE_BYTES);
        input->skipping = true;
        input->end = 0;
    }
    got = read(STDIN_FILENO, input->bytes + input->end, LINE_BYTES - input->end);
    if (got == -1)
        return errno == EINTR || errno == EAGAIN || complain("read: %s", strerror(errno));
    input->at_eof = got == 0;
    input->end += (size_t)got;
    return true;
}

/* Executes complete lines, until one makes the others wait. */
static void execute_lines(struct daemon *daemon)
{
    char *line;

    while (!daemon->quit) {
        if (daemon->paused && now_ms() < daemon->paused_until_ms)
            return;
        daemon->paused = false;
        line = next_line(&daemon->input);
        if (!line) {
            daemon->quit = daemon->input.at_eof;
            return;
        }
        execute(daemon, line);
    }
}

/* ---- The loop ---- */

/* Half of the idle time, so that an idle enumeration is ended soon. */
static uint64_t tick_ms(uint64_t idle_ms)
{
    uint64_t half = idle_ms / 2;

    if (idle_ms == 0 || half > MAX_TICK_MS)
        return MAX_TICK_MS;
    return half > MIN_TICK_MS ? half : MIN_TICK_MS;
}

/*
 * Ends enumerations that clients have forgotten, and frees the versions that they held. Changes reclaim too,
 * but without traffic there are none.
 */
static void tick(struct daemon *daemon)
{
    size_t ended;
    bool more;

    if (succeeded("groupscan_manager_expire_idle",
                  groupscan_manager_expire_idle(daemon->manager, &ended)) && ended > 0)
        printf("ended %zu enumeration(s) that were idle for %" PRIu64 " ms\n", ended,
               daemon->idle_ms);
    while (succeeded("groupscan_manager_reclaim",
                     groupscan_manager_reclaim(daemon->manager, &more)) && more)
        continue;
    daemon->next_tick_ms = now_ms() + tick_ms(daemon->idle_ms);
}

/* The milliseconds until the next timer. */
static int timeout_ms(const struct daemon *daemon)
{
    uint64_t now = now_ms(), until = daemon->next_tick_ms;

    if (daemon->paused && daemon->paused_until_ms < until)
        until = daemon->paused_until_ms;
    /* At most MAX_TICK_MS, so it fits into an int. */
    return until > now ? (int)(until - now) : 0;
}

/* Waits for the next event, and handles it. */
static bool turn(struct daemon *daemon)
{
    struct pollfd fds[2] = { { daemon->stop_fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };

    /* No input is read while lines wait: poll ignores a negative descriptor. */
    if (daemon->paused || daemon->input.at_eof)
        fds[1].fd = -1;
    if (poll(fds, 2, timeout_ms(daemon)) == -1)
        return errno == EINTR || complain("poll: %s", strerror(errno));
    if (fds[0].revents != 0) {
        daemon->quit = true;
        return true;
    }
    /* The end of a pipe and errors come without POLLIN; the read tells them apart. */
    if (fds[1].revents != 0 && !read_input(&daemon->input))
        return false;
    execute_lines(daemon);
    commit_all(daemon);
    if (now_ms() >= daemon->next_tick_ms)
        tick(daemon);
    return (fflush(stdout) == 0 && !ferror(stdout)) || complain("the standard output is broken");
}

/* ---- Start and end ---- */

/* Where the handler signals the loop. The only global: a handler has no other argument. */
static volatile sig_atomic_t stop_write_fd = -1;

/* May not call the library, and little else. A byte in a pipe wakes the loop even if it is about to sleep,
 * when a flag would be seen too late. */
static void on_signal(int number)
{
    int saved = errno;
    ssize_t written = write((int)stop_write_fd, "", 1);

    (void)number;
    (void)written;
    errno = saved;
}

static bool catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    /* A second signal kills the process. */
    action.sa_flags = (int)SA_RESETHAND;
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0)
        return complain("sigaction: %s", strerror(errno));
    /* A closed output is noticed when the output is flushed. */
    action.sa_handler = SIG_IGN;
    return sigaction(SIGPIPE, &action, NULL) == 0 || complain("sigaction: %s", strerror(errno));
}

static bool set_up(struct daemon *daemon)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_interface4 interface = { PIM_INTERFACE, { 0, 0, 0, 0 } };
    struct client *igmp = &daemon->clients[IGMP], *pim = &daemon->clients[PIM];

    igmp->name = "igmp";
    pim->name = "pim";
    options.node_bytes = NODE_BYTES;
    options.enumerations = ENUMERATIONS;
    options.idle_ms = daemon->idle_ms;
    return succeeded("groupscan_manager_create",
                     groupscan_manager_create(&options, &daemon->manager)) &&
           succeeded("groupscan_manager_register",
                     groupscan_manager_register(daemon->manager, PROTOCOL_IGMP, 0,
                                                &igmp->handle)) &&
           succeeded("groupscan_manager_register",
                     groupscan_manager_register(daemon->manager, PROTOCOL_PIM, 0, &pim->handle)) &&
           succeeded("groupscan_manager_take_interface4",
                     groupscan_manager_take_interface4(daemon->manager, pim->handle, &interface));
}

/* If a standard stream were closed, the pipe for signals would take its descriptor. */
static bool has_standard_streams(void)
{
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            return complain("the standard input, output and error must be open");
    return true;
}

static bool run(uint64_t idle_ms)
{
    struct daemon daemon;
    int pipe_fds[2];
    bool ok;

    memset(&daemon, 0, sizeof daemon);
    daemon.idle_ms = idle_ms;
    daemon.next_tick_ms = now_ms() + tick_ms(idle_ms);
    if (!has_standard_streams())
        return false;
    if (pipe(pipe_fds) != 0)
        return complain("pipe: %s", strerror(errno));
    daemon.stop_fd = pipe_fds[0];
    stop_write_fd = pipe_fds[1];
    ok = catch_signals() && set_up(&daemon);
    while (ok && !daemon.quit)
        ok = turn(&daemon);
    /* Ends its clients and all their enumerations. */
    groupscan_manager_destroy(daemon.manager);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return ok;
}

static void print_help(void)
{
    printf("usage: daemon [--idle-ms N]\n"
           "\n"
           "Keeps the joins of IGMP and PIM, as a routing daemon does, and reads commands from\n"
           "the standard input, one a line. IGMP may join on any interface, PIM on those that\n"
           "it owns: interface %d, and those of 'up'.\n"
           "\n"
           "  --idle-ms N  end enumerations that are unused for N milliseconds, %d by default;\n"
           "               0 never ends any\n"
           "  --help       print this\n"
           "\n"
           "Commands:\n", PIM_INTERFACE, DEFAULT_IDLE_MS);
    run_help(NULL, NULL);
    printf("\n"
           "Joins and leaves that arrive together are committed together. Three things to try:\n"
           "\n"
           "Two joins, one of which is refused, because PIM does not own interface 2:\n"
           "  printf 'join 239.1.1.1 on 2 by pim\\njoin 239.1.1.2 on 7 by pim\\nshow\\n' |\n"
           "      ./daemon\n"
           "A client that sleeps, what is retained for it, and how that ends:\n"
           "  printf 'join 239.1.1.1 on 2\\nhold\\njoin 239.1.1.2 on 2\\nwho\\nwait 300\\n"
           "who\\n' |\n"
           "      ./daemon --idle-ms 100\n"
           "An interface that goes down:\n"
           "  printf 'join 239.1.1.1 on 7\\njoin 239.1.1.2 on 7 by pim\\ndown 7\\nshow\\n' |\n"
           "      ./daemon\n");
}

int main(int argc, char **argv)
{
    uint32_t idle_ms = DEFAULT_IDLE_MS;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help();
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (argc == 3 && strcmp(argv[1], "--idle-ms") == 0) {
        if (!parse_number(argv[2], "time in milliseconds", &idle_ms))
            return EXIT_FAILURE;
    } else if (argc != 1) {
        complain("usage: daemon [--idle-ms N], or daemon --help");
        return EXIT_FAILURE;
    }
    return run(idle_ms) ? EXIT_SUCCESS : EXIT_FAILURE;
}
