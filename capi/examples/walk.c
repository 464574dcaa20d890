/*
 * Walks over joins in each way that groupscan.h offers: through one reused buffer, filtered by a group prefix
 * or an interface, step by step, without a copy, by two threads, and with a pause during which the table
 * changes. Each is a function whose comment says when to use it.
 *
 * Build:  cc -std=c99 -pthread -o walk walk.c $(pkg-config --cflags --libs groupscan)
 * Run:    ./walk [GROUPS]
 *
 * Joins GROUPS groups of IPv4 and of IPv6, 1000 by default, and fails if a walk sees another number.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <groupscan.h>

#define MIN_GROUPS 2
#define MAX_GROUPS 1000000
#define DEFAULT_GROUPS "1000"

/* The protocol that joins: a number that the caller chooses. */
#define PROTOCOL 10

/* The groups are spread over these interfaces, one of which is walked. */
#define INTERFACES 4
#define WALKED_INTERFACE 1

/* A buffer may have any size. This one has room for 4096 joins of IPv4. */
#define BUFFER_BYTES ((size_t)64 << 10)

/* For a buffer on the stack. */
#define RECORDS_A_CALL 256

#define THREADS 2

/* A join of either family; IPv4 uses the first 4 bytes. */
struct join {
    int family;
    uint8_t source[16];
    uint8_t group[16];
};

/* What a walk has seen. */
struct seen {
    size_t count;
    struct join first;
    struct join last;
};

/* ---- What is seen ---- */

static int failed(const char *call, groupscan_status status)
{
    fprintf(stderr, "%s: %s\n", call, groupscan_strerror(status));
    return -1;
}

/* The place where a program would use a record. */
static void see(struct seen *seen, int family, const uint8_t *source, const uint8_t *group)
{
    size_t address_bytes = family == AF_INET ? 4 : 16;

    seen->last.family = family;
    memcpy(seen->last.source, source, address_bytes);
    memcpy(seen->last.group, group, address_bytes);
    if (seen->count++ == 0)
        seen->first = seen->last;
}

/* Sees the records in a buffer, which are of the type that the enumeration gives. */
typedef void see_records(struct seen *seen, const void *records, size_t count);

static void see_joins4(struct seen *seen, const void *records, size_t count)
{
    const groupscan_source_group_entry4 *entries = records;
    size_t i;

    for (i = 0; i < count; i++)
        see(seen, AF_INET, entries[i].source, entries[i].group);
}

static void see_joins6(struct seen *seen, const void *records, size_t count)
{
    const groupscan_source_group_entry6 *entries = records;
    size_t i;

    for (i = 0; i < count; i++)
        see(seen, AF_INET6, entries[i].source, entries[i].group);
}

/* These records also have the next hop, the protocol and the flags. */
static void see_memberships4(struct seen *seen, const void *records, size_t count)
{
    const groupscan_membership_entry4 *entries = records;
    size_t i;

    for (i = 0; i < count; i++)
        see(seen, AF_INET, entries[i].entry.source, entries[i].entry.group);
}

static void print_join(const char *which, const struct join *join)
{
    static const uint8_t any[16];
    char source[INET6_ADDRSTRLEN] = "*", group[INET6_ADDRSTRLEN];

    /* inet_ntop cannot fail: the family is known, and the buffers are large enough. */
    if (memcmp(join->source, any, sizeof any) != 0)
        inet_ntop(join->family, join->source, source, sizeof source);
    inet_ntop(join->family, join->group, group, sizeof group);
    printf("    %s (%s, %s)\n", which, source, group);
}

/* Prints what a walk has seen, and fails if the number is not the expected one. */
static int report(const char *walk, const struct seen *seen, size_t expected)
{
    printf("%s: %zu\n", walk, seen->count);
    if (seen->count > 0) {
        print_join("first", &seen->first);
        print_join("last ", &seen->last);
    }
    if (seen->count == expected)
        return 0;
    fprintf(stderr, "%s: saw %zu of %zu\n", walk, seen->count, expected);
    return -1;
}

/* ---- The table ---- */

/* The group with a number: from 239.1.0.0, which leaves groups before and after. Every second one is joined
 * from one source, the others from any. */
static groupscan_membership4 membership4(size_t number)
{
    static const uint8_t source[4] = { 192, 0, 2, 1 };
    uint32_t group = htonl(0xef010000 + (uint32_t)number);
    groupscan_membership4 membership;

    memset(&membership, 0, sizeof membership);
    memcpy(membership.group, &group, sizeof membership.group);
    if (number % 2 == 1)
        memcpy(membership.source, source, sizeof membership.source);
    membership.iface.index = WALKED_INTERFACE + (uint32_t)(number % INTERFACES);
    membership.flags = GROUPSCAN_JOIN;
    return membership;
}

/* The first half of the groups is site-local, ff15::/16, the second global, ff1e::/16. */
static groupscan_membership6 membership6(size_t number, size_t groups)
{
    uint32_t low = htonl((uint32_t)number);
    groupscan_membership6 membership;

    memset(&membership, 0, sizeof membership);
    membership.group[0] = 0xff;
    membership.group[1] = number < groups / 2 ? 0x15 : 0x1e;
    memcpy(membership.group + 12, &low, sizeof low);
    membership.iface.index = WALKED_INTERFACE + (uint32_t)(number % INTERFACES);
    membership.flags = GROUPSCAN_JOIN;
    return membership;
}

/*
 * Joins many groups in one call: readers see none of them before and all of them after, and the cost of a
 * commit is paid once. Ascending order costs least.
 */
static int join4(groupscan_table *table, size_t groups)
{
    groupscan_membership4 *memberships = malloc(groups * sizeof *memberships);
    groupscan_status status;
    size_t i;

    if (!memberships) {
        perror("malloc");
        return -1;
    }
    for (i = 0; i < groups; i++)
        memberships[i] = membership4(i);
    status = groupscan_table_join4(table, PROTOCOL, memberships, groups, NULL);
    /* Calls copy what they need. */
    free(memberships);
    return status == GROUPSCAN_OK ? 0 : failed("groupscan_table_join4", status);
}

static int join6(groupscan_table *table, size_t groups)
{
    groupscan_membership6 *memberships = malloc(groups * sizeof *memberships);
    groupscan_status status;
    size_t i;

    if (!memberships) {
        perror("malloc");
        return -1;
    }
    for (i = 0; i < groups; i++)
        memberships[i] = membership6(i, groups);
    status = groupscan_table_join6(table, PROTOCOL, memberships, groups, NULL);
    free(memberships);
    return status == GROUPSCAN_OK ? 0 : failed("groupscan_table_join6", status);
}

/* ---- All joins, through one large buffer ---- */

/* Reads what remains of an enumeration. Every walk through a buffer is this loop. */
static int read_rest(groupscan_enumeration *enumeration, void *buffer, size_t buffer_bytes,
                     see_records *see_all, struct seen *seen)
{
    groupscan_status status;
    size_t count;
    bool more;

    do {
        status = groupscan_enumeration_next(enumeration, buffer, buffer_bytes, &count, &more);
        if (status != GROUPSCAN_OK)
            return failed("groupscan_enumeration_next", status);
        /* The call that reports the end may also return the last records. */
        see_all(seen, buffer, count);
    } while (more);
    return 0;
}

/*
 * To pass on everything: over a socket, to a forwarding plane, into a file. One buffer is enough for any
 * number of joins; the larger the buffer, the fewer the calls.
 */
static int walk_all(const groupscan_snapshot *snapshot, size_t expected)
{
    struct seen seen = { 0 };
    groupscan_enumeration *enumeration;
    groupscan_status status;
    void *buffer;
    int result = -1;

    status = groupscan_snapshot_enumerate4(snapshot, GROUPSCAN_VIEW_ALL_SOURCES, NULL,
                                           &enumeration);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_snapshot_enumerate4", status);
    buffer = malloc(BUFFER_BYTES);
    if (buffer)
        result = read_rest(enumeration, buffer, BUFFER_BYTES, see_joins4, &seen);
    else
        perror("malloc");
    free(buffer);
    groupscan_enumeration_destroy(enumeration);
    return result == 0 ? report("all joins of IPv4", &seen, expected) : result;
}

/* ---- The joins of a group prefix ---- */

/*
 * For some groups: those of a scope that ends here, or of one rendezvous point. The cost is that of the
 * groups of the prefix, because they are adjacent in the table.
 */
static int walk_prefix(const groupscan_snapshot *snapshot, size_t expected)
{
    groupscan_source_group_entry6 entries[RECORDS_A_CALL];
    struct seen seen = { 0 };
    groupscan_filter6 filter = GROUPSCAN_FILTER6_INIT;
    groupscan_enumeration *enumeration;
    groupscan_status status;
    int result;

    filter.group.address[0] = 0xff;
    filter.group.address[1] = 0x1e;
    filter.group.length = 16;
    status = groupscan_snapshot_enumerate6(snapshot, GROUPSCAN_VIEW_ALL_SOURCES, &filter,
                                           &enumeration);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_snapshot_enumerate6", status);
    result = read_rest(enumeration, entries, sizeof entries, see_joins6, &seen);
    groupscan_enumeration_destroy(enumeration);
    return result == 0 ? report("joins of ff1e::/16", &seen, expected) : result;
}

/* ---- The memberships of an interface ---- */

/*
 * For one interface: it went down, or an operator asks who joined what on it. A join of two protocols comes
 * twice here, and once in a walk over joins.
 */
static int walk_interface(const groupscan_snapshot *snapshot, size_t expected)
{
    groupscan_membership_entry4 entries[RECORDS_A_CALL];
    struct seen seen = { 0 };
    groupscan_interface4 interface = { WALKED_INTERFACE, { 0, 0, 0, 0 } };
    groupscan_enumeration *enumeration;
    groupscan_status status;
    int result;

    status = groupscan_snapshot_enumerate_memberships4(snapshot, &interface, NULL, &enumeration);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_snapshot_enumerate_memberships4", status);
    result = read_rest(enumeration, entries, sizeof entries, see_memberships4, &seen);
    groupscan_enumeration_destroy(enumeration);
    return result == 0 ? report("memberships of an interface", &seen, expected) : result;
}

/* ---- Step by step ---- */

/*
 * For an SNMP agent and others that know only the record before: a step returns the next one, whether or not
 * that record still exists, and may be of a later version. A walk through a buffer costs less for each record.
 */
static int walk_steps(const groupscan_snapshot *snapshot, size_t expected)
{
    struct seen seen = { 0 };
    groupscan_membership_entry4 entry;
    groupscan_status status;

    status = groupscan_snapshot_next_membership4(snapshot, GROUPSCAN_BY_INTERFACE, NULL, &entry);
    while (status == GROUPSCAN_OK) {
        see_memberships4(&seen, &entry, 1);
        status = groupscan_snapshot_next_membership4(snapshot, GROUPSCAN_BY_INTERFACE, &entry,
                                                     &entry);
    }
    if (status != GROUPSCAN_ERROR_NOT_FOUND)
        return failed("groupscan_snapshot_next_membership4", status);
    return report("memberships by interface", &seen, expected);
}

/* ---- Keys in place ---- */

/* A key is a number in host byte order: the 32 bits of the group, then those of the source. */
static void see_key4(struct seen *seen, uint64_t key)
{
    uint32_t group = htonl((uint32_t)(key >> 32)), source = htonl((uint32_t)key);

    see(seen, AF_INET, (const uint8_t *)&source, (const uint8_t *)&group);
}

/*
 * To look at every join and keep few, as for a count or a hash: nothing is copied, and there is no buffer,
 * view or filter. The pointers are valid as long as the snapshot.
 */
static int walk_keys(const groupscan_snapshot *snapshot, size_t expected)
{
    struct seen seen = { 0 };
    const uint64_t *keys;
    groupscan_status status;
    size_t rank = 0, count, i;

    do {
        status = groupscan_snapshot_keys4(snapshot, rank, &keys, &count);
        if (status != GROUPSCAN_OK)
            return failed("groupscan_snapshot_keys4", status);
        for (i = 0; i < count; i++)
            see_key4(&seen, keys[i]);
        rank += count;
    } while (count > 0);
    return report("keys without a copy", &seen, expected);
}

/* ---- Two threads ---- */

/* The input and output of a thread. */
struct part {
    groupscan_enumeration *enumeration;
    struct seen seen;
    int result;
};

static void *read_part(void *argument)
{
    struct part *part = argument;
    groupscan_source_group_entry4 entries[RECORDS_A_CALL];

    part->result = read_rest(part->enumeration, entries, sizeof entries, see_joins4, &part->seen);
    return NULL;
}

/* Reads each part in a thread. If a thread cannot be created, this one reads the part. */
static void read_parts(struct part *parts)
{
    pthread_t threads[THREADS];
    bool is_running[THREADS];
    size_t i;

    for (i = 0; i < THREADS; i++)
        is_running[i] = pthread_create(&threads[i], NULL, read_part, &parts[i]) == 0;
    for (i = 0; i < THREADS; i++) {
        if (is_running[i])
            pthread_join(threads[i], NULL);
        else
            read_part(&parts[i]);
    }
}

/* Adds what a part has seen to what the parts before it have. */
static void append(struct seen *seen, const struct seen *part)
{
    if (part->count == 0)
        return;
    if (seen->count == 0)
        seen->first = part->first;
    seen->last = part->last;
    seen->count += part->count;
}

/*
 * When the work on the records is too much for one thread. The parts are consecutive, so the results of the
 * threads can be joined in order. If order does not matter, threads can share one enumeration: each call
 * returns different records.
 */
static int walk_by_threads(const groupscan_snapshot *snapshot, size_t expected)
{
    struct seen seen = { 0 };
    struct part parts[THREADS];
    groupscan_enumeration *whole, *split[THREADS];
    groupscan_status status;
    int result = 0;
    size_t i;

    status = groupscan_snapshot_enumerate4(snapshot, GROUPSCAN_VIEW_ALL_SOURCES, NULL, &whole);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_snapshot_enumerate4", status);
    status = groupscan_enumeration_split(whole, split, THREADS);
    /* The parts do not need it. */
    groupscan_enumeration_destroy(whole);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_enumeration_split", status);
    memset(parts, 0, sizeof parts);
    for (i = 0; i < THREADS; i++)
        parts[i].enumeration = split[i];
    read_parts(parts);
    for (i = 0; i < THREADS; i++) {
        append(&seen, &parts[i].seen);
        result |= parts[i].result;
        groupscan_enumeration_destroy(parts[i].enumeration);
    }
    return result == 0 ? report("joins by threads", &seen, expected) : result;
}

/* ---- A walk that continues in a later version ---- */

/* Reads some records, and returns the position behind them. */
static int read_some4(groupscan_enumeration *enumeration, size_t records, struct seen *seen,
                      groupscan_position *position)
{
    groupscan_source_group_entry4 entries[RECORDS_A_CALL];
    groupscan_status status;
    size_t count, most;
    bool more = true;

    while (records > 0 && more) {
        /* A smaller buffer asks for fewer records. */
        most = records < RECORDS_A_CALL ? records : RECORDS_A_CALL;
        status = groupscan_enumeration_next(enumeration, entries, most * sizeof entries[0], &count,
                                            &more);
        if (status != GROUPSCAN_OK)
            return failed("groupscan_enumeration_next", status);
        see_joins4(seen, entries, count);
        records -= count;
    }
    status = groupscan_enumeration_position(enumeration, position);
    return status == GROUPSCAN_OK ? 0 : failed("groupscan_enumeration_position", status);
}

/* Starts an enumeration of the current version, or returns null. It keeps the version alive by itself. */
static groupscan_enumeration *start(groupscan_table *table)
{
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration;
    groupscan_status status = groupscan_table_snapshot(table, &snapshot);

    if (status != GROUPSCAN_OK)
        return failed("groupscan_table_snapshot", status), NULL;
    status = groupscan_snapshot_enumerate4(snapshot, GROUPSCAN_VIEW_ALL_SOURCES, NULL,
                                           &enumeration);
    groupscan_snapshot_destroy(snapshot);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_snapshot_enumerate4", status), NULL;
    return enumeration;
}

/* Starts in the current version, and keeps only the position. */
static int walk_before_pause(groupscan_table *table, size_t records, struct seen *seen,
                             groupscan_position *position)
{
    groupscan_enumeration *enumeration = start(table);
    int result;

    if (!enumeration)
        return -1;
    result = read_some4(enumeration, records, seen, position);
    groupscan_enumeration_destroy(enumeration);
    return result;
}

/* Leaves the last group that was seen, and joins two: one before all others, and one after. */
static int change(groupscan_table *table, size_t last_seen)
{
    static const uint8_t before[4] = { 239, 0, 0, 1 }, behind[4] = { 239, 255, 0, 1 };
    groupscan_membership4 gone = membership4(last_seen), joined[2];
    groupscan_status status;

    joined[0] = membership4(0);
    memcpy(joined[0].group, before, sizeof before);
    joined[1] = membership4(0);
    memcpy(joined[1].group, behind, sizeof behind);
    status = groupscan_table_leave4(table, PROTOCOL, &gone, 1, NULL);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_table_leave4", status);
    status = groupscan_table_join4(table, PROTOCOL, joined, 2, NULL);
    return status == GROUPSCAN_OK ? 0 : failed("groupscan_table_join4", status);
}

/* Continues behind the position, in the version that is current now. */
static int walk_after_pause(groupscan_table *table, const groupscan_position *position,
                            struct seen *seen)
{
    groupscan_source_group_entry4 entries[RECORDS_A_CALL];
    groupscan_enumeration *enumeration = start(table);
    groupscan_status status;
    int result;

    if (!enumeration)
        return -1;
    status = groupscan_enumeration_resume_after(enumeration, position);
    if (status == GROUPSCAN_OK)
        result = read_rest(enumeration, entries, sizeof entries, see_joins4, seen);
    else
        result = failed("groupscan_enumeration_resume_after", status);
    groupscan_enumeration_destroy(enumeration);
    return result;
}

/*
 * When a walk takes minutes, or continues after a restart, and must not hold a version meanwhile, because
 * that retains memory. The drawback: it does not see one version. Here it sees a group that is joined behind
 * the position, and misses one that is joined before it. The group at the position may be gone.
 */
static int walk_with_pause(groupscan_table *table, size_t groups)
{
    struct seen seen = { 0 };
    groupscan_position position;
    size_t half = groups / 2;

    if (walk_before_pause(table, half, &seen, &position) != 0 || change(table, half - 1) != 0 ||
        walk_after_pause(table, &position, &seen) != 0)
        return -1;
    return report("joins with a pause", &seen, groups + 1);
}

/* ---- The program ---- */

/* Walks over one version. */
static int walk_snapshot(const groupscan_snapshot *snapshot, size_t groups)
{
    groupscan_snapshot_info info;
    groupscan_status status = groupscan_snapshot_get_info(snapshot, &info, sizeof info);
    int result = 0;

    if (status != GROUPSCAN_OK)
        return failed("groupscan_snapshot_get_info", status);
    printf("version %" PRIu64 ": %zu joins of IPv4, %zu of IPv6\n", info.version, info.ipv4.joins,
           info.ipv6.joins);
    /* All walks run, even if one fails. */
    result |= walk_all(snapshot, info.ipv4.joins);
    result |= walk_prefix(snapshot, groups - groups / 2);
    result |= walk_interface(snapshot, (groups + INTERFACES - 1) / INTERFACES);
    result |= walk_steps(snapshot, info.ipv4.memberships);
    result |= walk_keys(snapshot, info.ipv4.joins);
    result |= walk_by_threads(snapshot, info.ipv4.joins);
    return result;
}

static int walk_table(groupscan_table *table, size_t groups)
{
    groupscan_snapshot *snapshot;
    groupscan_status status;
    int result;

    if (join4(table, groups) != 0 || join6(table, groups) != 0)
        return -1;
    status = groupscan_table_snapshot(table, &snapshot);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_table_snapshot", status);
    result = walk_snapshot(snapshot, groups);
    groupscan_snapshot_destroy(snapshot);
    return result | walk_with_pause(table, groups);
}

/* A library that is older than the header may lack calls of the header. */
static int check_version(void)
{
    if (groupscan_version_number() >= GROUPSCAN_VERSION_NUMBER)
        return 0;
    fprintf(stderr, "library version is %s, need %s or later\n", groupscan_version(),
            GROUPSCAN_VERSION_STRING);
    return -1;
}

/* Parses a number of groups; 0 if it is invalid. */
static size_t parse_groups(const char *text)
{
    uintmax_t number = 0;

    /* strtoumax alone would accept signs and spaces. It returns UINTMAX_MAX for a number that is too
     * large. */
    if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
        number = strtoumax(text, NULL, 10);
    return number >= MIN_GROUPS && number <= MAX_GROUPS ? (size_t)number : 0;
}

int main(int argc, char **argv)
{
    size_t groups = parse_groups(argc > 1 ? argv[1] : DEFAULT_GROUPS);
    groupscan_table *table;
    groupscan_status status;
    int result;

    if (argc > 2 || groups == 0) {
        fprintf(stderr, "usage: walk [GROUPS], from %d to %d\n", MIN_GROUPS, MAX_GROUPS);
        return EXIT_FAILURE;
    }
    if (check_version() != 0)
        return EXIT_FAILURE;
    status = groupscan_table_create(NULL, &table);
    if (status != GROUPSCAN_OK)
        return failed("groupscan_table_create", status), EXIT_FAILURE;
    result = walk_table(table, groups);
    groupscan_table_destroy(table);
    if (fflush(stdout) != 0) {
        perror("standard output");
        result = -1;
    }
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
