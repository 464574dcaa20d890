/*
 * What must hold of the calls of groupscan.h, as C and C++ see them: cases for each call, each
 * status and each promise of the header. Each case leaves nothing behind.
 *
 * Most cases run once for IPv4 and once for IPv6. They speak of joins and memberships by small
 * numbers, which stand for addresses of either family, and have a model: a sorted array.
 *
 * It is C99 and C++98. Under MGM_QUICK in the environment the long cases take far fewer turns, for
 * valgrind.
 */
#define _POSIX_C_SOURCE 200809L

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "groupscan.h"
#include "mgm.h"

#include "check.h"

STATIC_CHECK(GROUPSCAN_VERSION_NUMBER ==
             GROUPSCAN_MAKE_VERSION(GROUPSCAN_VERSION_MAJOR, GROUPSCAN_VERSION_MINOR,
                                    GROUPSCAN_VERSION_PATCH));
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(1, 2, 3) == 0x10203);
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(0, 1, 0) < GROUPSCAN_MAKE_VERSION(0, 1, 1));
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(0, 1, 255) < GROUPSCAN_MAKE_VERSION(0, 2, 0));
STATIC_CHECK(GROUPSCAN_MAKE_VERSION(0, 255, 255) < GROUPSCAN_MAKE_VERSION(1, 0, 0));

STATIC_CHECK((int)GROUPSCAN_OK == 0);
STATIC_CHECK((int)GROUPSCAN_ERROR_NULL_POINTER == 1);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_SIZE == 2);
STATIC_CHECK((int)GROUPSCAN_ERROR_UNKNOWN_OPTION == 3);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_VIEW == 4);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_FLAGS == 5);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_PREFIX == 6);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_FAMILY == 7);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_MEMBERSHIP == 8);
STATIC_CHECK((int)GROUPSCAN_ERROR_INVALID_HANDLE == 9);
STATIC_CHECK((int)GROUPSCAN_ERROR_NOT_ASCENDING == 10);
STATIC_CHECK((int)GROUPSCAN_ERROR_BUFFER_TOO_SMALL == 11);
STATIC_CHECK((int)GROUPSCAN_ERROR_OUT_OF_MEMORY == 12);
STATIC_CHECK((int)GROUPSCAN_ERROR_OUT_OF_CAPACITY == 13);
STATIC_CHECK((int)GROUPSCAN_ERROR_TOO_MANY == 14);
STATIC_CHECK((int)GROUPSCAN_ERROR_ALREADY_EXISTS == 15);
STATIC_CHECK((int)GROUPSCAN_ERROR_NOT_FOUND == 16);
STATIC_CHECK((int)GROUPSCAN_ERROR_NOT_OWNER == 17);
STATIC_CHECK((int)GROUPSCAN_ERROR_ALREADY_OWNED == 18);
STATIC_CHECK((int)GROUPSCAN_ERROR_OWNS_INTERFACES == 19);
STATIC_CHECK((int)GROUPSCAN_ERROR_INTERNAL == 20);
STATIC_CHECK(sizeof(groupscan_status) == 4);

STATIC_CHECK((int)GROUPSCAN_VIEW_ALL_SOURCES == 0);
STATIC_CHECK((int)GROUPSCAN_VIEW_ANY_SOURCE == 1);
STATIC_CHECK((int)GROUPSCAN_VIEW_SOURCE_SPECIFIC == 2);
STATIC_CHECK((int)GROUPSCAN_VIEW_WILDCARD == 3);
STATIC_CHECK((int)GROUPSCAN_VIEW_GROUPS == 4);

STATIC_CHECK(GROUPSCAN_JOIN == 1);
STATIC_CHECK(GROUPSCAN_FORWARD == 2);
STATIC_CHECK(GROUPSCAN_IPV4 == 4);
STATIC_CHECK(GROUPSCAN_IPV6 == 6);
STATIC_CHECK(GROUPSCAN_NOWHERE == (size_t)-1);
STATIC_CHECK(sizeof(groupscan_protocol_handle) == 8);
STATIC_CHECK(sizeof(groupscan_enumeration_handle) == 8);
STATIC_CHECK(sizeof(size_t) == 8);

STATIC_CHECK(sizeof(groupscan_interface4) == 8);
STATIC_CHECK(offsetof(groupscan_interface4, index) == 0);
STATIC_CHECK(offsetof(groupscan_interface4, next_hop) == 4);
STATIC_CHECK(sizeof(groupscan_interface6) == 20);
STATIC_CHECK(offsetof(groupscan_interface6, index) == 0);
STATIC_CHECK(offsetof(groupscan_interface6, next_hop) == 4);

STATIC_CHECK(sizeof(groupscan_join4) == 8);
STATIC_CHECK(offsetof(groupscan_join4, group) == 0);
STATIC_CHECK(offsetof(groupscan_join4, source) == 4);
STATIC_CHECK(sizeof(groupscan_join6) == 32);
STATIC_CHECK(offsetof(groupscan_join6, group) == 0);
STATIC_CHECK(offsetof(groupscan_join6, source) == 16);

STATIC_CHECK(sizeof(groupscan_membership4) == 20);
STATIC_CHECK(offsetof(groupscan_membership4, group) == 0);
STATIC_CHECK(offsetof(groupscan_membership4, source) == 4);
STATIC_CHECK(offsetof(groupscan_membership4, iface) == 8);
STATIC_CHECK(offsetof(groupscan_membership4, flags) == 16);
STATIC_CHECK(sizeof(groupscan_membership6) == 56);
STATIC_CHECK(offsetof(groupscan_membership6, group) == 0);
STATIC_CHECK(offsetof(groupscan_membership6, source) == 16);
STATIC_CHECK(offsetof(groupscan_membership6, iface) == 32);
STATIC_CHECK(offsetof(groupscan_membership6, flags) == 52);

STATIC_CHECK(sizeof(groupscan_source_group_entry4) == 16);
STATIC_CHECK(sizeof(groupscan_source_group_entry4) == sizeof(SOURCE_GROUP_ENTRY));
STATIC_CHECK(offsetof(groupscan_source_group_entry4, source) == 0);
STATIC_CHECK(offsetof(groupscan_source_group_entry4, source_mask) == 4);
STATIC_CHECK(offsetof(groupscan_source_group_entry4, group) == 8);
STATIC_CHECK(offsetof(groupscan_source_group_entry4, group_mask) == 12);
STATIC_CHECK(sizeof(groupscan_source_group_entry6) == 64);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, source) == 0);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, source_mask) == 16);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, group) == 32);
STATIC_CHECK(offsetof(groupscan_source_group_entry6, group_mask) == 48);

STATIC_CHECK(sizeof(groupscan_membership_entry4) == 32);
STATIC_CHECK(offsetof(groupscan_membership_entry4, entry) == 0);
STATIC_CHECK(offsetof(groupscan_membership_entry4, next_hop) == 16);
STATIC_CHECK(offsetof(groupscan_membership_entry4, interface_index) == 20);
STATIC_CHECK(offsetof(groupscan_membership_entry4, protocol) == 24);
STATIC_CHECK(offsetof(groupscan_membership_entry4, flags) == 28);
STATIC_CHECK(sizeof(groupscan_membership_entry6) == 96);
STATIC_CHECK(offsetof(groupscan_membership_entry6, entry) == 0);
STATIC_CHECK(offsetof(groupscan_membership_entry6, next_hop) == 64);
STATIC_CHECK(offsetof(groupscan_membership_entry6, interface_index) == 80);
STATIC_CHECK(offsetof(groupscan_membership_entry6, protocol) == 84);
STATIC_CHECK(offsetof(groupscan_membership_entry6, flags) == 88);
STATIC_CHECK(offsetof(groupscan_membership_entry6, reserved) == 92);

STATIC_CHECK(sizeof(groupscan_table_options) == 24);
STATIC_CHECK(offsetof(groupscan_table_options, size) == 0);
STATIC_CHECK(offsetof(groupscan_table_options, node_bytes) == 8);
STATIC_CHECK(offsetof(groupscan_table_options, live_versions) == 16);

STATIC_CHECK(sizeof(groupscan_outcome) == 24);
STATIC_CHECK(offsetof(groupscan_outcome, version) == 0);
STATIC_CHECK(offsetof(groupscan_outcome, changed) == 8);
STATIC_CHECK(offsetof(groupscan_outcome, refused_at) == 16);

STATIC_CHECK(sizeof(groupscan_family_stats) == 24);
STATIC_CHECK(offsetof(groupscan_family_stats, joins) == 0);
STATIC_CHECK(offsetof(groupscan_family_stats, memberships) == 8);
STATIC_CHECK(offsetof(groupscan_family_stats, interfaces) == 16);

STATIC_CHECK(sizeof(groupscan_stats) == 96);
STATIC_CHECK(offsetof(groupscan_stats, ipv4) == 0);
STATIC_CHECK(offsetof(groupscan_stats, ipv6) == 24);
STATIC_CHECK(offsetof(groupscan_stats, live_versions) == 48);
STATIC_CHECK(offsetof(groupscan_stats, in_use_bytes) == 56);
STATIC_CHECK(offsetof(groupscan_stats, retained_bytes) == 64);
STATIC_CHECK(offsetof(groupscan_stats, pending_bytes) == 72);
STATIC_CHECK(offsetof(groupscan_stats, free_bytes) == 80);
STATIC_CHECK(offsetof(groupscan_stats, mapped_bytes) == 88);

STATIC_CHECK(sizeof(groupscan_retained) == 24);
STATIC_CHECK(offsetof(groupscan_retained, version) == 0);
STATIC_CHECK(offsetof(groupscan_retained, holders) == 8);
STATIC_CHECK(offsetof(groupscan_retained, retained_bytes) == 16);

STATIC_CHECK(sizeof(groupscan_snapshot_info) == 56);
STATIC_CHECK(offsetof(groupscan_snapshot_info, version) == 0);
STATIC_CHECK(offsetof(groupscan_snapshot_info, ipv4) == 8);
STATIC_CHECK(offsetof(groupscan_snapshot_info, ipv6) == 32);

STATIC_CHECK(sizeof(groupscan_key6) == 32);

STATIC_CHECK(sizeof(groupscan_prefix4) == 8);
STATIC_CHECK(offsetof(groupscan_prefix4, address) == 0);
STATIC_CHECK(offsetof(groupscan_prefix4, length) == 4);
STATIC_CHECK(sizeof(groupscan_prefix6) == 20);
STATIC_CHECK(offsetof(groupscan_prefix6, address) == 0);
STATIC_CHECK(offsetof(groupscan_prefix6, length) == 16);

STATIC_CHECK(sizeof(groupscan_filter4) == 40);
STATIC_CHECK(offsetof(groupscan_filter4, size) == 0);
STATIC_CHECK(offsetof(groupscan_filter4, group) == 8);
STATIC_CHECK(offsetof(groupscan_filter4, source) == 16);
STATIC_CHECK(offsetof(groupscan_filter4, has_interface) == 24);
STATIC_CHECK(offsetof(groupscan_filter4, iface) == 28);
STATIC_CHECK(offsetof(groupscan_filter4, reserved) == 36);
STATIC_CHECK(sizeof(groupscan_filter6) == 72);
STATIC_CHECK(offsetof(groupscan_filter6, size) == 0);
STATIC_CHECK(offsetof(groupscan_filter6, group) == 8);
STATIC_CHECK(offsetof(groupscan_filter6, source) == 28);
STATIC_CHECK(offsetof(groupscan_filter6, has_interface) == 48);
STATIC_CHECK(offsetof(groupscan_filter6, iface) == 52);

STATIC_CHECK(sizeof(groupscan_position) == 44);
STATIC_CHECK(offsetof(groupscan_position, group) == 0);
STATIC_CHECK(offsetof(groupscan_position, source) == 16);
STATIC_CHECK(offsetof(groupscan_position, family) == 32);
STATIC_CHECK(offsetof(groupscan_position, has_protocol) == 36);
STATIC_CHECK(offsetof(groupscan_position, protocol) == 40);

STATIC_CHECK(sizeof(groupscan_manager_options) == 56);
STATIC_CHECK(offsetof(groupscan_manager_options, size) == 0);
STATIC_CHECK(offsetof(groupscan_manager_options, node_bytes) == 8);
STATIC_CHECK(offsetof(groupscan_manager_options, live_versions) == 16);
STATIC_CHECK(offsetof(groupscan_manager_options, protocols) == 24);
STATIC_CHECK(offsetof(groupscan_manager_options, owned_interfaces) == 32);
STATIC_CHECK(offsetof(groupscan_manager_options, enumerations) == 40);
STATIC_CHECK(offsetof(groupscan_manager_options, idle_ms) == 48);

STATIC_CHECK(sizeof(groupscan_manager_enumeration4) == 136);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, handle) == 0);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, version) == 8);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, remaining) == 16);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, retained_bytes) == 24);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, age_ms) == 32);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, idle_ms) == 40);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, protocol_id) == 48);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, component_id) == 52);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, position) == 56);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, view) == 100);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, group) == 104);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, source) == 112);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, has_interface) == 120);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, iface) == 124);
STATIC_CHECK(offsetof(groupscan_manager_enumeration4, reserved) == 132);

static int quick;

/* ---- Calls that fail ---- */

#define JOIN GROUPSCAN_JOIN
#define FORWARD GROUPSCAN_FORWARD
#define BOTH (JOIN | FORWARD)
#define NOWHERE GROUPSCAN_NOWHERE
#define CANARY 0xa5

/* The statuses by short names. */
#define NULL_POINTER GROUPSCAN_ERROR_NULL_POINTER
#define INVALID_SIZE GROUPSCAN_ERROR_INVALID_SIZE
#define UNKNOWN_OPTION GROUPSCAN_ERROR_UNKNOWN_OPTION
#define INVALID_VIEW GROUPSCAN_ERROR_INVALID_VIEW
#define INVALID_FLAGS GROUPSCAN_ERROR_INVALID_FLAGS
#define INVALID_PREFIX GROUPSCAN_ERROR_INVALID_PREFIX
#define INVALID_FAMILY GROUPSCAN_ERROR_INVALID_FAMILY
#define INVALID_MEMBERSHIP GROUPSCAN_ERROR_INVALID_MEMBERSHIP
#define INVALID_HANDLE GROUPSCAN_ERROR_INVALID_HANDLE
#define NOT_ASCENDING GROUPSCAN_ERROR_NOT_ASCENDING
#define BUFFER_TOO_SMALL GROUPSCAN_ERROR_BUFFER_TOO_SMALL
#define OUT_OF_CAPACITY GROUPSCAN_ERROR_OUT_OF_CAPACITY
#define TOO_MANY GROUPSCAN_ERROR_TOO_MANY
#define ALREADY_EXISTS GROUPSCAN_ERROR_ALREADY_EXISTS
#define NOT_FOUND GROUPSCAN_ERROR_NOT_FOUND
#define NOT_OWNER GROUPSCAN_ERROR_NOT_OWNER
#define ALREADY_OWNED GROUPSCAN_ERROR_ALREADY_OWNED
#define OWNS_INTERFACES GROUPSCAN_ERROR_OWNS_INTERFACES

#define STATUSES 21

/* A place for every result that there is, where calls that are to fail are told to put theirs. */
typedef struct Results {
    groupscan_table *table;
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration;
    groupscan_enumeration *parts[4];
    groupscan_manager *manager;
    groupscan_protocol_handle protocol;
    groupscan_enumeration_handle handle;
    size_t number;
    uint32_t id;
    uint32_t other_id;
    bool is_so;
    const uint64_t *keys4;
    const groupscan_key6 *keys6;
    groupscan_snapshot_info info;
    groupscan_stats stats;
    groupscan_retained retained[2];
    groupscan_position position;
    groupscan_interface4 interfaces4[2];
    groupscan_interface6 interfaces6[2];
    groupscan_membership_entry4 entries4[2];
    groupscan_membership_entry6 entries6[2];
    groupscan_manager_enumeration4 enumerations[2];
    uint8_t buffer[400];
} Results;

static Results results;

/* What became of the last change: this one is written by calls that fail, too. */
static groupscan_outcome outcome;

/* The statuses that calls have been refused with. */
static bool met[STATUSES];

static void forget_results(void)
{
    memset(&results, CANARY, sizeof results);
    memset(&outcome, CANARY, sizeof outcome);
}

static int is_untouched(const void *place, size_t bytes)
{
    const uint8_t *byte = (const uint8_t *)place;
    while (bytes > 0 && *byte == CANARY) {
        byte++;
        bytes--;
    }
    return bytes == 0;
}

/* That a call is refused, and has written nothing into the results. */
#define REFUSED(call, status)                                                                   \
    do {                                                                                        \
        forget_results();                                                                       \
        CHECK_EQ(call, status);                                                                 \
        CHECK(is_untouched(&results, sizeof results));                                          \
        met[status] = true;                                                                     \
    } while (0)

#define OK(call) CHECK_EQ(call, GROUPSCAN_OK)

static void check_outcome(uint64_t version, size_t changed, size_t refused_at)
{
    CHECK_EQ(outcome.version, version);
    CHECK_EQ(outcome.changed, changed);
    CHECK_EQ(outcome.refused_at, refused_at);
}

static void check_refused_at(size_t place) { check_outcome(0, 0, place); }

/* As REFUSED, of a change, which says for which of its elements it was refused. */
#define CHANGE_REFUSED(call, status, place)                                                     \
    do {                                                                                        \
        REFUSED(call, status);                                                                  \
        check_refused_at(place);                                                                \
    } while (0)

/* Memory of exactly so many bytes, beyond which valgrind sees what a call does. */
static void *memory_of(size_t bytes)
{
    void *memory = malloc(bytes);
    CHECK(memory != NULL);
    return memory;
}

/* ---- What numbers stand for ---- */

typedef enum Kind { GROUP, SOURCE, NEXT_HOP } Kind;

/* A membership in numbers: the source 0 is any, and with it the group 0 is all groups. */
typedef struct Member {
    unsigned group;
    unsigned source;
    unsigned interface;
    unsigned protocol;
    unsigned flags;
} Member;

static Member member(unsigned group, unsigned source, unsigned interface, unsigned flags)
{
    Member made;
    made.group = group;
    made.source = source;
    made.interface = interface;
    made.protocol = 0;
    made.flags = flags;
    return made;
}

static size_t width(int six) { return six ? 16 : 4; }
static unsigned bits(int six) { return six ? 128 : 32; }

/* The address of a number. Addresses ascend as numbers do, and have bits of these in each half. */
static void put_address(int six, Kind kind, unsigned number, uint8_t *address)
{
    static const uint8_t first4[3][2] = {{239, 1}, {10, 7}, {192, 168}};
    static const uint8_t first6[3][2] = {{0xff, 0x3e}, {0x20, 0x01}, {0xfe, 0x80}};
    memset(address, 0, width(six));
    if (number == 0)
        return;
    memcpy(address, six ? first6[kind] : first4[kind], 2);
    address[six ? 7 : 2] = (uint8_t)(number / 256);
    address[six ? 15 : 3] = (uint8_t)(number % 256);
}

/* The address of a number, with zeros behind the first bits. */
static void put_prefix(int six, Kind kind, unsigned number, unsigned length, uint8_t *address)
{
    unsigned bit;
    put_address(six, kind, number, address);
    for (bit = length; bit < bits(six); bit++)
        address[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

/* Interfaces in pairs of one index: the even one without a next hop, the odd one with one. */
static groupscan_interface4 interface4_of(unsigned number)
{
    groupscan_interface4 interface;
    interface.index = 1 + number / 2;
    put_address(0, NEXT_HOP, number % 2 == 0 ? 0 : number, interface.next_hop);
    return interface;
}

static groupscan_interface6 interface6_of(unsigned number)
{
    groupscan_interface6 interface;
    interface.index = 1 + number / 2;
    put_address(1, NEXT_HOP, number % 2 == 0 ? 0 : number, interface.next_hop);
    return interface;
}

static groupscan_join4 join4_of(unsigned group, unsigned source)
{
    groupscan_join4 join;
    put_address(0, GROUP, group, join.group);
    put_address(0, SOURCE, source, join.source);
    return join;
}

static groupscan_join6 join6_of(unsigned group, unsigned source)
{
    groupscan_join6 join;
    put_address(1, GROUP, group, join.group);
    put_address(1, SOURCE, source, join.source);
    return join;
}

static groupscan_membership4 membership4_of(Member numbers)
{
    groupscan_membership4 membership;
    put_address(0, GROUP, numbers.group, membership.group);
    put_address(0, SOURCE, numbers.source, membership.source);
    membership.iface = interface4_of(numbers.interface);
    membership.flags = numbers.flags;
    return membership;
}

static groupscan_membership6 membership6_of(Member numbers)
{
    groupscan_membership6 membership;
    put_address(1, GROUP, numbers.group, membership.group);
    put_address(1, SOURCE, numbers.source, membership.source);
    membership.iface = interface6_of(numbers.interface);
    membership.flags = numbers.flags;
    return membership;
}

/* What narrows an enumeration: addresses of numbers, cut to lengths, and an interface, if any. */
typedef struct Narrow {
    unsigned group;
    unsigned group_length;
    unsigned source;
    unsigned source_length;
    int interface;
} Narrow;

#define NO_INTERFACE (-1)

static Narrow to_everything(void)
{
    Narrow narrow;
    memset(&narrow, 0, sizeof narrow);
    narrow.interface = NO_INTERFACE;
    return narrow;
}

static groupscan_filter4 filter4_of(const Narrow *narrow)
{
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    put_prefix(0, GROUP, narrow->group, narrow->group_length, filter.group.address);
    filter.group.length = narrow->group_length;
    put_prefix(0, SOURCE, narrow->source, narrow->source_length, filter.source.address);
    filter.source.length = narrow->source_length;
    if (narrow->interface != NO_INTERFACE) {
        filter.has_interface = 1;
        filter.iface = interface4_of((unsigned)narrow->interface);
    }
    return filter;
}

static groupscan_filter6 filter6_of(const Narrow *narrow)
{
    groupscan_filter6 filter = GROUPSCAN_FILTER6_INIT;
    put_prefix(1, GROUP, narrow->group, narrow->group_length, filter.group.address);
    filter.group.length = narrow->group_length;
    put_prefix(1, SOURCE, narrow->source, narrow->source_length, filter.source.address);
    filter.source.length = narrow->source_length;
    if (narrow->interface != NO_INTERFACE) {
        filter.has_interface = 1;
        filter.iface = interface6_of((unsigned)narrow->interface);
    }
    return filter;
}

/* ---- The calls, for either family ---- */

typedef enum Change { JOINING, LEAVING } Change;

/* Memberships in memory, from its second byte on. */
static uint8_t *packed(int six, const Member *members, size_t count)
{
    size_t bytes = six ? sizeof(groupscan_membership6) : sizeof(groupscan_membership4), n;
    uint8_t *memory = (uint8_t *)memory_of(count * bytes + 1);
    for (n = 0; n < count; n++) {
        groupscan_membership4 membership4 = membership4_of(members[n]);
        groupscan_membership6 membership6 = membership6_of(members[n]);
        memcpy(memory + 1 + n * bytes, six ? (void *)&membership6 : (void *)&membership4, bytes);
    }
    return memory;
}

/* A bulk change of a table. The memberships lie at an odd address. */
static groupscan_status change(groupscan_table *table, int six, Change what, unsigned protocol,
                               const Member *members, size_t count, groupscan_outcome *became)
{
    uint8_t *memory = packed(six, members, count);
    void *first = memory + 1;
    groupscan_membership4 *first4 = (groupscan_membership4 *)first;
    groupscan_membership6 *first6 = (groupscan_membership6 *)first;
    groupscan_status status;
    if (six && what == JOINING)
        status = groupscan_table_join6(table, protocol, first6, count, became);
    else if (six)
        status = groupscan_table_leave6(table, protocol, first6, count, became);
    else if (what == JOINING)
        status = groupscan_table_join4(table, protocol, first4, count, became);
    else
        status = groupscan_table_leave4(table, protocol, first4, count, became);
    free(memory);
    return status;
}

/* Leaves the first of some memberships and joins the others. */
static groupscan_status update(groupscan_table *table, int six, unsigned protocol,
                               const Member *members, size_t leave_count, size_t join_count,
                               groupscan_outcome *became)
{
    uint8_t *leave_memory = packed(six, members, leave_count);
    uint8_t *join_memory = packed(six, members + leave_count, join_count);
    void *leaves = leave_memory + 1, *joins = join_memory + 1;
    groupscan_status status;
    if (six)
        status = groupscan_table_update6(table, protocol, (groupscan_membership6 *)leaves,
                                         leave_count, (groupscan_membership6 *)joins, join_count,
                                         became);
    else
        status = groupscan_table_update4(table, protocol, (groupscan_membership4 *)leaves,
                                         leave_count, (groupscan_membership4 *)joins, join_count,
                                         became);
    free(leave_memory);
    free(join_memory);
    return status;
}

static groupscan_status leave_all(groupscan_table *table, int six, unsigned protocol,
                                  unsigned interface, groupscan_outcome *became)
{
    groupscan_interface4 interface4 = interface4_of(interface);
    groupscan_interface6 interface6 = interface6_of(interface);
    if (six)
        return groupscan_table_leave_all6(table, protocol, &interface6, became);
    return groupscan_table_leave_all4(table, protocol, &interface4, became);
}

/* Replaces by the groups and sources of some members. The list lies at an odd address. */
static groupscan_status replace(groupscan_table *table, int six, unsigned protocol,
                                unsigned interface, const Member *members, size_t count,
                                groupscan_outcome *became)
{
    size_t bytes = six ? sizeof(groupscan_join6) : sizeof(groupscan_join4), n;
    uint8_t *memory = (uint8_t *)memory_of(count * bytes + 1);
    void *first = memory + 1;
    groupscan_interface4 interface4 = interface4_of(interface);
    groupscan_interface6 interface6 = interface6_of(interface);
    groupscan_status status;
    for (n = 0; n < count; n++) {
        groupscan_join4 join4 = join4_of(members[n].group, members[n].source);
        groupscan_join6 join6 = join6_of(members[n].group, members[n].source);
        memcpy(memory + 1 + n * bytes, six ? (void *)&join6 : (void *)&join4, bytes);
    }
    if (six)
        status = groupscan_table_replace6(table, protocol, &interface6, (groupscan_join6 *)first,
                                          count, became);
    else
        status = groupscan_table_replace4(table, protocol, &interface4, (groupscan_join4 *)first,
                                          count, became);
    free(memory);
    return status;
}

static groupscan_table *new_table(void)
{
    groupscan_table *table = NULL;
    OK(groupscan_table_create(NULL, &table));
    CHECK(table != NULL);
    return table;
}

static groupscan_snapshot *taken(const groupscan_table *table)
{
    groupscan_snapshot *snapshot = NULL;
    OK(groupscan_table_snapshot(table, &snapshot));
    CHECK(snapshot != NULL);
    return snapshot;
}

static groupscan_snapshot_info info_of(const groupscan_snapshot *snapshot)
{
    groupscan_snapshot_info info;
    memset(&info, CANARY, sizeof info);
    OK(groupscan_snapshot_get_info(snapshot, &info, sizeof info));
    return info;
}

static uint64_t version_of(const groupscan_table *table)
{
    groupscan_snapshot *snapshot = taken(table);
    uint64_t version = info_of(snapshot).version;
    groupscan_snapshot_destroy(snapshot);
    return version;
}

static groupscan_stats stats_of(const groupscan_table *table)
{
    groupscan_stats stats;
    memset(&stats, CANARY, sizeof stats);
    OK(groupscan_table_stats(table, &stats, sizeof stats));
    return stats;
}

static int is_joined(const groupscan_snapshot *snapshot, int six, unsigned group, unsigned source)
{
    groupscan_join4 join4 = join4_of(group, source);
    groupscan_join6 join6 = join6_of(group, source);
    bool contains = false;
    if (six)
        OK(groupscan_snapshot_contains6(snapshot, &join6, &contains));
    else
        OK(groupscan_snapshot_contains4(snapshot, &join4, &contains));
    return contains;
}

static size_t rank_of(const groupscan_snapshot *snapshot, int six, unsigned group, unsigned source)
{
    groupscan_join4 join4 = join4_of(group, source);
    groupscan_join6 join6 = join6_of(group, source);
    size_t rank = NOWHERE;
    if (six)
        OK(groupscan_snapshot_rank6(snapshot, &join6, &rank));
    else
        OK(groupscan_snapshot_rank4(snapshot, &join4, &rank));
    return rank;
}

/* An enumeration of joins; without a filter where that narrows to everything. */
static groupscan_status enumerate(const groupscan_snapshot *snapshot, int six, unsigned view,
                                  const Narrow *narrow, groupscan_enumeration **enumeration)
{
    groupscan_filter4 filter4;
    groupscan_filter6 filter6;
    if (narrow == NULL && six)
        return groupscan_snapshot_enumerate6(snapshot, view, NULL, enumeration);
    if (narrow == NULL)
        return groupscan_snapshot_enumerate4(snapshot, view, NULL, enumeration);
    filter4 = filter4_of(narrow);
    filter6 = filter6_of(narrow);
    if (six)
        return groupscan_snapshot_enumerate6(snapshot, view, &filter6, enumeration);
    return groupscan_snapshot_enumerate4(snapshot, view, &filter4, enumeration);
}

static groupscan_status enumerate_memberships(const groupscan_snapshot *snapshot, int six,
                                              unsigned interface, const Narrow *narrow,
                                              groupscan_enumeration **enumeration)
{
    groupscan_interface4 interface4 = interface4_of(interface);
    groupscan_interface6 interface6 = interface6_of(interface);
    Narrow to_all = to_everything();
    groupscan_filter4 filter4 = filter4_of(narrow == NULL ? &to_all : narrow);
    groupscan_filter6 filter6 = filter6_of(narrow == NULL ? &to_all : narrow);
    if (six)
        return groupscan_snapshot_enumerate_memberships6(
            snapshot, &interface6, narrow == NULL ? NULL : &filter6, enumeration);
    return groupscan_snapshot_enumerate_memberships4(
        snapshot, &interface4, narrow == NULL ? NULL : &filter4, enumeration);
}

/* ---- Walks: what may be enumerated of a snapshot ---- */

/* A view of joins, or VIEW_MEMBERSHIPS: the memberships of an interface; and what narrows it. */
typedef struct Walk {
    unsigned view;
    unsigned interface;
    Narrow narrow;
} Walk;

#define VIEWS 5
#define VIEW_MEMBERSHIPS VIEWS

static Walk walk_of(unsigned view)
{
    Walk walk;
    walk.view = view;
    walk.interface = 0;
    walk.narrow = to_everything();
    return walk;
}

static Walk memberships_of(unsigned interface)
{
    Walk walk = walk_of(VIEW_MEMBERSHIPS);
    walk.interface = interface;
    return walk;
}

static groupscan_enumeration *started(const groupscan_snapshot *snapshot, int six, const Walk *walk)
{
    groupscan_enumeration *enumeration = NULL;
    if (walk->view == VIEW_MEMBERSHIPS)
        OK(enumerate_memberships(snapshot, six, walk->interface, &walk->narrow, &enumeration));
    else
        OK(enumerate(snapshot, six, walk->view, &walk->narrow, &enumeration));
    CHECK(enumeration != NULL);
    return enumeration;
}

static size_t record_bytes_of(int six, const Walk *walk)
{
    if (walk->view == VIEW_MEMBERSHIPS)
        return six ? sizeof(groupscan_membership_entry6) : sizeof(groupscan_membership_entry4);
    return six ? sizeof(groupscan_source_group_entry6) : sizeof(groupscan_source_group_entry4);
}

/* Whether the number of records is known without a look at them. */
static int is_counted(const Walk *walk)
{
    if (walk->narrow.source_length > 0)
        return 0;
    return walk->view == VIEW_MEMBERSHIPS || (walk->view == GROUPSCAN_VIEW_ALL_SOURCES &&
                                              walk->narrow.interface == NO_INTERFACE);
}

/* ---- The model ---- */

#define MODEL_MOST 3000

/* Memberships, ascending by (group, source, interface, protocol). */
typedef struct Model {
    size_t count;
    Member members[MODEL_MOST];
} Model;

static int compare_joins(const Member *left, const Member *right)
{
    if (left->group != right->group)
        return left->group < right->group ? -1 : 1;
    if (left->source != right->source)
        return left->source < right->source ? -1 : 1;
    return 0;
}

static int compare_members(const Member *left, const Member *right)
{
    int joins = compare_joins(left, right);
    if (joins != 0)
        return joins;
    if (left->interface != right->interface)
        return left->interface < right->interface ? -1 : 1;
    if (left->protocol != right->protocol)
        return left->protocol < right->protocol ? -1 : 1;
    return 0;
}

/* The place of a membership, or where it would be. */
static size_t place_in(const Model *model, const Member *key)
{
    size_t low = 0, high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_members(&model->members[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int is_at(const Model *model, size_t place, const Member *key)
{
    return place < model->count && compare_members(&model->members[place], key) == 0;
}

/* Makes the flags of a membership these, where 0 removes it. Gives 1 if that is a change. */
static size_t set_flags(Model *model, const Member *key, unsigned flags)
{
    size_t place = place_in(model, key);
    Member *at = &model->members[place];
    if (is_at(model, place, key)) {
        if (at->flags == flags)
            return 0;
        at->flags = flags;
        if (flags == 0) {
            memmove(at, at + 1, (model->count - place - 1) * sizeof *at);
            model->count--;
        }
        return 1;
    }
    if (flags == 0)
        return 0;
    CHECK(model->count < MODEL_MOST);
    memmove(at + 1, at, (model->count - place) * sizeof *at);
    *at = *key;
    at->flags = flags;
    model->count++;
    return 1;
}

/* The bulk change of a table, of the model. Gives how many memberships changed. */
static size_t change_model(Model *model, Change what, unsigned protocol, const Member *members,
                           size_t count)
{
    size_t changed = 0, n;
    for (n = 0; n < count; n++) {
        Member key = members[n];
        size_t place;
        unsigned before;
        key.protocol = protocol;
        place = place_in(model, &key);
        before = is_at(model, place, &key) ? model->members[place].flags : 0;
        changed += set_flags(model, &key,
                             what == JOINING ? before | key.flags : before & ~key.flags);
    }
    return changed;
}

/* The same of a replacement. */
static size_t replace_model(Model *model, unsigned protocol, unsigned interface,
                            const Member *members, size_t count)
{
    size_t changed = 0, n, of;
    for (n = model->count; n > 0; n--) {
        Member at = model->members[n - 1];
        int stays = 0;
        if (at.protocol != protocol || at.interface != interface)
            continue;
        for (of = 0; of < count; of++)
            stays = stays || compare_joins(&at, &members[of]) == 0;
        if (!stays)
            changed += set_flags(model, &at, 0);
    }
    for (n = 0; n < count; n++) {
        Member key = members[n];
        key.protocol = protocol;
        key.interface = interface;
        changed += set_flags(model, &key, JOIN);
    }
    return changed;
}

/* Changes a table and the model, and checks the outcome against the version before. */
static void change_both(groupscan_table *table, int six, Model *model, Change what,
                        unsigned protocol, const Member *members, size_t count)
{
    uint64_t before = version_of(table);
    size_t changed = change_model(model, what, protocol, members, count);
    OK(change(table, six, what, protocol, members, count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

static void update_both(groupscan_table *table, int six, Model *model, unsigned protocol,
                        const Member *members, size_t leave_count, size_t join_count)
{
    uint64_t before = version_of(table);
    size_t changed = change_model(model, LEAVING, protocol, members, leave_count);
    changed += change_model(model, JOINING, protocol, members + leave_count, join_count);
    OK(update(table, six, protocol, members, leave_count, join_count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

static void replace_both(groupscan_table *table, int six, Model *model, unsigned protocol,
                         unsigned interface, const Member *members, size_t count)
{
    uint64_t before = version_of(table);
    size_t changed = replace_model(model, protocol, interface, members, count);
    OK(replace(table, six, protocol, interface, members, count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

static void leave_all_both(groupscan_table *table, int six, Model *model, unsigned protocol,
                           unsigned interface)
{
    uint64_t before = version_of(table);
    size_t changed = replace_model(model, protocol, interface, NULL, 0);
    OK(leave_all(table, six, protocol, interface, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(version_of(table), outcome.version);
}

/* Records, as they lie in a buffer. */
typedef struct Records {
    size_t record_bytes;
    size_t count;
    uint8_t bytes[MODEL_MOST * sizeof(groupscan_membership_entry6)];
} Records;

static void begin_records(Records *records, size_t record_bytes)
{
    records->record_bytes = record_bytes;
    records->count = 0;
}

static uint8_t *next_record(Records *records)
{
    CHECK(records->count < MODEL_MOST);
    return records->bytes + records->record_bytes * records->count++;
}

static const uint8_t *record(const Records *records, size_t place)
{
    return records->bytes + records->record_bytes * place;
}

/* The record of a join, which is the beginning of that of a membership, too. */
static void put_join(int six, unsigned group, unsigned source, uint8_t *at)
{
    size_t bytes = width(six);
    put_address(six, SOURCE, source, at);
    memset(at + bytes, source == 0 ? 0 : 0xff, bytes);
    put_address(six, GROUP, group, at + 2 * bytes);
    memset(at + 3 * bytes, group == 0 ? 0 : 0xff, bytes);
}

static void put_membership(int six, const Member *of, uint8_t *at)
{
    groupscan_membership_entry4 entry4;
    groupscan_membership_entry6 entry6;
    memset(&entry4, 0, sizeof entry4);
    memset(&entry6, 0, sizeof entry6);
    memcpy(entry4.next_hop, interface4_of(of->interface).next_hop, 4);
    memcpy(entry6.next_hop, interface6_of(of->interface).next_hop, 16);
    entry4.interface_index = entry6.interface_index = interface4_of(of->interface).index;
    entry4.protocol = entry6.protocol = of->protocol;
    entry4.flags = entry6.flags = of->flags;
    memcpy(at, six ? (void *)&entry6 : (void *)&entry4, six ? sizeof entry6 : sizeof entry4);
    put_join(six, of->group, of->source, at);
}

static int has_prefix(int six, Kind kind, unsigned number, unsigned of, unsigned length)
{
    uint8_t cut[16], prefix[16];
    put_prefix(six, kind, number, length, cut);
    put_prefix(six, kind, of, length, prefix);
    return memcmp(cut, prefix, width(six)) == 0;
}

static int admits(int six, const Narrow *narrow, const Member *of)
{
    return has_prefix(six, GROUP, of->group, narrow->group, narrow->group_length) &&
           (narrow->source_length == 0 ||
            (of->source != 0 &&
             has_prefix(six, SOURCE, of->source, narrow->source, narrow->source_length)));
}

/* Whether a view shows a join of those that a filter leaves, after one and the last one shown. */
static int shows(unsigned view, const Member *of, const Member *before, const Member *shown)
{
    if (before != NULL && compare_joins(before, of) == 0)
        return 0;
    switch (view) {
    case GROUPSCAN_VIEW_ANY_SOURCE:
        return of->source != 0 && (shown == NULL || shown->group != of->group);
    case GROUPSCAN_VIEW_SOURCE_SPECIFIC:
        return of->source != 0;
    case GROUPSCAN_VIEW_WILDCARD:
        return of->source == 0;
    case GROUPSCAN_VIEW_GROUPS:
        return shown == NULL || shown->group != of->group;
    default:
        return 1;
    }
}

/* What a walk gives by the model, behind a (group, source, protocol) if that is asked for. */
static void expect_behind(const Model *model, int six, const Walk *walk, const Member *position,
                          Records *expected)
{
    const Member *before = NULL, *shown = NULL;
    size_t n;
    begin_records(expected, record_bytes_of(six, walk));
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        int behind = position == NULL ? 1 : compare_joins(at, position);
        if (!admits(six, &walk->narrow, at))
            continue;
        if (walk->view == VIEW_MEMBERSHIPS) {
            if (behind == 0 && at->protocol > position->protocol)
                behind = 1;
            if (at->interface == walk->interface && behind > 0)
                put_membership(six, at, next_record(expected));
            continue;
        }
        if (!(at->flags & JOIN) || (walk->narrow.interface != NO_INTERFACE &&
                                    at->interface != (unsigned)walk->narrow.interface))
            continue;
        if (shows(walk->view, at, before, shown)) {
            unsigned source = walk->view == GROUPSCAN_VIEW_GROUPS ? 0 : at->source;
            if (behind > 0)
                put_join(six, at->group, source, next_record(expected));
            shown = at;
        }
        before = at;
    }
}

static void expect(const Model *model, int six, const Walk *walk, Records *expected)
{
    expect_behind(model, six, walk, NULL, expected);
}

/* ---- Reading ---- */

/* That so many records remain; where an enumeration is narrowed, at most so many more are told. */
static void check_remaining(const groupscan_enumeration *enumeration, size_t count)
{
    size_t remaining = NOWHERE;
    bool exact = false;
    OK(groupscan_enumeration_remaining(enumeration, &remaining, &exact));
    if (exact)
        CHECK_EQ(remaining, count);
    CHECK(remaining >= count && remaining != NOWHERE);
    CHECK((remaining == 0) == (count == 0));
}

/* That a call gives no records, and says that there are no more. */
static void check_end(groupscan_enumeration *enumeration)
{
    static const size_t sizes[] = {0, 1, 15, 16, 64, 400};
    size_t n;
    for (n = 0; n < COUNT(sizes); n++) {
        size_t count = NOWHERE;
        bool more = true;
        forget_results();
        OK(groupscan_enumeration_next(enumeration, results.buffer, sizes[n], &count, &more));
        CHECK_EQ(count, 0);
        CHECK(!more);
        CHECK(is_untouched(results.buffer, sizeof results.buffer));
        OK(groupscan_enumeration_next(enumeration, NULL, sizes[n], &count, NULL));
        CHECK_EQ(count, 0);
    }
    check_remaining(enumeration, 0);
}

/* That an enumeration has just these records left, from one place of them on, so many a call. */
static void check_rest(groupscan_enumeration *enumeration, const Records *expected,
                       size_t from, size_t a_call)
{
    size_t bytes = expected->record_bytes;
    uint8_t *memory = (uint8_t *)memory_of(a_call * bytes + 2);
    bool more;
    do {
        size_t left = expected->count - from, count = NOWHERE;
        check_remaining(enumeration, left);
        more = left == 0;
        OK(groupscan_enumeration_next(enumeration, memory + 1, a_call * bytes + 1, &count, &more));
        CHECK_EQ(count, left < a_call ? left : a_call);
        CHECK(memcmp(memory + 1, record(expected, from), count * bytes) == 0);
        from += count;
        CHECK_EQ(more, from < expected->count);
    } while (more);
    check_end(enumeration);
    free(memory);
}

/* Reads so many records, which there have to be. */
static void skip(groupscan_enumeration *enumeration, const Records *expected, size_t count)
{
    size_t bytes = count * expected->record_bytes, got = NOWHERE;
    uint8_t *memory;
    if (count == 0)
        return;
    memory = (uint8_t *)memory_of(bytes);
    OK(groupscan_enumeration_next(enumeration, memory, bytes, &got, NULL));
    CHECK_EQ(got, count);
    CHECK(memcmp(memory, expected->bytes, bytes) == 0);
    free(memory);
}

static Records expected;

static void check_walk(const groupscan_snapshot *snapshot, int six, const Model *model,
                       const Walk *walk, size_t a_call)
{
    groupscan_enumeration *enumeration = started(snapshot, six, walk);
    bool exact = false;
    size_t remaining;
    expect(model, six, walk, &expected);
    OK(groupscan_enumeration_remaining(enumeration, &remaining, &exact));
    if (expected.count > 0)
        CHECK_EQ(exact, is_counted(walk));
    check_rest(enumeration, &expected, 0, a_call);
    groupscan_enumeration_destroy(enumeration);
}

/* ---- Some memberships ---- */

#define INTERFACES 5
#define PROTOCOLS 3

/* A group that is odd in its last byte, and one of the next block of 256. */
#define SOME_GROUP 7
#define FAR_GROUP (256 + 4)
#define ABSENT_GROUP 77
#define ABSENT_INTERFACE 40

/* (*,G), (S,G) and both, on some interfaces, by some protocols, with all flags. */
static void put_some(Model *model)
{
    static const unsigned groups[] = {0,   1,   2,   4,         SOME_GROUP, 9,
                                      200, 255, 256, FAR_GROUP, 600,        65000};
    static const unsigned sources[] = {0, 3, 5, 256 + 1, 256 + 3};
    unsigned group, source, n = 0;
    model->count = 0;
    for (group = 0; group < COUNT(groups); group++) {
        for (source = 0; source < COUNT(sources); source++) {
            unsigned times = (group * 3 + source * 5) % 4;
            if (groups[group] == 0 && source > 0)
                break;
            for (times += groups[group] == SOME_GROUP; times > 0; times--, n++) {
                Member key = member(groups[group], sources[source], n % INTERFACES, 0);
                key.protocol = 10 + n % PROTOCOLS;
                set_flags(model, &key, n % 11 == 3 ? FORWARD : n % 3 == 0 ? BOTH : JOIN);
            }
        }
    }
}

/* Joins the model's memberships, protocol by protocol. */
static void join_model(groupscan_table *table, int six, const Model *model)
{
    static Member members[MODEL_MOST];
    unsigned protocol;
    for (protocol = 10; protocol < 10 + PROTOCOLS; protocol++) {
        size_t count = 0, n;
        /* Out of order, so that the table has to sort. */
        for (n = 0; n < model->count; n++) {
            const Member *at = &model->members[model->count - 1 - n];
            if (at->protocol == protocol)
                members[count++] = *at;
        }
        OK(change(table, six, JOINING, protocol, members, count, &outcome));
        CHECK_EQ(outcome.changed, count);
    }
}

static Model some;

/* A table of some memberships, which are the model `some`. */
static groupscan_table *table_of_some(int six)
{
    groupscan_table *table = new_table();
    put_some(&some);
    join_model(table, six, &some);
    return table;
}

static groupscan_snapshot *snapshot_of_some(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table);
    groupscan_table_destroy(table);
    return snapshot;
}

#define NARROWS 14

/* What enumerations of some memberships are narrowed to: what filters have, alone and together. */
static void put_narrows(int six, Narrow narrows[NARROWS])
{
    unsigned half = six ? 64 : 24, n;
    for (n = 0; n < NARROWS; n++)
        narrows[n] = to_everything();
    narrows[1].group_length = half;
    narrows[1].group = 1;
    narrows[2].group_length = half;
    narrows[2].group = FAR_GROUP;
    narrows[3].group_length = bits(six);
    narrows[3].group = SOME_GROUP;
    narrows[4].group_length = bits(six);
    narrows[4].group = ABSENT_GROUP;
    narrows[5].source_length = half;
    narrows[5].source = 3;
    narrows[6].source_length = bits(six);
    narrows[6].source = 256 + 3;
    narrows[7].source_length = bits(six);
    narrows[7].source = ABSENT_GROUP;
    narrows[8].interface = 0;
    narrows[9].interface = 3;
    narrows[10].interface = ABSENT_INTERFACE;
    narrows[11] = narrows[1];
    narrows[11].interface = 1;
    narrows[12] = narrows[5];
    narrows[12].interface = 2;
    narrows[13] = narrows[12];
    narrows[13].group_length = half;
    narrows[13].group = FAR_GROUP;
}

#define WALKS ((VIEWS + INTERFACES + 1) * NARROWS)

/* Each view, and the memberships of each interface and of an absent one, with each filter. */
static void put_walks(int six, Walk walks[WALKS])
{
    Narrow narrows[NARROWS];
    unsigned of, n, count = 0;
    put_narrows(six, narrows);
    for (n = 0; n < NARROWS; n++) {
        for (of = 0; of < VIEWS; of++)
            walks[count++] = walk_of(of);
        for (of = 0; of <= INTERFACES; of++)
            walks[count++] = memberships_of(of < INTERFACES ? of : ABSENT_INTERFACE);
        for (of = count - VIEWS - INTERFACES - 1; of < count; of++)
            walks[of].narrow = narrows[n];
    }
}

/* ---- Questions to a snapshot ---- */

static size_t joins_of(const Model *model)
{
    const Member *before = NULL;
    size_t joins = 0, n;
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        if (!(at->flags & JOIN))
            continue;
        joins += before == NULL || compare_joins(before, at) != 0;
        before = at;
    }
    return joins;
}

static void check_counts(const groupscan_family_stats *counts, const Model *model)
{
    size_t interfaces = 0, n, of;
    for (n = 0; n < model->count; n++) {
        int is_new = 1;
        for (of = 0; of < n; of++)
            is_new = is_new && model->members[of].interface != model->members[n].interface;
        interfaces += (size_t)is_new;
    }
    CHECK_EQ(counts->joins, joins_of(model));
    CHECK_EQ(counts->memberships, model->count);
    CHECK_EQ(counts->interfaces, interfaces);
}

static void check_info(const groupscan_snapshot *snapshot, int six, const Model *model)
{
    static Model none;
    groupscan_snapshot_info info = info_of(snapshot);
    check_counts(&info.ipv4, six ? &none : model);
    check_counts(&info.ipv6, six ? model : &none);
}

/* What a snapshot lists: of a join, of all memberships, or of a group. */
typedef enum List { OUTGOING, ALL_INTERFACES, MEMBERSHIPS } List;

typedef struct Question {
    const groupscan_snapshot *snapshot;
    int six;
    List list;
    unsigned group;
    unsigned source;
} Question;

static groupscan_status ask(const Question *of, void *list, size_t capacity, size_t *count)
{
    groupscan_join4 join4 = join4_of(of->group, of->source);
    groupscan_join6 join6 = join6_of(of->group, of->source);
    groupscan_interface4 *interfaces4 = (groupscan_interface4 *)list;
    groupscan_interface6 *interfaces6 = (groupscan_interface6 *)list;
    if (of->list == MEMBERSHIPS && of->six)
        return groupscan_snapshot_memberships6(of->snapshot, join6.group,
                                               (groupscan_membership_entry6 *)list, capacity,
                                               count);
    if (of->list == MEMBERSHIPS)
        return groupscan_snapshot_memberships4(of->snapshot, join4.group,
                                               (groupscan_membership_entry4 *)list, capacity,
                                               count);
    if (of->list == ALL_INTERFACES && of->six)
        return groupscan_snapshot_interfaces6(of->snapshot, interfaces6, capacity, count);
    if (of->list == ALL_INTERFACES)
        return groupscan_snapshot_interfaces4(of->snapshot, interfaces4, capacity, count);
    if (of->six)
        return groupscan_snapshot_outgoing6(of->snapshot, &join6, interfaces6, capacity, count);
    return groupscan_snapshot_outgoing4(of->snapshot, &join4, interfaces4, capacity, count);
}

static size_t place_of(const Records *records, const uint8_t *key)
{
    size_t place = 0;
    while (place < records->count &&
           memcmp(record(records, place), key, records->record_bytes) != 0)
        place++;
    return place;
}

/* What the model has for an answer, each once, in some order. */
static void put_answers(const Model *model, const Question *of, Records *answers)
{
    uint8_t answer[sizeof(groupscan_membership_entry6)];
    size_t bytes = of->six ? sizeof(groupscan_interface6) : sizeof(groupscan_interface4), n;
    if (of->list == MEMBERSHIPS)
        bytes = of->six ? sizeof(groupscan_membership_entry6) : sizeof(groupscan_membership_entry4);
    begin_records(answers, bytes);
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        groupscan_interface4 interface4 = interface4_of(at->interface);
        groupscan_interface6 interface6 = interface6_of(at->interface);
        if (of->list != ALL_INTERFACES && at->group != of->group)
            continue;
        if (of->list == OUTGOING && (at->source != of->source || !(at->flags & JOIN)))
            continue;
        if (of->list == MEMBERSHIPS)
            put_membership(of->six, at, answer);
        else
            memcpy(answer, of->six ? (void *)&interface6 : (void *)&interface4, bytes);
        if (place_of(answers, answer) == answers->count)
            memcpy(next_record(answers), answer, bytes);
    }
}

/* That a list is the model's, each element once, ascending by source; whatever its capacity is. */
static void check_list(const Question *of, const Model *model)
{
    static Records answers, whole, part;
    size_t bytes, count = NOWHERE, n;
    uint8_t *first = whole.bytes + 1;
    put_answers(model, of, &answers);
    bytes = answers.record_bytes;
    memset(whole.bytes, CANARY, (answers.count + 2) * bytes);
    OK(ask(of, first, answers.count + 1, &count));
    CHECK_EQ(count, answers.count);
    CHECK(is_untouched(first + count * bytes, bytes));
    for (n = 0; n < count; n++) {
        size_t place = place_of(&answers, first + n * bytes);
        CHECK(place < answers.count);
        /* Not again. */
        memset(answers.bytes + place * bytes, CANARY, bytes);
        if (of->list == MEMBERSHIPS && n > 0)
            CHECK(memcmp(first + (n - 1) * bytes, first + n * bytes, width(of->six)) <= 0);
    }
    for (n = 0; n <= count; n += 1 + count / 5) {
        size_t there_are = NOWHERE;
        memset(part.bytes, CANARY, (n + 2) * bytes);
        CHECK_EQ(ask(of, n == 0 ? NULL : part.bytes + 1, n, &there_are),
                 n < count ? BUFFER_TOO_SMALL : GROUPSCAN_OK);
        CHECK_EQ(there_are, count);
        CHECK(memcmp(part.bytes + 1, first, n * bytes) == 0);
        CHECK(is_untouched(part.bytes + 1 + n * bytes, bytes));
    }
}

static void check_lists(const groupscan_snapshot *snapshot, int six, const Model *model,
                        unsigned group, unsigned source)
{
    Question question;
    question.snapshot = snapshot;
    question.six = six;
    question.group = group;
    question.source = source;
    question.list = OUTGOING;
    check_list(&question, model);
    question.list = ALL_INTERFACES;
    check_list(&question, model);
    question.list = MEMBERSHIPS;
    check_list(&question, model);
}

/* That the keys from a rank on are the joins of some records. Gives how many a call gave. */
static size_t check_keys(const groupscan_snapshot *snapshot, int six, const Records *joins,
                         size_t rank)
{
    const uint64_t *keys4 = NULL, *words;
    const groupscan_key6 *keys6 = NULL;
    size_t count = NOWHERE, n, of;
    if (six)
        OK(groupscan_snapshot_keys6(snapshot, rank, &keys6, &count));
    else
        OK(groupscan_snapshot_keys4(snapshot, rank, &keys4, &count));
    CHECK((count == 0) == (rank >= joins->count));
    CHECK(count == 0 || count <= joins->count - rank);
    for (n = 0; n < count; n++) {
        const uint8_t *at = record(joins, rank + n);
        uint8_t group_and_source[32];
        memcpy(group_and_source, at + 2 * width(six), width(six));
        memcpy(group_and_source + width(six), at, width(six));
        words = six ? keys6[n].words : &keys4[n];
        for (of = 0; of < 2 * width(six); of++) {
            uint64_t word = words[of / 8];
            CHECK_EQ(word >> (56 - of % 8 * 8) & 0xff, group_and_source[of]);
        }
    }
    return count;
}

static void check_all_keys(const groupscan_snapshot *snapshot, int six, const Model *model)
{
    static Records joins;
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    size_t rank = 0, count;
    expect(model, six, &walk, &joins);
    do {
        count = check_keys(snapshot, six, &joins, rank);
        rank += count;
    } while (count > 0);
    CHECK_EQ(rank, joins.count);
    for (rank = 0; rank < joins.count + 3; rank += 1 + joins.count / 40)
        check_keys(snapshot, six, &joins, rank);
    CHECK_EQ(check_keys(snapshot, six, &joins, joins.count), 0);
    CHECK_EQ(check_keys(snapshot, six, &joins, NOWHERE), 0);
}

/* That whatever is asked about a join has the model's answer. */
static void check_join(const groupscan_snapshot *snapshot, int six, const Model *model,
                       unsigned group, unsigned source)
{
    const Member *before = NULL;
    Member key = member(group, source, 0, 0);
    size_t rank = 0, n;
    int contains = 0;
    for (n = 0; n < model->count; n++) {
        const Member *at = &model->members[n];
        if (!(at->flags & JOIN) || (before != NULL && compare_joins(before, at) == 0))
            continue;
        rank += compare_joins(at, &key) < 0;
        contains = contains || compare_joins(at, &key) == 0;
        before = at;
    }
    CHECK_EQ(is_joined(snapshot, six, group, source), contains);
    CHECK_EQ(rank_of(snapshot, six, group, source), rank);
    check_lists(snapshot, six, model, group, source);
}

/* That a snapshot has what the model has, by all that can be asked and enumerated. */
static void check_snapshot(const groupscan_snapshot *snapshot, int six, const Model *model)
{
    static Walk walks[WALKS];
    size_t n, step = quick ? 5 : 1, a_call = model->count / 8 + 3;
    check_info(snapshot, six, model);
    check_all_keys(snapshot, six, model);
    put_walks(six, walks);
    for (n = 0; n < WALKS; n += step)
        check_walk(snapshot, six, model, &walks[n], a_call);
    for (n = 0; n < model->count; n += 1 + model->count / 40) {
        check_join(snapshot, six, model, model->members[n].group, model->members[n].source);
        check_join(snapshot, six, model, model->members[n].group, model->members[n].source + 1);
        check_join(snapshot, six, model, model->members[n].group + 1, 0);
    }
}

static void check_table(const groupscan_table *table, int six, const Model *model)
{
    groupscan_snapshot *snapshot = taken(table);
    check_snapshot(snapshot, six, model);
    groupscan_snapshot_destroy(snapshot);
}

/* ---- Cases: the library, and what every call has in common ---- */

/* It is the first one: what is to be said of the manager has to be said before any other call. */
static void the_process_has_one_manager(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT, bad;
    struct {
        groupscan_manager_options known;
        uint32_t unknown[2];
    } longer;
    groupscan_manager *manager = NULL, *again = NULL;
    groupscan_protocol_handle native;
    groupscan_enumeration_handle running;
    groupscan_interface4 lan = interface4_of(2), other = interface4_of(4), third = interface4_of(6);
    groupscan_source_group_entry4 entry;
    HANDLE pim = NULL, ending[2], refused;
    DWORD group, owner = 0, component = 9, ended;
    size_t count = 0;
    bool more = true;
    Member numbers = member(SOME_GROUP, 0, 2, JOIN);
    groupscan_membership4 membership = membership4_of(numbers);

    options.protocols = 2;
    options.owned_interfaces = 2;
    options.enumerations = 3;
    /* Calls that are refused do not make it. */
    REFUSED(groupscan_manager_of_process(&options, NULL), NULL_POINTER);
    REFUSED(groupscan_manager_of_process(NULL, NULL), NULL_POINTER);
    bad = options;
    bad.size--;
    REFUSED(groupscan_manager_of_process(&bad, &results.manager), INVALID_SIZE);
    memset(&longer, 0, sizeof longer);
    longer.known = options;
    longer.known.size = sizeof longer;
    longer.unknown[1] = 1;
    REFUSED(groupscan_manager_of_process(&longer.known, &results.manager), UNKNOWN_OPTION);

    OK(groupscan_manager_of_process(&options, &manager));
    CHECK(manager != NULL);
    OK(groupscan_manager_of_process(NULL, &again));
    CHECK(again == manager);
    REFUSED(groupscan_manager_of_process(&options, &results.manager), ALREADY_EXISTS);
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    REFUSED(groupscan_manager_of_process(&options, &results.manager), ALREADY_EXISTS);
    groupscan_manager_destroy(manager);
    groupscan_manager_destroy(manager);

    /* What is done by the calls of mgm.h is seen by these, and the other way round. */
    CHECK_EQ(MgmRegisterMProtocol(NULL, 0x01370020, 0, &pim), NO_ERROR);
    OK(groupscan_manager_register(manager, 0x01370020, 1, &native));
    REFUSED(groupscan_manager_register(manager, 0x01370020, 0, &results.protocol), ALREADY_EXISTS);
    REFUSED(groupscan_manager_register(manager, 0x01370020, 2, &results.protocol), TOO_MANY);
    CHECK_EQ(MgmRegisterMProtocol(NULL, 0x01370020, 1, &refused), ERROR_ALREADY_EXISTS);
    CHECK_EQ(MgmRegisterMProtocol(NULL, 0x01370020, 2, &refused), ERROR_NOT_ENOUGH_MEMORY);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, lan.index, 0), NO_ERROR);
    OK(groupscan_manager_take_interface4(manager, native, &other));
    REFUSED(groupscan_manager_take_interface4(manager, native, &lan), ALREADY_OWNED);
    REFUSED(groupscan_manager_take_interface4(manager, native, &third), TOO_MANY);
    CHECK_EQ(MgmTakeInterfaceOwnership(pim, third.index, 0), ERROR_NOT_ENOUGH_MEMORY);
    OK(groupscan_manager_owner4(manager, &lan, &owner, &component));
    CHECK_EQ(owner, 0x01370020);
    CHECK_EQ(component, 0);
    CHECK_EQ(MgmGetProtocolOnInterface(other.index, 0, &owner, &component), NO_ERROR);
    CHECK_EQ(component, 1);
    memcpy(&group, membership.group, sizeof group);
    CHECK_EQ(MgmAddGroupMembershipEntry(pim, 0, 0, group, 0xffffffffu, lan.index, 0, JOIN),
             NO_ERROR);
    OK(groupscan_manager_start4(manager, native, GROUPSCAN_VIEW_ALL_SOURCES, NULL, &running));
    OK(groupscan_manager_next(manager, running, &entry, sizeof entry, &count, &more));
    CHECK_EQ(count, 1);
    CHECK(!more);
    CHECK(memcmp(entry.group, membership.group, sizeof entry.group) == 0);

    /* Both kinds of enumerations count. */
    for (ended = 0; ended < 2; ended++)
        CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &ending[ended]), NO_ERROR);
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &refused), ERROR_NOT_ENOUGH_MEMORY);
    REFUSED(groupscan_manager_start4(manager, native, 0, NULL, &results.handle), TOO_MANY);
    OK(groupscan_manager_end(manager, running));
    CHECK_EQ(MgmGroupEnumerationStart(pim, ALL_SOURCES, &refused), NO_ERROR);
    CHECK_EQ(MgmGroupEnumerationEnd(refused), NO_ERROR);
    for (ended = 0; ended < 2; ended++)
        CHECK_EQ(MgmGroupEnumerationEnd(ending[ended]), NO_ERROR);
    CHECK_EQ(MgmReleaseInterfaceOwnership(pim, lan.index, 0), NO_ERROR);
    CHECK_EQ(MgmDeRegisterMProtocol(pim), NO_ERROR);
    OK(groupscan_manager_release_interface4(manager, native, &other));
    OK(groupscan_manager_deregister(manager, native));
    groupscan_manager_destroy(manager);
}

static void the_versions_agree(void)
{
    char version[40];
    CHECK(strcmp(groupscan_version(), GROUPSCAN_VERSION_STRING) == 0);
    CHECK(groupscan_version() == groupscan_version());
    CHECK_EQ(groupscan_version_number(), GROUPSCAN_VERSION_NUMBER);
    sprintf(version, "%u.%u.%u", (unsigned)groupscan_version_number() >> 16,
            (unsigned)groupscan_version_number() >> 8 & 0xff,
            (unsigned)groupscan_version_number() & 0xff);
    CHECK(strcmp(version, groupscan_version()) == 0);
    sprintf(version, "%d.%d.%d", GROUPSCAN_VERSION_MAJOR, GROUPSCAN_VERSION_MINOR,
            GROUPSCAN_VERSION_PATCH);
    CHECK(strcmp(version, GROUPSCAN_VERSION_STRING) == 0);
}

static void every_status_has_a_message(void)
{
    static const int unknown[] = {-1, STATUSES, STATUSES + 1, 255, 256, INT_MAX, INT_MIN};
    int status, other;
    size_t n;
    for (status = 0; status < STATUSES; status++) {
        const char *message = groupscan_strerror(status);
        CHECK(message != NULL && strlen(message) > 5);
        CHECK(message == groupscan_strerror(status));
        for (other = 0; other < status; other++)
            CHECK(strcmp(message, groupscan_strerror(other)) != 0);
    }
    for (n = 0; n < COUNT(unknown); n++) {
        CHECK(groupscan_strerror(unknown[n]) != NULL && groupscan_strerror(unknown[n])[0] != 0);
        for (status = 0; status < STATUSES; status++)
            CHECK(strcmp(groupscan_strerror(unknown[n]), groupscan_strerror(status)) != 0);
    }
}

#define NULL_REFUSED(call) REFUSED(call, NULL_POINTER)
#define NULL_CHANGE_REFUSED(call) CHANGE_REFUSED(call, NULL_POINTER, NOWHERE)

static void null_pointers_of_table_calls(void)
{
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_table *table = NULL;
    groupscan_snapshot *snapshot = NULL;
    groupscan_membership4 one4 = membership4_of(member(1, 2, 3, JOIN));
    groupscan_membership6 one6 = membership6_of(member(1, 2, 3, JOIN));
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_join4 list4 = join4_of(1, 2);
    groupscan_join6 list6 = join6_of(1, 2);
    size_t count = NOWHERE;

    groupscan_table_destroy(NULL);
    NULL_REFUSED(groupscan_table_create(&options, NULL));
    NULL_REFUSED(groupscan_table_create(NULL, NULL));
    OK(groupscan_table_create(NULL, &table));

    NULL_CHANGE_REFUSED(groupscan_table_join4(NULL, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_join6(NULL, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave4(NULL, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave6(NULL, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_join4(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_join6(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave4(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave6(table, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update4(NULL, 1, &one4, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update6(NULL, 1, &one6, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update4(table, 1, NULL, 1, &one4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update6(table, 1, NULL, 1, &one6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update4(table, 1, &one4, 1, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_update6(table, 1, &one6, 1, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_table_join4(NULL, 1, &one4, 1, NULL));
    NULL_REFUSED(groupscan_table_leave6(table, 1, NULL, 1, NULL));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all4(NULL, 1, &on4, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all6(NULL, 1, &on6, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all4(table, 1, NULL, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_leave_all6(table, 1, NULL, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace4(NULL, 1, &on4, &list4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace6(NULL, 1, &on6, &list6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace4(table, 1, NULL, &list4, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace6(table, 1, NULL, &list6, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace4(table, 1, &on4, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_table_replace6(table, 1, &on6, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_table_snapshot(NULL, &results.snapshot));
    NULL_REFUSED(groupscan_table_snapshot(table, NULL));
    NULL_REFUSED(groupscan_table_stats(NULL, &results.stats, sizeof results.stats));
    NULL_REFUSED(groupscan_table_stats(table, NULL, sizeof results.stats));
    NULL_REFUSED(groupscan_table_retained(NULL, results.retained, 2, sizeof results.retained[0],
                                          &results.number));
    NULL_REFUSED(groupscan_table_retained(table, NULL, 2, sizeof results.retained[0],
                                          &results.number));
    NULL_REFUSED(groupscan_table_retained(table, results.retained, 2, sizeof results.retained[0],
                                          NULL));
    NULL_REFUSED(groupscan_table_reclaim(NULL, &results.is_so));
    NULL_REFUSED(groupscan_table_reclaim(table, NULL));
    CHECK_EQ(version_of(table), 0);

    /* These may be null. */
    OK(groupscan_table_join4(table, 1, NULL, 0, &outcome));
    check_outcome(0, 0, NOWHERE);
    OK(groupscan_table_leave6(table, 1, NULL, 0, &outcome));
    check_outcome(0, 0, NOWHERE);
    OK(groupscan_table_join6(table, 1, NULL, 0, NULL));
    OK(groupscan_table_leave4(table, 1, NULL, 0, NULL));
    OK(groupscan_table_update4(table, 1, NULL, 0, NULL, 0, NULL));
    OK(groupscan_table_update6(table, 1, NULL, 0, NULL, 0, NULL));
    OK(groupscan_table_update4(table, 1, &one4, 1, NULL, 0, NULL));
    OK(groupscan_table_update6(table, 1, &one6, 1, NULL, 0, NULL));
    CHECK_EQ(version_of(table), 0);
    OK(groupscan_table_update4(table, 1, NULL, 0, &one4, 1, NULL));
    OK(groupscan_table_update6(table, 1, NULL, 0, &one6, 1, NULL));
    OK(groupscan_table_replace4(table, 1, &on4, &list4, 1, NULL));
    OK(groupscan_table_replace6(table, 1, &on6, &list6, 1, NULL));
    CHECK_EQ(version_of(table), 2);
    OK(groupscan_table_replace4(table, 1, &on4, NULL, 0, NULL));
    OK(groupscan_table_replace6(table, 1, &on6, NULL, 0, NULL));
    CHECK_EQ(version_of(table), 4);
    OK(groupscan_table_join4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_join6(table, 1, &one6, 1, NULL));
    OK(groupscan_table_leave_all4(table, 1, &on4, NULL));
    OK(groupscan_table_leave_all6(table, 1, &on6, NULL));
    OK(groupscan_table_join4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_join6(table, 1, &one6, 1, NULL));
    OK(groupscan_table_leave4(table, 1, &one4, 1, NULL));
    OK(groupscan_table_leave6(table, 1, &one6, 1, NULL));
    OK(groupscan_table_snapshot(table, &snapshot));
    CHECK_EQ(info_of(snapshot).version, 12);
    groupscan_snapshot_destroy(snapshot);
    CHECK_EQ(groupscan_table_retained(table, NULL, 0, sizeof results.retained[0], &count),
             BUFFER_TOO_SMALL);
    CHECK_EQ(count, 1);
    groupscan_table_destroy(table);
}

static void null_pointers_of_snapshot_calls(void)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot = taken(table);
    groupscan_join4 one4 = join4_of(1, 2);
    groupscan_join6 one6 = join6_of(1, 2);
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
    groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
    groupscan_enumeration *enumeration = NULL;
    size_t count = NOWHERE;
    Results *to = &results;

    groupscan_snapshot_destroy(NULL);
    NULL_REFUSED(groupscan_snapshot_get_info(NULL, &to->info, sizeof to->info));
    NULL_REFUSED(groupscan_snapshot_get_info(snapshot, NULL, sizeof to->info));
    NULL_REFUSED(groupscan_snapshot_clone(NULL, &to->snapshot));
    NULL_REFUSED(groupscan_snapshot_clone(snapshot, NULL));
    NULL_REFUSED(groupscan_snapshot_contains4(NULL, &one4, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains4(snapshot, NULL, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains4(snapshot, &one4, NULL));
    NULL_REFUSED(groupscan_snapshot_contains6(NULL, &one6, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains6(snapshot, NULL, &to->is_so));
    NULL_REFUSED(groupscan_snapshot_contains6(snapshot, &one6, NULL));
    NULL_REFUSED(groupscan_snapshot_rank4(NULL, &one4, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank4(snapshot, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank4(snapshot, &one4, NULL));
    NULL_REFUSED(groupscan_snapshot_rank6(NULL, &one6, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank6(snapshot, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_rank6(snapshot, &one6, NULL));
    NULL_REFUSED(groupscan_snapshot_outgoing4(NULL, &one4, to->interfaces4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing4(snapshot, NULL, to->interfaces4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing4(snapshot, &one4, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing4(snapshot, &one4, to->interfaces4, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_outgoing6(NULL, &one6, to->interfaces6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing6(snapshot, NULL, to->interfaces6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing6(snapshot, &one6, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_outgoing6(snapshot, &one6, to->interfaces6, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_interfaces4(NULL, to->interfaces4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces4(snapshot, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces4(snapshot, to->interfaces4, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_interfaces6(NULL, to->interfaces6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces6(snapshot, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_interfaces6(snapshot, to->interfaces6, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_memberships4(NULL, one4.group, to->entries4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships4(snapshot, NULL, to->entries4, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships4(snapshot, one4.group, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships4(snapshot, one4.group, to->entries4, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_memberships6(NULL, one6.group, to->entries6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships6(snapshot, NULL, to->entries6, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships6(snapshot, one6.group, NULL, 2, &to->number));
    NULL_REFUSED(groupscan_snapshot_memberships6(snapshot, one6.group, to->entries6, 2, NULL));
    NULL_REFUSED(groupscan_snapshot_keys4(NULL, 0, &to->keys4, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys4(snapshot, 0, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys4(snapshot, 0, &to->keys4, NULL));
    NULL_REFUSED(groupscan_snapshot_keys6(NULL, 0, &to->keys6, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys6(snapshot, 0, NULL, &to->number));
    NULL_REFUSED(groupscan_snapshot_keys6(snapshot, 0, &to->keys6, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate4(NULL, 0, &filter4, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate4(snapshot, 0, &filter4, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate6(NULL, 0, &filter6, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate6(snapshot, 0, &filter6, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships4(NULL, &on4, &filter4, &to->enumeration));
    NULL_REFUSED(
        groupscan_snapshot_enumerate_memberships4(snapshot, NULL, &filter4, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships4(snapshot, &on4, &filter4, NULL));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships6(NULL, &on6, &filter6, &to->enumeration));
    NULL_REFUSED(
        groupscan_snapshot_enumerate_memberships6(snapshot, NULL, &filter6, &to->enumeration));
    NULL_REFUSED(groupscan_snapshot_enumerate_memberships6(snapshot, &on6, &filter6, NULL));

    /* These may be null. */
    OK(groupscan_snapshot_outgoing4(snapshot, &one4, NULL, 0, &count));
    CHECK_EQ(count, 0);
    OK(groupscan_snapshot_outgoing6(snapshot, &one6, NULL, 0, &count));
    CHECK_EQ(count, 0);
    OK(groupscan_snapshot_interfaces4(snapshot, NULL, 0, &count));
    OK(groupscan_snapshot_interfaces6(snapshot, NULL, 0, &count));
    OK(groupscan_snapshot_memberships4(snapshot, one4.group, NULL, 0, &count));
    OK(groupscan_snapshot_memberships6(snapshot, one6.group, NULL, 0, &count));
    CHECK_EQ(count, 0);
    OK(groupscan_snapshot_enumerate4(snapshot, 0, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate6(snapshot, 0, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_memberships4(snapshot, &on4, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_memberships6(snapshot, &on6, NULL, &enumeration));
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* Of an enumeration of any kind that has records left. */
static void check_null_pointers_of(groupscan_enumeration *enumeration, size_t record_bytes)
{
    groupscan_position position;
    size_t count = NOWHERE, bytes;
    Results *to = &results;
    OK(groupscan_enumeration_position(enumeration, &position));
    NULL_REFUSED(groupscan_enumeration_next(NULL, to->buffer, sizeof to->buffer, &to->number,
                                            &to->is_so));
    NULL_REFUSED(groupscan_enumeration_next(enumeration, to->buffer, sizeof to->buffer, NULL,
                                            &to->is_so));
    for (bytes = 0; bytes < 3 * record_bytes; bytes++)
        REFUSED(groupscan_enumeration_next(enumeration, NULL, bytes, &to->number, &to->is_so),
                bytes < record_bytes ? BUFFER_TOO_SMALL : NULL_POINTER);
    NULL_REFUSED(groupscan_enumeration_next(enumeration, NULL, NOWHERE, &to->number, &to->is_so));
    NULL_REFUSED(groupscan_enumeration_remaining(NULL, &to->number, &to->is_so));
    NULL_REFUSED(groupscan_enumeration_remaining(enumeration, NULL, &to->is_so));
    NULL_REFUSED(groupscan_enumeration_position(NULL, &to->position));
    NULL_REFUSED(groupscan_enumeration_position(enumeration, NULL));
    NULL_REFUSED(groupscan_enumeration_resume_after(NULL, &position));
    NULL_REFUSED(groupscan_enumeration_resume_after(enumeration, NULL));
    NULL_REFUSED(groupscan_enumeration_split(NULL, to->parts, 2));
    NULL_REFUSED(groupscan_enumeration_split(enumeration, NULL, 2));
    /* These may be null. */
    OK(groupscan_enumeration_remaining(enumeration, &count, NULL));
    CHECK_EQ(count, 2);
    OK(groupscan_enumeration_next(enumeration, to->buffer, record_bytes, &count, NULL));
    CHECK_EQ(count, 1);
    groupscan_enumeration_destroy(NULL);
}

static void null_pointers_of_enumeration_calls(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Member two[2];
    Walk walks[2];
    size_t n;
    two[0] = member(1, 0, 0, JOIN);
    two[1] = member(1, 2, 0, JOIN);
    OK(change(table, six, JOINING, 1, two, 2, NULL));
    snapshot = taken(table);
    walks[0] = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    walks[1] = memberships_of(0);
    for (n = 0; n < 2; n++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[n]);
        check_null_pointers_of(enumeration, record_bytes_of(six, &walks[n]));
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static groupscan_manager *new_manager(void)
{
    groupscan_manager *manager = NULL;
    OK(groupscan_manager_create(NULL, &manager));
    CHECK(manager != NULL);
    return manager;
}

static groupscan_protocol_handle registered(groupscan_manager *manager, uint32_t protocol_id,
                                            uint32_t component_id)
{
    groupscan_protocol_handle protocol = 0;
    OK(groupscan_manager_register(manager, protocol_id, component_id, &protocol));
    /* These are never issued. */
    CHECK(protocol != 0 && protocol != ~(uint64_t)0);
    return protocol;
}

static void null_pointers_of_manager_calls(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_enumeration_handle running;
    groupscan_membership4 one = membership4_of(member(1, 2, 3, JOIN));
    groupscan_join4 join = join4_of(1, 2);
    groupscan_interface4 on = interface4_of(3);
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    size_t count = NOWHERE;
    Results *to = &results;

    groupscan_manager_destroy(NULL);
    NULL_REFUSED(groupscan_manager_create(&options, NULL));
    NULL_REFUSED(groupscan_manager_create(NULL, NULL));
    OK(groupscan_manager_create(NULL, &manager));
    NULL_REFUSED(groupscan_manager_register(NULL, 10, 0, &to->protocol));
    NULL_REFUSED(groupscan_manager_register(manager, 10, 0, NULL));
    /* That has not registered it. */
    igmp = registered(manager, 10, 0);
    NULL_REFUSED(groupscan_manager_deregister(NULL, igmp));
    NULL_REFUSED(groupscan_manager_take_interface4(NULL, igmp, &on));
    NULL_REFUSED(groupscan_manager_take_interface4(manager, igmp, NULL));
    NULL_REFUSED(groupscan_manager_release_interface4(NULL, igmp, &on));
    NULL_REFUSED(groupscan_manager_release_interface4(manager, igmp, NULL));
    NULL_REFUSED(groupscan_manager_owner4(NULL, &on, &to->id, &to->other_id));
    NULL_REFUSED(groupscan_manager_owner4(manager, NULL, &to->id, &to->other_id));
    NULL_REFUSED(groupscan_manager_owner4(manager, &on, NULL, &to->other_id));
    NULL_REFUSED(groupscan_manager_owner4(manager, &on, &to->id, NULL));
    NULL_REFUSED(groupscan_manager_protocol_number(NULL, igmp, &to->id));
    NULL_REFUSED(groupscan_manager_protocol_number(manager, igmp, NULL));
    NULL_CHANGE_REFUSED(groupscan_manager_join4(NULL, igmp, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_join4(manager, igmp, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_leave4(NULL, igmp, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_leave4(manager, igmp, NULL, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_update4(NULL, igmp, &one, 1, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_update4(manager, igmp, NULL, 1, &one, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_update4(manager, igmp, &one, 1, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_manager_join4(NULL, igmp, &one, 1, NULL));
    NULL_CHANGE_REFUSED(groupscan_manager_leave_all4(NULL, igmp, &on, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_leave_all4(manager, igmp, NULL, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_replace4(NULL, igmp, &on, &join, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_replace4(manager, igmp, NULL, &join, 1, &outcome));
    NULL_CHANGE_REFUSED(groupscan_manager_replace4(manager, igmp, &on, NULL, 1, &outcome));
    NULL_REFUSED(groupscan_manager_start4(NULL, igmp, 0, &filter, &to->handle));
    NULL_REFUSED(groupscan_manager_start4(manager, igmp, 0, &filter, NULL));
    OK(groupscan_manager_join4(manager, igmp, NULL, 0, &outcome));
    check_outcome(0, 0, NOWHERE);
    OK(groupscan_manager_leave4(manager, igmp, NULL, 0, NULL));
    OK(groupscan_manager_update4(manager, igmp, NULL, 0, NULL, 0, NULL));
    OK(groupscan_manager_update4(manager, igmp, NULL, 0, &one, 1, NULL));
    OK(groupscan_manager_start4(manager, igmp, 0, NULL, &running));
    NULL_REFUSED(groupscan_manager_next(NULL, running, to->buffer, sizeof to->buffer, &to->number,
                                        &to->is_so));
    NULL_REFUSED(groupscan_manager_next(manager, running, NULL, sizeof to->buffer, &to->number,
                                        &to->is_so));
    REFUSED(groupscan_manager_next(manager, running, NULL, 15, &to->number, &to->is_so),
            BUFFER_TOO_SMALL);
    NULL_REFUSED(groupscan_manager_next(manager, running, to->buffer, sizeof to->buffer, NULL,
                                        &to->is_so));
    NULL_REFUSED(groupscan_manager_end(NULL, running));
    NULL_REFUSED(groupscan_manager_expire_idle(NULL, &to->number));
    NULL_REFUSED(groupscan_manager_expire_idle(manager, NULL));
    NULL_REFUSED(groupscan_manager_enumerations4(NULL, to->enumerations, 2,
                                                sizeof to->enumerations[0], &to->number));
    NULL_REFUSED(groupscan_manager_enumerations4(manager, NULL, 2, sizeof to->enumerations[0],
                                                &to->number));
    NULL_REFUSED(groupscan_manager_enumerations4(manager, to->enumerations, 2,
                                                sizeof to->enumerations[0], NULL));
    NULL_REFUSED(groupscan_manager_snapshot(NULL, &to->snapshot));
    NULL_REFUSED(groupscan_manager_snapshot(manager, NULL));
    NULL_REFUSED(groupscan_manager_stats(NULL, &to->stats, sizeof to->stats));
    NULL_REFUSED(groupscan_manager_stats(manager, NULL, sizeof to->stats));
    NULL_REFUSED(groupscan_manager_retained(NULL, to->retained, 2, sizeof to->retained[0],
                                            &to->number));
    NULL_REFUSED(groupscan_manager_retained(manager, NULL, 2, sizeof to->retained[0],
                                            &to->number));
    NULL_REFUSED(groupscan_manager_retained(manager, to->retained, 2, sizeof to->retained[0],
                                            NULL));
    NULL_REFUSED(groupscan_manager_reclaim(NULL, &to->is_so));
    NULL_REFUSED(groupscan_manager_reclaim(manager, NULL));
    /* None of these took the record. */
    OK(groupscan_manager_next(manager, running, to->buffer, sizeof to->buffer, &count, NULL));
    CHECK_EQ(count, 1);
    OK(groupscan_manager_next(manager, running, NULL, sizeof to->buffer, &count, NULL));
    CHECK_EQ(count, 0);
    OK(groupscan_manager_end(manager, running));
    OK(groupscan_manager_enumerations4(manager, NULL, 0, sizeof to->enumerations[0], &count));
    CHECK_EQ(count, 0);
    OK(groupscan_manager_leave4(manager, igmp, &one, 1, NULL));
    OK(groupscan_manager_replace4(manager, igmp, &on, &join, 1, NULL));
    OK(groupscan_manager_leave_all4(manager, igmp, &on, NULL));
    OK(groupscan_manager_replace4(manager, igmp, &on, NULL, 0, NULL));
    OK(groupscan_manager_deregister(manager, igmp));
    groupscan_manager_destroy(manager);
}

/* ---- Cases: structs that grow ---- */

#define MOST_STRUCT_BYTES 4096

/* What the calls below are made on. */
static struct {
    groupscan_table *table;
    groupscan_snapshot *snapshot;
    groupscan_manager *manager;
    groupscan_protocol_handle protocol;
} subject;

typedef groupscan_status (*TakesOptions)(const void *options);
typedef groupscan_status (*GivesStruct)(void *place, size_t bytes);
typedef groupscan_status (*GivesList)(void *list, size_t capacity, size_t element_bytes,
                                      size_t *count);

static groupscan_status create_table(const void *options)
{
    groupscan_status status =
        groupscan_table_create((const groupscan_table_options *)options, &results.table);
    if (status == GROUPSCAN_OK)
        groupscan_table_destroy(results.table);
    return status;
}

static groupscan_status create_manager(const void *options)
{
    groupscan_status status =
        groupscan_manager_create((const groupscan_manager_options *)options, &results.manager);
    if (status == GROUPSCAN_OK)
        groupscan_manager_destroy(results.manager);
    return status;
}

static groupscan_status ended_at_once(groupscan_status status)
{
    if (status == GROUPSCAN_OK)
        groupscan_enumeration_destroy(results.enumeration);
    return status;
}

static groupscan_status filter_joins4(const void *filter)
{
    return ended_at_once(groupscan_snapshot_enumerate4(
        subject.snapshot, 0, (const groupscan_filter4 *)filter, &results.enumeration));
}

static groupscan_status filter_joins6(const void *filter)
{
    return ended_at_once(groupscan_snapshot_enumerate6(
        subject.snapshot, 0, (const groupscan_filter6 *)filter, &results.enumeration));
}

static groupscan_status filter_memberships4(const void *filter)
{
    groupscan_interface4 on = interface4_of(0);
    return ended_at_once(groupscan_snapshot_enumerate_memberships4(
        subject.snapshot, &on, (const groupscan_filter4 *)filter, &results.enumeration));
}

static groupscan_status filter_memberships6(const void *filter)
{
    groupscan_interface6 on = interface6_of(0);
    return ended_at_once(groupscan_snapshot_enumerate_memberships6(
        subject.snapshot, &on, (const groupscan_filter6 *)filter, &results.enumeration));
}

static groupscan_status filter_start(const void *filter)
{
    groupscan_status status = groupscan_manager_start4(
        subject.manager, subject.protocol, 0, (const groupscan_filter4 *)filter, &results.handle);
    if (status == GROUPSCAN_OK)
        OK(groupscan_manager_end(subject.manager, results.handle));
    return status;
}

static groupscan_status give_table_stats(void *place, size_t bytes)
{
    return groupscan_table_stats(subject.table, (groupscan_stats *)place, bytes);
}

static groupscan_status give_manager_stats(void *place, size_t bytes)
{
    return groupscan_manager_stats(subject.manager, (groupscan_stats *)place, bytes);
}

static groupscan_status give_info(void *place, size_t bytes)
{
    return groupscan_snapshot_get_info(subject.snapshot, (groupscan_snapshot_info *)place, bytes);
}

static groupscan_status list_of_table(void *list, size_t capacity, size_t element_bytes,
                                      size_t *count)
{
    return groupscan_table_retained(subject.table, (groupscan_retained *)list, capacity,
                                    element_bytes, count);
}

static groupscan_status list_of_manager(void *list, size_t capacity, size_t element_bytes,
                                        size_t *count)
{
    return groupscan_manager_retained(subject.manager, (groupscan_retained *)list, capacity,
                                      element_bytes, count);
}

/* With the times, which go on, set to 0. */
static groupscan_status list_enumerations(void *list, size_t capacity, size_t element_bytes,
                                          size_t *count)
{
    uint8_t *first = (uint8_t *)list;
    groupscan_status status = groupscan_manager_enumerations4(
        subject.manager, (groupscan_manager_enumeration4 *)list, capacity, element_bytes, count);
    size_t n;
    for (n = 0; status != INVALID_SIZE && n < capacity && n < *count; n++)
        memset(first + n * element_bytes + offsetof(groupscan_manager_enumeration4, age_ms), 0, 16);
    return status;
}

/* A table with two versions that live, and a manager with two and two enumerations. */
static void make_subject(void)
{
    groupscan_enumeration_handle running;
    groupscan_membership4 one = membership4_of(member(1, 2, 3, JOIN));
    subject.table = table_of_some(0);
    subject.snapshot = taken(subject.table);
    OK(groupscan_table_join4(subject.table, 1, &one, 1, NULL));
    subject.manager = new_manager();
    subject.protocol = registered(subject.manager, 10, 0);
    OK(groupscan_manager_start4(subject.manager, subject.protocol, 2, NULL, &running));
    OK(groupscan_manager_join4(subject.manager, subject.protocol, &one, 1, NULL));
    OK(groupscan_manager_start4(subject.manager, subject.protocol, 3, NULL, &running));
}

static void destroy_subject(void)
{
    groupscan_snapshot_destroy(subject.snapshot);
    groupscan_table_destroy(subject.table);
    groupscan_manager_destroy(subject.manager);
}

static const size_t no_sizes[] = {0, 1, 8, MOST_STRUCT_BYTES + 1, MOST_STRUCT_BYTES + 8,
                                  (size_t)-8, (size_t)-1};

/* Options of some size, all 0 behind it, but for one byte at the place, if there is one. */
static groupscan_status call_with_options(TakesOptions call, size_t bytes, size_t place)
{
    uint8_t *options = (uint8_t *)memory_of(bytes);
    groupscan_status status;
    memset(options, 0, bytes);
    memcpy(options, &bytes, sizeof bytes);
    if (place < bytes)
        options[place] = 0x80;
    status = call(options);
    free(options);
    return status;
}

static void options_may_be_longer_and_not_shorter(void)
{
    static const struct {
        TakesOptions call;
        size_t bytes;
    } calls[] = {
        {create_table, sizeof(groupscan_table_options)},
        {create_manager, sizeof(groupscan_manager_options)},
        {filter_joins4, sizeof(groupscan_filter4)},
        {filter_joins6, sizeof(groupscan_filter6)},
        {filter_memberships4, sizeof(groupscan_filter4)},
        {filter_memberships6, sizeof(groupscan_filter6)},
        {filter_start, sizeof(groupscan_filter4)},
    };
    size_t of, n;
    make_subject();
    for (of = 0; of < COUNT(calls); of++) {
        TakesOptions call = calls[of].call;
        size_t known = calls[of].bytes;
        OK(call(NULL));
        for (n = 0; n < COUNT(no_sizes); n++) {
            /* Nothing but the size is read. */
            void *options = memory_of(sizeof(size_t));
            memcpy(options, &no_sizes[n], sizeof(size_t));
            REFUSED(call(options), INVALID_SIZE);
            free(options);
        }
        REFUSED(call_with_options(call, known - 8, NOWHERE), INVALID_SIZE);
        for (n = known - 7; n <= known + 24; n++) {
            if (n % 8 == 0)
                OK(call_with_options(call, n, NOWHERE));
            else
                REFUSED(call_with_options(call, n, NOWHERE), INVALID_SIZE);
        }
        for (n = known; n < known + 24; n++) {
            REFUSED(call_with_options(call, known + 24, n), UNKNOWN_OPTION);
            if (n < known + 8)
                REFUSED(call_with_options(call, known + 8, n), UNKNOWN_OPTION);
        }
        OK(call_with_options(call, MOST_STRUCT_BYTES, NOWHERE));
        REFUSED(call_with_options(call, MOST_STRUCT_BYTES, MOST_STRUCT_BYTES - 1), UNKNOWN_OPTION);
    }
    destroy_subject();
}

static void structs_that_are_given_may_be_longer_and_not_shorter(void)
{
    static const struct {
        GivesStruct call;
        size_t bytes;
    } calls[] = {
        {give_table_stats, sizeof(groupscan_stats)},
        {give_manager_stats, sizeof(groupscan_stats)},
        {give_info, sizeof(groupscan_snapshot_info)},
    };
    static uint8_t known[sizeof(groupscan_stats)], memory[MOST_STRUCT_BYTES + 16];
    size_t of, n, at;
    make_subject();
    for (of = 0; of < COUNT(calls); of++) {
        GivesStruct call = calls[of].call;
        size_t bytes = calls[of].bytes;
        OK(call(known, bytes));
        for (n = 0; n < COUNT(no_sizes); n++)
            REFUSED(call(results.buffer, no_sizes[n]), INVALID_SIZE);
        REFUSED(call(results.buffer, bytes - 8), INVALID_SIZE);
        for (n = 1; n < 8; n++) {
            REFUSED(call(results.buffer, bytes - n), INVALID_SIZE);
            REFUSED(call(results.buffer, bytes + n), INVALID_SIZE);
        }
        for (n = 0; n <= 40; n += 8) {
            size_t given = n < 40 ? bytes + n : MOST_STRUCT_BYTES;
            memset(memory, CANARY, sizeof memory);
            OK(call(memory + 1, given));
            CHECK(memcmp(memory + 1, known, bytes) == 0);
            for (at = bytes; at < given; at++)
                CHECK_EQ(memory[1 + at], 0);
            CHECK(is_untouched(memory + 1 + given, sizeof memory - 1 - given));
            CHECK_EQ(memory[0], CANARY);
        }
    }
    destroy_subject();
}

/* That a list has the first of some elements, with zeros behind what is known of each. */
static void check_elements(const uint8_t *list, size_t element_bytes, const uint8_t *known,
                           size_t known_bytes, size_t count)
{
    size_t n, at;
    for (n = 0; n < count; n++) {
        CHECK(memcmp(list + n * element_bytes, known + n * known_bytes, known_bytes) == 0);
        for (at = known_bytes; at < element_bytes; at++)
            CHECK_EQ(list[n * element_bytes + at], 0);
    }
}

static void elements_of_lists_may_be_longer_and_not_shorter(void)
{
    static const struct {
        GivesList call;
        size_t bytes;
    } calls[] = {
        {list_of_table, sizeof(groupscan_retained)},
        {list_of_manager, sizeof(groupscan_retained)},
        {list_enumerations, sizeof(groupscan_manager_enumeration4)},
    };
    static uint8_t known[2 * sizeof(groupscan_manager_enumeration4)];
    static uint8_t memory[3 * MOST_STRUCT_BYTES + 16];
    static const size_t more_bytes[] = {0, 8, 16, 40};
    size_t of, n, capacity, element_bytes, count;
    make_subject();
    for (of = 0; of < COUNT(calls); of++) {
        GivesList call = calls[of].call;
        size_t bytes = calls[of].bytes, there_are = NOWHERE;
        OK(call(known, 2, bytes, &there_are));
        CHECK_EQ(there_are, 2);
        for (n = 0; n < COUNT(no_sizes); n++)
            REFUSED(call(results.buffer, 0, no_sizes[n], &results.number), INVALID_SIZE);
        REFUSED(call(results.buffer, 1, bytes - 8, &results.number), INVALID_SIZE);
        for (n = 1; n < 8; n++) {
            REFUSED(call(results.buffer, 1, bytes - n, &results.number), INVALID_SIZE);
            REFUSED(call(results.buffer, 1, bytes + n, &results.number), INVALID_SIZE);
        }
        /* No memory is so large. */
        REFUSED(call(results.buffer, (size_t)-1 / bytes, bytes, &results.number), INVALID_SIZE);
        REFUSED(call(results.buffer, (size_t)-1, bytes, &results.number), INVALID_SIZE);
        for (n = 0; n <= COUNT(more_bytes); n++) {
            element_bytes = n < COUNT(more_bytes) ? bytes + more_bytes[n] : MOST_STRUCT_BYTES;
            for (capacity = 0; capacity <= 3; capacity++) {
                size_t written = capacity < 2 ? capacity : 2;
                memset(memory, CANARY, sizeof memory);
                count = NOWHERE;
                CHECK_EQ(call(memory + 1, capacity, element_bytes, &count),
                         capacity < 2 ? BUFFER_TOO_SMALL : GROUPSCAN_OK);
                CHECK_EQ(count, 2);
                check_elements(memory + 1, element_bytes, known, bytes, written);
                CHECK(is_untouched(memory + 1 + written * element_bytes,
                                   sizeof memory - 1 - written * element_bytes));
                CHECK_EQ(memory[0], CANARY);
            }
        }
    }
    destroy_subject();
}

/* Copies a struct to an odd address, which is what this gives. */
#define AT_ODD_ADDRESS(what, bytes) memcpy((bytes) + 1, &(what), sizeof(what))

static void structs_need_not_be_aligned(void)
{
    uint8_t in[1 + sizeof(groupscan_filter6)], on[1 + sizeof(groupscan_interface6)];
    uint8_t out[1 + sizeof(groupscan_position)];
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_manager_options manager_options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
    groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_membership4 one4 = membership4_of(member(1, 2, 3, JOIN));
    groupscan_membership6 one6 = membership6_of(member(1, 2, 3, JOIN));
    groupscan_join4 join4 = join4_of(1, 2);
    groupscan_join6 join6 = join6_of(1, 2);
    groupscan_table *table = NULL;
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration = NULL;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_position position;
    void *odd = out + 1;
    size_t count = 0, rank = NOWHERE;
    uint32_t id, component;
    bool contains = false;

    options.live_versions = 2;
    OK(groupscan_table_create((groupscan_table_options *)AT_ODD_ADDRESS(options, in), &table));
    OK(groupscan_table_join4(table, 1, (groupscan_membership4 *)AT_ODD_ADDRESS(one4, in), 1,
                             (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(1, 1, NOWHERE);
    OK(groupscan_table_join6(table, 1, (groupscan_membership6 *)AT_ODD_ADDRESS(one6, in), 1,
                             (groupscan_outcome *)odd));
    snapshot = taken(table);
    OK(groupscan_snapshot_contains4(snapshot, (groupscan_join4 *)AT_ODD_ADDRESS(join4, in),
                                    &contains));
    CHECK(contains);
    OK(groupscan_snapshot_rank6(snapshot, (groupscan_join6 *)AT_ODD_ADDRESS(join6, in), &rank));
    CHECK_EQ(rank, 0);
    OK(groupscan_snapshot_outgoing6(snapshot, (groupscan_join6 *)AT_ODD_ADDRESS(join6, in),
                                    (groupscan_interface6 *)odd, 1, &count));
    CHECK_EQ(count, 1);
    CHECK(memcmp(odd, &on6, sizeof on6) == 0);
    filter4.has_interface = 1;
    filter4.iface = on4;
    OK(groupscan_snapshot_enumerate4(snapshot, 0, (groupscan_filter4 *)AT_ODD_ADDRESS(filter4, in),
                                     &enumeration));
    OK(groupscan_enumeration_next(enumeration, results.buffer, 16, &count, NULL));
    CHECK_EQ(count, 1);
    OK(groupscan_enumeration_position(enumeration, (groupscan_position *)odd));
    memcpy(&position, odd, sizeof position);
    CHECK_EQ(position.family, GROUPSCAN_IPV4);
    CHECK_EQ(position.group[3], 1);
    position.source[3] = 1;
    OK(groupscan_enumeration_resume_after(enumeration,
                                          (groupscan_position *)AT_ODD_ADDRESS(position, out)));
    check_remaining(enumeration, 1);
    groupscan_enumeration_destroy(enumeration);
    OK(groupscan_snapshot_enumerate_memberships6(
        snapshot, (groupscan_interface6 *)AT_ODD_ADDRESS(on6, on),
        (groupscan_filter6 *)AT_ODD_ADDRESS(filter6, in), &enumeration));
    check_remaining(enumeration, 1);
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    OK(groupscan_table_replace4(table, 1, (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on),
                                (groupscan_join4 *)AT_ODD_ADDRESS(join4, in), 1,
                                (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(2, 0, NOWHERE);
    OK(groupscan_table_leave_all6(table, 1, (groupscan_interface6 *)AT_ODD_ADDRESS(on6, on),
                                  (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(3, 1, NOWHERE);
    groupscan_table_destroy(table);

    manager_options.protocols = 1;
    OK(groupscan_manager_create(
        (groupscan_manager_options *)AT_ODD_ADDRESS(manager_options, in), &manager));
    igmp = registered(manager, 10, 4);
    OK(groupscan_manager_take_interface4(manager, igmp,
                                        (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on)));
    OK(groupscan_manager_owner4(manager, (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on), &id,
                               &component));
    CHECK_EQ(component, 4);
    OK(groupscan_manager_join4(manager, igmp, (groupscan_membership4 *)AT_ODD_ADDRESS(one4, in), 1,
                              (groupscan_outcome *)odd));
    memcpy(&outcome, odd, sizeof outcome);
    check_outcome(1, 1, NOWHERE);
    OK(groupscan_manager_release_interface4(manager, igmp,
                                           (groupscan_interface4 *)AT_ODD_ADDRESS(on4, on)));
    groupscan_manager_destroy(manager);
}

/* ---- Cases: changes of tables ---- */

static void a_bulk_change_is_one_commit(int six)
{
    groupscan_table *table = new_table();
    static Model model;
    Member members[40];
    unsigned n;
    model.count = 0;
    for (n = 0; n < 40; n++)
        members[n] = member(1 + n * 17 % 40, n % 3, n % 5, JOIN);
    CHECK_EQ(version_of(table), 0);
    change_both(table, six, &model, JOINING, 7, members, 40);
    CHECK_EQ(version_of(table), 1);
    CHECK_EQ(outcome.changed, 40);
    check_table(table, six, &model);
    /* What is there already is not joined, and nothing is published for it. */
    change_both(table, six, &model, JOINING, 7, members, 40);
    CHECK_EQ(version_of(table), 1);
    CHECK_EQ(outcome.changed, 0);
    /* It is another protocol's, too. */
    change_both(table, six, &model, JOINING, 8, members, 20);
    CHECK_EQ(outcome.changed, 20);
    check_table(table, six, &model);
    change_both(table, six, &model, LEAVING, 7, members, 40);
    CHECK_EQ(version_of(table), 3);
    CHECK_EQ(outcome.changed, 40);
    check_table(table, six, &model);
    /* It is not there: neither that of the protocol nor those of others. */
    change_both(table, six, &model, LEAVING, 7, members, 40);
    change_both(table, six, &model, LEAVING, 9, members, 40);
    CHECK_EQ(version_of(table), 3);
    change_both(table, six, &model, LEAVING, 8, members, 40);
    CHECK_EQ(model.count, 0);
    check_table(table, six, &model);
    groupscan_table_destroy(table);
}

static void families_have_nothing_in_common_but_versions(void)
{
    groupscan_table *table = new_table();
    Member one = member(SOME_GROUP, 3, 0, JOIN);
    groupscan_snapshot *snapshot;
    groupscan_snapshot_info info;
    OK(change(table, 0, JOINING, 1, &one, 1, &outcome));
    check_outcome(1, 1, NOWHERE);
    OK(change(table, 1, LEAVING, 1, &one, 1, &outcome));
    check_outcome(1, 0, NOWHERE);
    OK(leave_all(table, 1, 1, 0, &outcome));
    check_outcome(1, 0, NOWHERE);
    OK(change(table, 1, JOINING, 1, &one, 1, &outcome));
    check_outcome(2, 1, NOWHERE);
    OK(change(table, 0, LEAVING, 1, &one, 1, &outcome));
    check_outcome(3, 1, NOWHERE);
    snapshot = taken(table);
    info = info_of(snapshot);
    CHECK_EQ(info.version, 3);
    CHECK_EQ(info.ipv4.joins + info.ipv4.memberships + info.ipv4.interfaces, 0);
    CHECK_EQ(info.ipv6.joins + info.ipv6.memberships + info.ipv6.interfaces, 3);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void a_refused_element_changes_nothing(int six)
{
    static const unsigned bad_flags[] = {0, 4, 5, 7, 8, 0x100, 0x101, 0x80000001u, 0xffffffffu};
    static const size_t places[] = {0, 1, 5, 9};
    groupscan_table *table = table_of_some(six);
    uint64_t before = version_of(table);
    size_t of, n, what;
    for (of = 0; of < COUNT(bad_flags); of++) {
        for (n = 0; n < COUNT(places); n++) {
            for (what = 0; what < 2; what++) {
                /* Around it are joins of what is not there, and leaves of what is. */
                Member members[10];
                unsigned place;
                for (place = 0; place < 10; place++)
                    members[place] = what == 0 ? member(3, place, 1, BOTH) : some.members[place];
                members[places[n]].flags = bad_flags[of];
                CHANGE_REFUSED(change(table, six, what == 0 ? JOINING : LEAVING, 10, members, 10,
                                      &outcome),
                               INVALID_FLAGS, places[n]);
                REFUSED(change(table, six, what == 0 ? JOINING : LEAVING, 10, members, 10, NULL),
                        INVALID_FLAGS);
            }
        }
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void flags_come_and_go_one_by_one(int six)
{
    /* Of each step the flags that are joined or left, and those that there are then. */
    static const struct {
        Change what;
        unsigned flags;
        unsigned after;
    } steps[] = {
        {JOINING, FORWARD, FORWARD}, {JOINING, FORWARD, FORWARD}, {LEAVING, JOIN, FORWARD},
        {JOINING, JOIN, BOTH},       {JOINING, BOTH, BOTH},       {LEAVING, FORWARD, JOIN},
        {LEAVING, FORWARD, JOIN},    {JOINING, BOTH, BOTH},       {LEAVING, JOIN, FORWARD},
        {LEAVING, FORWARD, 0},       {LEAVING, BOTH, 0},          {JOINING, BOTH, BOTH},
        {LEAVING, BOTH, 0},          {JOINING, JOIN, JOIN},       {LEAVING, BOTH, 0},
    };
    groupscan_table *table = new_table();
    unsigned before = 0, version = 0;
    size_t n;
    for (n = 0; n < COUNT(steps); n++) {
        Member one = member(SOME_GROUP, 3, 1, steps[n].flags);
        groupscan_snapshot *snapshot;
        groupscan_enumeration *enumeration;
        Walk walk = memberships_of(1);
        Model model;
        size_t changed = steps[n].after != before;
        version += (unsigned)changed;
        OK(change(table, six, steps[n].what, 5, &one, 1, &outcome));
        check_outcome(version, changed, NOWHERE);
        snapshot = taken(table);
        CHECK_EQ(is_joined(snapshot, six, SOME_GROUP, 3), (steps[n].after & JOIN) != 0);
        model.count = 0;
        one.protocol = 5;
        set_flags(&model, &one, steps[n].after);
        check_info(snapshot, six, &model);
        expect(&model, six, &walk, &expected);
        CHECK_EQ(expected.count, steps[n].after != 0);
        enumeration = started(snapshot, six, &walk);
        check_rest(enumeration, &expected, 0, 2);
        groupscan_enumeration_destroy(enumeration);
        groupscan_snapshot_destroy(snapshot);
        before = steps[n].after;
    }
    groupscan_table_destroy(table);
}

static void memberships_without_joins_are_not_enumerated_as_joins(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Model model;
    Member members[3];
    unsigned view;
    members[0] = member(1, 0, 0, FORWARD);
    members[1] = member(1, 3, 0, FORWARD);
    members[2] = member(1, 3, 1, FORWARD);
    model.count = 0;
    change_both(table, six, &model, JOINING, 1, members, 3);
    snapshot = taken(table);
    for (view = 0; view < VIEWS; view++) {
        groupscan_enumeration *enumeration = NULL;
        OK(enumerate(snapshot, six, view, NULL, &enumeration));
        check_end(enumeration);
        groupscan_enumeration_destroy(enumeration);
    }
    CHECK_EQ(joins_of(&model), 0);
    check_snapshot(snapshot, six, &model);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void an_update_leaves_and_then_joins(int six)
{
    groupscan_table *table = table_of_some(six);
    Member members[20];
    uint64_t before;
    size_t n, leave_count;
    for (n = 0; n < 20; n++)
        members[n] = n < 10 ? some.members[n * 4] : member((unsigned)n, 9, 1, JOIN);
    /* Both, only the one, and only the other. */
    update_both(table, six, &some, 10, members, 10, 10);
    CHECK(outcome.changed > 10);
    check_table(table, six, &some);
    update_both(table, six, &some, 10, members, 10, 10);
    CHECK_EQ(outcome.changed, 0);
    update_both(table, six, &some, 10, members + 10, 10, 0);
    CHECK_EQ(outcome.changed, 10);
    update_both(table, six, &some, 10, members + 10, 0, 10);
    CHECK_EQ(outcome.changed, 10);
    update_both(table, six, &some, 10, members, 0, 0);
    check_table(table, six, &some);
    /* What is in both is there afterwards, with the flags that it joined by. */
    members[0] = members[1] = member(ABSENT_GROUP, 3, 1, BOTH);
    change_both(table, six, &some, JOINING, 10, members, 1);
    members[1].flags = FORWARD;
    update_both(table, six, &some, 10, members, 1, 1);
    check_table(table, six, &some);
    /* Places of joins are counted on from those of leaves. */
    before = version_of(table);
    for (leave_count = 0; leave_count <= 20; leave_count += 5) {
        for (n = 0; n < 20; n += 3) {
            unsigned flags = members[n].flags;
            members[n].flags = 4;
            CHANGE_REFUSED(update(table, six, 10, members, leave_count, 20 - leave_count, &outcome),
                           INVALID_FLAGS, n);
            members[n].flags = flags;
        }
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

/* Elements that would end beyond all memory are not looked at. */
static void counts_beyond_memory(void)
{
    static const size_t counts[] = {(size_t)-1, (size_t)-1 / 2, (size_t)-1 / 8 + 1,
                                    (size_t)1 << 60};
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot = taken(table);
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, 10, 0);
    groupscan_membership4 one4 = membership4_of(member(1, 2, 3, JOIN));
    groupscan_membership6 one6 = membership6_of(member(1, 2, 3, JOIN));
    groupscan_interface4 on4 = interface4_of(3);
    groupscan_interface6 on6 = interface6_of(3);
    groupscan_join4 list4 = join4_of(1, 2);
    groupscan_join6 list6 = join6_of(1, 2);
    size_t n;
#define SIZE_REFUSED(call) CHANGE_REFUSED(call, INVALID_SIZE, NOWHERE)
    for (n = 0; n < COUNT(counts); n++) {
        SIZE_REFUSED(groupscan_table_join4(table, 1, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_join6(table, 1, &one6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_leave4(table, 1, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_leave6(table, 1, &one6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_update4(table, 1, &one4, counts[n], &one4, 1, &outcome));
        SIZE_REFUSED(groupscan_table_update6(table, 1, &one6, 1, &one6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_replace4(table, 1, &on4, &list4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_table_replace6(table, 1, &on6, &list6, counts[n], &outcome));
        SIZE_REFUSED(groupscan_manager_join4(manager, igmp, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_manager_leave4(manager, igmp, &one4, counts[n], &outcome));
        SIZE_REFUSED(
            groupscan_manager_update4(manager, igmp, &one4, 1, &one4, counts[n], &outcome));
        SIZE_REFUSED(groupscan_manager_replace4(manager, igmp, &on4, &list4, counts[n], &outcome));
        REFUSED(groupscan_snapshot_outgoing4(snapshot, &list4, results.interfaces4, counts[n],
                                             &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_outgoing6(snapshot, &list6, results.interfaces6, counts[n],
                                             &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_interfaces4(snapshot, results.interfaces4, counts[n],
                                               &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_interfaces6(snapshot, results.interfaces6, counts[n],
                                               &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_memberships4(snapshot, list4.group, results.entries4, counts[n],
                                                &results.number),
                INVALID_SIZE);
        REFUSED(groupscan_snapshot_memberships6(snapshot, list6.group, results.entries6, counts[n],
                                                &results.number),
                INVALID_SIZE);
    }
    CHECK_EQ(version_of(table), 0);
    groupscan_snapshot_destroy(snapshot);
    groupscan_manager_destroy(manager);
    groupscan_table_destroy(table);
}

static void leave_all_is_of_one_protocol_on_one_interface(int six)
{
    groupscan_table *table = table_of_some(six);
    unsigned protocol, interface;
    leave_all_both(table, six, &some, 10, ABSENT_INTERFACE);
    leave_all_both(table, six, &some, 99, 0);
    CHECK_EQ(outcome.changed, 0);
    for (protocol = 10; protocol < 10 + PROTOCOLS; protocol++) {
        for (interface = 0; interface < INTERFACES; interface++) {
            leave_all_both(table, six, &some, protocol, interface);
            CHECK(outcome.changed > 0);
            if (interface % 2 == 0)
                check_table(table, six, &some);
            leave_all_both(table, six, &some, protocol, interface);
            CHECK_EQ(outcome.changed, 0);
        }
    }
    CHECK_EQ(some.count, 0);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

static void a_replacement_is_exactly_its_list(int six)
{
    groupscan_table *table = table_of_some(six);
    Member list[60];
    unsigned n;
    for (n = 0; n < 60; n++)
        list[n] = member(n / 4 * 3, n / 4 == 0 ? 0 : n % 4, 0, 0);
    /* The first four are (*,*) four times. */
    replace_both(table, six, &some, 10, 2, list + 3, 57);
    CHECK(outcome.changed > 0);
    check_table(table, six, &some);
    replace_both(table, six, &some, 10, 2, list + 3, 57);
    CHECK_EQ(outcome.changed, 0);
    /* Where nothing was before, and nothing of another protocol or interface goes. */
    replace_both(table, six, &some, 10, ABSENT_INTERFACE, list + 20, 5);
    CHECK_EQ(outcome.changed, 5);
    replace_both(table, six, &some, 77, 2, list + 22, 1);
    CHECK_EQ(outcome.changed, 1);
    check_table(table, six, &some);
    replace_both(table, six, &some, 10, 2, list + 30, 20);
    check_table(table, six, &some);
    replace_both(table, six, &some, 10, 2, NULL, 0);
    CHECK_EQ(outcome.changed, 20);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

/* What had another flag has it no longer, and what had not the one gets it. */
static void a_replacement_joins_and_no_more(int six)
{
    groupscan_table *table = new_table();
    Model model;
    Member members[3];
    members[0] = member(1, 0, 0, FORWARD);
    members[1] = member(1, 3, 0, BOTH);
    members[2] = member(2, 3, 0, JOIN);
    model.count = 0;
    change_both(table, six, &model, JOINING, 1, members, 3);
    replace_both(table, six, &model, 1, 0, members, 3);
    CHECK_EQ(outcome.changed, 2);
    check_table(table, six, &model);
    groupscan_table_destroy(table);
}

static void a_list_has_to_ascend(int six)
{
    groupscan_table *table = table_of_some(six);
    uint64_t before = version_of(table);
    size_t place;
    for (place = 1; place < 8; place++) {
        Member list[8];
        unsigned n;
        for (n = 0; n < 8; n++)
            list[n] = member(1 + n / 3, 5 + n % 3, 0, 0);
        /* The same twice, and one that is less than the one before. */
        list[place] = list[place - 1];
        CHANGE_REFUSED(replace(table, six, 10, 2, list, 8, &outcome), NOT_ASCENDING, place);
        REFUSED(replace(table, six, 10, 2, list, 8, NULL), NOT_ASCENDING);
        list[place].source--;
        CHANGE_REFUSED(replace(table, six, 10, 2, list, 8, &outcome), NOT_ASCENDING, place);
        list[place] = member(0, 0, 0, 0);
        CHANGE_REFUSED(replace(table, six, 10, 2, list, 8, &outcome), NOT_ASCENDING, place);
    }
    CHECK_EQ(version_of(table), before);
    check_table(table, six, &some);
    groupscan_table_destroy(table);
}

/* ---- Cases: what bounds a table ---- */

#define NODE_BYTES ((size_t)256 << 10)
#define FULL_MOST 60000

/* Far from each other in the order of the sets. */
static Member scattered(unsigned n) { return member(1 + n * 40503u % 65521u, 0, n % 3, JOIN); }

static groupscan_table *bounded_table(size_t node_bytes, size_t live_versions)
{
    groupscan_table_options options = GROUPSCAN_TABLE_OPTIONS_INIT;
    groupscan_table *table = NULL;
    options.node_bytes = node_bytes;
    options.live_versions = live_versions;
    OK(groupscan_table_create(&options, &table));
    return table;
}

/* Joins one by one until that is refused. Gives how many were joined. */
static unsigned fill(groupscan_table *table, int six)
{
    unsigned n;
    for (n = 0; n < FULL_MOST; n++) {
        Member one = scattered(n);
        groupscan_status status = change(table, six, JOINING, 1, &one, 1, NULL);
        if (status == OUT_OF_CAPACITY)
            return n;
        OK(status);
    }
    CHECK(!"the bound stops joins");
    return 0;
}

static void reclaim_all(groupscan_table *table)
{
    bool more = true;
    while (more)
        OK(groupscan_table_reclaim(table, &more));
}

static void node_bytes_bound_joins_and_snapshots(int six)
{
    groupscan_table *table = bounded_table(NODE_BYTES, 0);
    unsigned count = fill(table, six), n, refused = 0;
    uint64_t before = version_of(table);
    groupscan_snapshot *held = taken(table);
    Member few[3], *many;
    CHECK(count > 100);
    CHECK(stats_of(table).in_use_bytes <= NODE_BYTES);
    few[0] = scattered(0);
    few[1] = scattered(1);
    few[2] = scattered(count);
    /* The two that are there need no room. */
    CHANGE_REFUSED(change(table, six, JOINING, 1, few, 3, &outcome), OUT_OF_CAPACITY, 2);
    OK(change(table, six, JOINING, 1, few, 2, &outcome));
    check_outcome(before, 0, NOWHERE);
    many = (Member *)memory_of(FULL_MOST * sizeof *many);
    for (n = 0; n < FULL_MOST; n++)
        many[n] = member(1 + n, 0, 9, JOIN);
    CHANGE_REFUSED(replace(table, six, 1, 9, many, FULL_MOST, &outcome), OUT_OF_CAPACITY, NOWHERE);
    free(many);
    CHECK_EQ(version_of(table), before);
    /* A full table can shrink, though it goes beyond the bound on its way: a snapshot is held. */
    for (n = 0; n < count; n++) {
        Member one = scattered(n);
        OK(change(table, six, LEAVING, 1, &one, 1, &outcome));
        check_outcome(before + n + 1, 1, NOWHERE);
        if (stats_of(table).in_use_bytes > NODE_BYTES && n + 1 < count) {
            refused++;
            REFUSED(groupscan_table_snapshot(table, &results.snapshot), OUT_OF_CAPACITY);
            CHANGE_REFUSED(change(table, six, JOINING, 1, &one, 1, &outcome), OUT_OF_CAPACITY, 0);
        }
    }
    CHECK(refused > 0);
    CHECK_EQ(rank_of(held, six, 65535, 0), count);
    groupscan_snapshot_destroy(held);
    reclaim_all(table);
    CHECK_EQ(stats_of(table).in_use_bytes, 0);
    OK(change(table, six, JOINING, 1, few, 3, &outcome));
    check_outcome(before + count + 1, 3, NOWHERE);
    groupscan_snapshot_destroy(taken(table));
    groupscan_table_destroy(table);
}

/* That so many versions can be held besides the current one, which has no holder then. */
static void check_live_versions(groupscan_table *table, size_t live_versions)
{
    groupscan_snapshot **held = (groupscan_snapshot **)memory_of(live_versions * sizeof *held);
    Member one = member(1, 0, 0, JOIN);
    unsigned n;
    for (n = 0; n + 1 < live_versions; n++) {
        held[n] = taken(table);
        /* Who holds a version that is held already adds none. */
        groupscan_snapshot_destroy(taken(table));
        one.group++;
        OK(change(table, 0, JOINING, 1, &one, 1, NULL));
    }
    CHECK_EQ(stats_of(table).live_versions, live_versions);
    REFUSED(groupscan_table_snapshot(table, &results.snapshot), TOO_MANY);
    groupscan_snapshot_destroy(held[0]);
    held[0] = taken(table);
    CHECK_EQ(info_of(held[0]).ipv4.joins, live_versions - 1);
    for (n = 0; n + 1 < live_versions; n++)
        groupscan_snapshot_destroy(held[n]);
    free(held);
    groupscan_table_destroy(table);
}

static void live_versions_bound_snapshots(void)
{
    check_live_versions(bounded_table(0, 2), 2);
    check_live_versions(bounded_table(0, 7), 7);
    /* Two at least, and by default 1024. */
    check_live_versions(bounded_table(0, 1), 2);
    check_live_versions(bounded_table(0, 0), 1024);
    check_live_versions(new_table(), 1024);
}

static void memory_is_told(int six)
{
    static groupscan_family_stats none;
    groupscan_table *table = new_table();
    groupscan_snapshot *first, *second;
    groupscan_enumeration *enumeration = NULL;
    groupscan_retained retained[4];
    groupscan_stats stats = stats_of(table);
    Model model;
    Member all[300];
    size_t count = NOWHERE, n;
    bool more = true;
    CHECK_EQ(stats.live_versions, 1);
    CHECK_EQ(stats.in_use_bytes + stats.retained_bytes + stats.pending_bytes, 0);
    CHECK(memcmp(&stats.ipv4, &none, sizeof none) == 0);
    CHECK(memcmp(&stats.ipv6, &none, sizeof none) == 0);
    model.count = 0;
    for (n = 0; n < 300; n++)
        all[n] = member(1 + (unsigned)n, (unsigned)n % 3, (unsigned)n % 4, JOIN);
    change_both(table, six, &model, JOINING, 1, all, 300);
    first = taken(table);
    OK(enumerate(first, six, 0, NULL, &enumeration));
    change_both(table, six, &model, LEAVING, 1, all, 50);
    second = taken(table);
    change_both(table, six, &model, LEAVING, 1, all, 100);

    stats = stats_of(table);
    check_counts(six ? &stats.ipv6 : &stats.ipv4, &model);
    CHECK(memcmp(six ? &stats.ipv4 : &stats.ipv6, &none, sizeof none) == 0);
    CHECK_EQ(stats.live_versions, 3);
    CHECK(stats.retained_bytes > 0 && stats.retained_bytes < stats.in_use_bytes);
    CHECK(stats.mapped_bytes >= stats.in_use_bytes + stats.free_bytes);
    OK(groupscan_table_retained(table, retained, 4, sizeof retained[0], &count));
    CHECK_EQ(count, 3);
    for (n = 0; n < 3; n++) {
        CHECK_EQ(retained[n].version, n + 1);
        CHECK(retained[n].retained_bytes > 0 && retained[n].retained_bytes < stats.in_use_bytes);
    }
    CHECK_EQ(retained[0].holders, 2);
    CHECK_EQ(retained[1].holders, 1);
    CHECK_EQ(retained[2].holders, 0);

    groupscan_snapshot_destroy(first);
    OK(groupscan_table_retained(table, retained, 4, sizeof retained[0], &count));
    CHECK_EQ(count, 3);
    CHECK_EQ(retained[0].holders, 1);
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(second);
    OK(groupscan_table_reclaim(table, &more));
    reclaim_all(table);
    stats = stats_of(table);
    CHECK_EQ(stats.live_versions, 1);
    CHECK_EQ(stats.retained_bytes + stats.pending_bytes, 0);
    CHECK(stats.in_use_bytes > 0 && stats.free_bytes > 0);
    OK(groupscan_table_retained(table, retained, 4, sizeof retained[0], &count));
    CHECK_EQ(count, 1);
    CHECK_EQ(retained[0].version, 3);
    CHECK_EQ(retained[0].retained_bytes, stats.in_use_bytes);
    OK(groupscan_table_reclaim(table, &more));
    CHECK(!more);
    groupscan_table_destroy(table);
}

/* What versions left behind that died since the last change is pending until it is reclaimed. */
static void reclaiming_says_whether_there_is_more(void)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *held;
    size_t count = quick ? 3000 : 260000, calls = 0, before, n;
    Member *members = (Member *)memory_of(count * sizeof *members);
    bool more = true;
    for (n = 0; n < count; n++)
        members[n] = member(1 + (unsigned)n / 4, (unsigned)n % 4, 0, JOIN);
    OK(change(table, 0, JOINING, 1, members, count, NULL));
    held = taken(table);
    OK(leave_all(table, 0, 1, 0, NULL));
    before = stats_of(table).in_use_bytes;
    CHECK_EQ(stats_of(table).pending_bytes, 0);
    CHECK_EQ(stats_of(table).retained_bytes, before);
    groupscan_snapshot_destroy(held);
    while (more) {
        OK(groupscan_table_reclaim(table, &more));
        CHECK_EQ(more, stats_of(table).pending_bytes > 0);
        calls++;
    }
    CHECK_EQ(stats_of(table).in_use_bytes, 0);
    CHECK(before > 0 && (quick || calls > 1));
    free(members);
    groupscan_table_destroy(table);
}

/* ---- Cases: snapshots ---- */

static void a_snapshot_never_changes(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table);
    groupscan_snapshot_info info = info_of(snapshot), later;
    Model model = some;
    unsigned interface;
    size_t n;
    for (interface = 0; interface < INTERFACES; interface++)
        leave_all_both(table, six, &model, 11, interface);
    for (n = 0; n < some.count; n++) {
        Member moved = some.members[n];
        moved.interface = 7;
        change_both(table, six, &model, JOINING, 12, &moved, 1);
    }
    check_table(table, six, &model);
    check_snapshot(snapshot, six, &some);
    groupscan_table_destroy(table);
    /* Not even then. */
    check_snapshot(snapshot, six, &some);
    later = info_of(snapshot);
    CHECK(memcmp(&info, &later, sizeof info) == 0);
    groupscan_snapshot_destroy(snapshot);
}

/* Tables, snapshots, enumerations and parts may be destroyed in any order. */
static void each_object_outlives_those_that_it_came_from(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    groupscan_enumeration *enumeration = started(snapshot, six, &walk);
    groupscan_enumeration *part = NULL;
    expect(&some, six, &walk, &expected);
    groupscan_snapshot_destroy(snapshot);
    skip(enumeration, &expected, 3);
    OK(groupscan_enumeration_split(enumeration, &part, 1));
    groupscan_enumeration_destroy(enumeration);
    check_rest(part, &expected, 3, 4);
    groupscan_enumeration_destroy(part);
}

static void a_snapshot_answers_by_the_model(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    size_t n;
    check_snapshot(snapshot, six, &some);
    for (n = 0; n < some.count; n++)
        check_join(snapshot, six, &some, some.members[n].group, some.members[n].source);
    check_join(snapshot, six, &some, 0, 0);
    check_join(snapshot, six, &some, 0, 3);
    check_join(snapshot, six, &some, ABSENT_GROUP, 0);
    check_join(snapshot, six, &some, 65535, 65535);
    groupscan_snapshot_destroy(snapshot);
}

static void an_empty_snapshot_has_answers_too(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot = taken(table);
    Model model;
    model.count = 0;
    CHECK_EQ(info_of(snapshot).version, 0);
    check_snapshot(snapshot, six, &model);
    check_join(snapshot, six, &model, 0, 0);
    check_join(snapshot, six, &model, SOME_GROUP, 3);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void a_clone_is_another_holder_of_the_version(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table), *clone = NULL, *again = NULL;
    groupscan_retained retained[2];
    size_t count = 0;
    OK(leave_all(table, six, 10, 0, NULL));
    OK(groupscan_snapshot_clone(snapshot, &clone));
    CHECK(clone != NULL && clone != snapshot);
    OK(groupscan_table_retained(table, retained, 2, sizeof retained[0], &count));
    CHECK_EQ(count, 2);
    CHECK_EQ(retained[0].holders, 2);
    CHECK_EQ(info_of(clone).version, retained[0].version);
    groupscan_snapshot_destroy(snapshot);
    OK(groupscan_snapshot_clone(clone, &again));
    groupscan_table_destroy(table);
    check_snapshot(clone, six, &some);
    groupscan_snapshot_destroy(clone);
    check_snapshot(again, six, &some);
    groupscan_snapshot_destroy(again);
}

/* The keys stay where they are while the table changes. */
static void keys_are_good_as_long_as_the_snapshot(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *snapshot = taken(table);
    const void *keys;
    const uint64_t *keys4 = NULL;
    const groupscan_key6 *keys6 = NULL;
    uint8_t *copy;
    size_t count = 0, bytes;
    unsigned n;
    if (six)
        OK(groupscan_snapshot_keys6(snapshot, 1, &keys6, &count));
    else
        OK(groupscan_snapshot_keys4(snapshot, 1, &keys4, &count));
    keys = six ? (const void *)keys6 : (const void *)keys4;
    bytes = count * (six ? sizeof *keys6 : sizeof *keys4);
    CHECK(count > 0);
    copy = (uint8_t *)memory_of(bytes);
    memcpy(copy, keys, bytes);
    for (n = 0; n < INTERFACES; n++) {
        OK(leave_all(table, six, 10, n, NULL));
        OK(leave_all(table, six, 11, n, NULL));
    }
    reclaim_all(table);
    groupscan_table_destroy(table);
    CHECK(memcmp(copy, keys, bytes) == 0);
    free(copy);
    groupscan_snapshot_destroy(snapshot);
}

/* ---- Cases: enumerations ---- */

static void records_are_in_network_byte_order(void)
{
    static const uint8_t expected4[] = {10,  7,   0, 9, 255, 255, 255, 255, 239, 1, 1,
                                        2,   255, 255, 255, 255, 192, 168, 0,   3, 2, 0,
                                        0,   0,   77,  0,   0,   0,   3,   0,   0, 0};
    groupscan_membership_entry4 entry4;
    groupscan_membership_entry6 entry6;
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Member one = member(256 + 2, 9, 3, BOTH);
    Walk walk = memberships_of(3);
    uint8_t all_ones[16];
    uint32_t first_byte = 0;
    int six;
    memset(all_ones, 0xff, sizeof all_ones);
    memcpy(&first_byte, expected4 + 20, sizeof first_byte);
    for (six = 0; six <= 1; six++)
        OK(change(table, six, JOINING, 77, &one, 1, NULL));
    snapshot = taken(table);
    for (six = 0; six <= 1; six++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walk);
        size_t count = 0;
        OK(groupscan_enumeration_next(enumeration, six ? (void *)&entry6 : (void *)&entry4,
                                      record_bytes_of(six, &walk), &count, NULL));
        CHECK_EQ(count, 1);
        groupscan_enumeration_destroy(enumeration);
    }
    CHECK(memcmp(&entry4, expected4, 20) == 0);
    /* Numbers are in the byte order of the machine. */
    CHECK(first_byte != 2 || memcmp(&entry4, expected4, sizeof entry4) == 0);
    CHECK_EQ(entry4.interface_index, 2);
    CHECK_EQ(entry4.protocol, 77);
    CHECK_EQ(entry4.flags, BOTH);
    CHECK_EQ(entry6.entry.source[0], 0x20);
    CHECK_EQ(entry6.entry.source[15], 9);
    CHECK(memcmp(entry6.entry.source_mask, all_ones, 16) == 0);
    CHECK_EQ(entry6.entry.group[0], 0xff);
    CHECK_EQ(entry6.entry.group[7], 1);
    CHECK_EQ(entry6.entry.group[15], 2);
    CHECK(memcmp(entry6.entry.group_mask, all_ones, 16) == 0);
    CHECK_EQ(entry6.next_hop[0], 0xfe);
    CHECK_EQ(entry6.next_hop[15], 3);
    CHECK_EQ(entry6.interface_index, 2);
    CHECK_EQ(entry6.protocol, 77);
    CHECK_EQ(entry6.flags, BOTH);
    CHECK_EQ(entry6.reserved, 0);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void prefixes_of_every_length(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    unsigned length, step = quick ? 7 : 1, view;
    for (length = 0; length <= bits(six); length += step) {
        for (view = 0; view <= VIEWS; view++) {
            Walk walk = walk_of(view);
            walk.narrow.group = FAR_GROUP;
            walk.narrow.group_length = length;
            check_walk(snapshot, six, &some, &walk, 5);
            walk.narrow.group_length = 0;
            walk.narrow.source = 256 + 3;
            walk.narrow.source_length = length;
            check_walk(snapshot, six, &some, &walk, 5);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static groupscan_status enumerate_by_filter(const groupscan_snapshot *snapshot, int six,
                                            groupscan_filter4 *filter4, groupscan_filter6 *filter6)
{
    if (six)
        return groupscan_snapshot_enumerate6(snapshot, 0, filter6, &results.enumeration);
    return groupscan_snapshot_enumerate4(snapshot, 0, filter4, &results.enumeration);
}

static groupscan_status enumerate_memberships_by_filter(const groupscan_snapshot *snapshot, int six,
                                                        groupscan_filter4 *filter4,
                                                        groupscan_filter6 *filter6)
{
    groupscan_interface4 on4 = interface4_of(0);
    groupscan_interface6 on6 = interface6_of(0);
    if (six)
        return groupscan_snapshot_enumerate_memberships6(snapshot, &on6, filter6,
                                                         &results.enumeration);
    return groupscan_snapshot_enumerate_memberships4(snapshot, &on4, filter4, &results.enumeration);
}

static void prefixes_and_views_are_checked(int six)
{
    static const unsigned bad_views[] = {VIEWS, 255, 256, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    unsigned bad_lengths[5], length, n, of;
    bad_lengths[0] = bits(six) + 1;
    bad_lengths[1] = 255;
    bad_lengths[2] = 256;
    bad_lengths[3] = 256 + bits(six) / 2;
    bad_lengths[4] = 0xffffffffu;
    for (n = 0; n < COUNT(bad_views); n++)
        REFUSED(enumerate(snapshot, six, bad_views[n], NULL, &results.enumeration), INVALID_VIEW);
    /* Of each length: an address with the bit set that is the first that does not count. */
    for (of = 0; of < 2; of++) {
        for (length = 0; length < bits(six) + COUNT(bad_lengths); length++) {
            groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
            groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
            groupscan_prefix4 *prefix4 = of == 0 ? &filter4.group : &filter4.source;
            groupscan_prefix6 *prefix6 = of == 0 ? &filter6.group : &filter6.source;
            uint8_t *address = six ? prefix6->address : prefix4->address;
            if (length < bits(six)) {
                prefix4->length = prefix6->length = length;
                address[length / 8] = (uint8_t)(0x80 >> length % 8);
            } else {
                prefix4->length = prefix6->length = bad_lengths[length - bits(six)];
            }
            REFUSED(enumerate_by_filter(snapshot, six, &filter4, &filter6), INVALID_PREFIX);
            REFUSED(enumerate_memberships_by_filter(snapshot, six, &filter4, &filter6),
                    INVALID_PREFIX);
            if (length >= bits(six))
                continue;
            /* It counts with one bit more. */
            prefix4->length = prefix6->length = length + 1;
            OK(enumerate_by_filter(snapshot, six, &filter4, &filter6));
            groupscan_enumeration_destroy(results.enumeration);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

/* What has no meaning yet must be as the header says. */
static void fields_of_filters_are_checked(int six)
{
    static const uint32_t bad[] = {2, 0x100, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    size_t n;
    for (n = 0; n < COUNT(bad); n++) {
        groupscan_filter4 filter4 = GROUPSCAN_FILTER4_INIT;
        groupscan_filter6 filter6 = GROUPSCAN_FILTER6_INIT;
        filter4.has_interface = filter6.has_interface = bad[n];
        REFUSED(enumerate_by_filter(snapshot, six, &filter4, &filter6), UNKNOWN_OPTION);
        REFUSED(enumerate_memberships_by_filter(snapshot, six, &filter4, &filter6), UNKNOWN_OPTION);
        filter4.has_interface = 0;
        filter4.reserved = bad[n];
        REFUSED(enumerate_by_filter(snapshot, 0, &filter4, NULL), UNKNOWN_OPTION);
        REFUSED(enumerate_memberships_by_filter(snapshot, 0, &filter4, NULL), UNKNOWN_OPTION);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* With one size of buffer, which begins at an offset: what comes, and what of the memory stays. */
static void check_buffer(groupscan_enumeration *enumeration, size_t from, size_t bytes,
                         size_t offset)
{
    static uint8_t memory[64 + 700 + 100];
    size_t record_bytes = expected.record_bytes, fitting = bytes / record_bytes;
    size_t left = expected.count - from, given = fitting < left ? fitting : left, count = NOWHERE;
    bool more = given == left;
    memset(memory, CANARY, sizeof memory);
    CHECK(offset + bytes + 100 <= sizeof memory);
    if (given == 0 && left > 0) {
        forget_results();
        CHECK_EQ(groupscan_enumeration_next(enumeration, memory + offset, bytes, &results.number,
                                            &results.is_so),
                 BUFFER_TOO_SMALL);
        CHECK(is_untouched(&results, sizeof results));
    } else {
        OK(groupscan_enumeration_next(enumeration, memory + offset, bytes, &count, &more));
        CHECK_EQ(count, given);
        CHECK_EQ(more, given < left);
    }
    CHECK(memcmp(memory + offset, record(&expected, from), given * record_bytes) == 0);
    CHECK(is_untouched(memory, offset));
    CHECK(is_untouched(memory + offset + fitting * record_bytes,
                       sizeof memory - offset - fitting * record_bytes));
    check_remaining(enumeration, left - given);
}

/* Some walks of either kind, with views and filters that pass records over and such that do not. */
static size_t put_some_walks(int six, Walk walks[8])
{
    Narrow narrows[NARROWS];
    size_t count = 0;
    unsigned view;
    put_narrows(six, narrows);
    for (view = 0; view < VIEWS; view++)
        walks[count++] = walk_of(view);
    walks[count] = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    walks[count++].narrow = narrows[12];
    walks[count++] = memberships_of(1);
    walks[count] = memberships_of(2);
    walks[count++].narrow = narrows[5];
    return count;
}

static void every_size_and_alignment_of_buffer(int six)
{
    static const size_t walks_to_take[] = {0, 2, 4, 6};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t of, bytes, offset, step = quick ? 9 : 1;
    put_some_walks(six, walks);
    for (of = 0; of < COUNT(walks_to_take); of++) {
        const Walk *walk = &walks[walks_to_take[of]];
        size_t most = record_bytes_of(six, walk) * 2 + 110;
        expect(&some, six, walk, &expected);
        for (bytes = 0; bytes <= most; bytes += step) {
            for (offset = 0; offset < 64; offset += 2 * step - 1) {
                groupscan_enumeration *enumeration = started(snapshot, six, walk);
                check_buffer(enumeration, 0, bytes, offset);
                groupscan_enumeration_destroy(enumeration);
            }
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static void a_buffer_that_is_too_small_leaves_everything_in_place(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t count = put_some_walks(six, walks), of, from, bytes;
    for (of = 0; of < count; of++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
        expect(&some, six, &walks[of], &expected);
        for (from = 0; from < expected.count; from++) {
            for (bytes = 0; bytes < expected.record_bytes; bytes += 1 + from)
                check_buffer(enumeration, from, bytes, from % 5);
            check_buffer(enumeration, from, expected.record_bytes + from % 3, from % 5);
        }
        check_end(enumeration);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* Of each walk the rest, from every place on, into a buffer that takes it to the byte, or more. */
static void an_exact_rest_comes_with_the_word_that_there_is_no_more(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t count = put_some_walks(six, walks), of, from, extra;
    for (of = 0; of < count; of++) {
        expect(&some, six, &walks[of], &expected);
        CHECK(expected.count > 2);
        for (from = 0; from < expected.count; from++) {
            for (extra = 0; extra < 2; extra++) {
                size_t rest = expected.count - from, got = NOWHERE;
                uint8_t *memory = (uint8_t *)memory_of((rest + extra) * expected.record_bytes);
                groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
                bool more = true;
                skip(enumeration, &expected, from);
                OK(groupscan_enumeration_next(enumeration, memory,
                                              (rest + extra) * expected.record_bytes, &got, &more));
                CHECK_EQ(got, rest);
                CHECK(!more);
                CHECK(memcmp(memory, record(&expected, from), rest * expected.record_bytes) == 0);
                check_end(enumeration);
                groupscan_enumeration_destroy(enumeration);
                free(memory);
            }
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static groupscan_position position_of(const groupscan_enumeration *enumeration)
{
    groupscan_position position;
    memset(&position, CANARY, sizeof position);
    OK(groupscan_enumeration_position(enumeration, &position));
    return position;
}

/* The position behind a join, or behind its membership of a protocol. */
static groupscan_position position_behind(int six, const Member *of, int with_protocol)
{
    groupscan_position position;
    memset(&position, 0, sizeof position);
    put_address(six, GROUP, of->group, position.group);
    put_address(six, SOURCE, of->source, position.source);
    position.family = six ? GROUPSCAN_IPV6 : GROUPSCAN_IPV4;
    position.has_protocol = (uint32_t)with_protocol;
    position.protocol = with_protocol ? of->protocol : 0;
    return position;
}

static void check_position(const groupscan_enumeration *enumeration, groupscan_position position)
{
    groupscan_position got = position_of(enumeration);
    CHECK(memcmp(&got, &position, sizeof got) == 0);
}

static void positions_name_what_was_given(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk joins = walk_of(GROUPSCAN_VIEW_ALL_SOURCES), memberships = memberships_of(1);
    groupscan_enumeration *of_joins = started(snapshot, six, &joins);
    groupscan_enumeration *of_memberships = started(snapshot, six, &memberships);
    const Member *before = NULL;
    groupscan_position start;
    size_t n, count;
    memset(&start, 0, sizeof start);
    check_position(of_joins, start);
    check_position(of_memberships, start);
    for (n = 0; n < some.count; n++) {
        const Member *at = &some.members[n];
        if (at->interface == 1) {
            OK(groupscan_enumeration_next(of_memberships, results.buffer, six ? 96 : 32, &count,
                                          NULL));
            check_position(of_memberships, position_behind(six, at, 1));
        }
        if (!(at->flags & JOIN) || (before != NULL && compare_joins(before, at) == 0))
            continue;
        OK(groupscan_enumeration_next(of_joins, results.buffer, six ? 64 : 16, &count, NULL));
        check_position(of_joins, position_behind(six, at, 0));
        before = at;
    }
    check_end(of_joins);
    check_end(of_memberships);
    groupscan_enumeration_destroy(of_joins);
    groupscan_enumeration_destroy(of_memberships);
    groupscan_snapshot_destroy(snapshot);
}

/* A narrowed enumeration is behind what it does not show, up to the next record. */
static void positions_count_what_was_passed_over(int six)
{
    static const unsigned behind[] = {2, 4, 5};
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration;
    Walk walk = walk_of(GROUPSCAN_VIEW_SOURCE_SPECIFIC);
    Member members[5];
    unsigned n;
    for (n = 0; n < 5; n++)
        members[n] = member(n + 1, n == 2 || n == 4 ? 3 : 0, 0, JOIN);
    OK(change(table, six, JOINING, 1, members, 5, NULL));
    snapshot = taken(table);
    enumeration = started(snapshot, six, &walk);
    for (n = 0; n < COUNT(behind); n++) {
        size_t count = NOWHERE;
        check_position(enumeration, position_behind(six, &members[behind[n] - 1], 0));
        OK(groupscan_enumeration_next(enumeration, results.buffer, six ? 64 : 16, &count, NULL));
        CHECK_EQ(count, n < 2);
    }
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* From each place of each walk: in another enumeration of the version, which may be anywhere. */
static void an_enumeration_resumes_where_another_stopped(int six)
{
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t count = put_some_walks(six, walks), of, from;
    for (of = 0; of < count; of++) {
        expect(&some, six, &walks[of], &expected);
        for (from = 0; from <= expected.count; from++) {
            groupscan_enumeration *stopped = started(snapshot, six, &walks[of]);
            groupscan_enumeration *other = started(snapshot, six, &walks[of]);
            groupscan_position position;
            skip(stopped, &expected, from);
            position = position_of(stopped);
            skip(other, &expected, from * 7 % (expected.count + 1));
            OK(groupscan_enumeration_resume_after(other, &position));
            check_rest(other, &expected, from, 3);
            /* From its end, too, and itself. */
            OK(groupscan_enumeration_resume_after(other, &position));
            check_remaining(other, expected.count - from);
            OK(groupscan_enumeration_resume_after(stopped, &position));
            check_rest(stopped, &expected, from, 4);
            groupscan_enumeration_destroy(stopped);
            groupscan_enumeration_destroy(other);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

/* Behind what is there and what is not, in a version that has had no enumeration before. */
static void an_enumeration_resumes_in_another_version(int six)
{
    groupscan_table *table = table_of_some(six);
    groupscan_snapshot *before = taken(table), *after;
    Model model = some;
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    groupscan_enumeration *stopped = started(before, six, &walk), *resumed;
    groupscan_position position;
    Member keys[4];
    unsigned view;
    size_t n, last;
    expect(&some, six, &walk, &expected);
    skip(stopped, &expected, expected.count / 2);
    position = position_of(stopped);
    /* It goes on behind a record that is gone, whose neighbours are new. */
    for (last = 0; last < some.count; last++) {
        groupscan_position of = position_behind(six, &some.members[last], 0);
        if (memcmp(&of, &position, sizeof of) == 0)
            break;
    }
    CHECK(last < some.count);
    for (n = 0; n < some.count; n++) {
        Member *at = &some.members[n];
        Member near_by = member(at->group, at->source + 1, 1, JOIN);
        if (n % 3 == 0)
            change_both(table, six, &model, JOINING, 11, &near_by, 1);
        if (n % 4 == 1 || compare_joins(at, &some.members[last]) == 0)
            change_both(table, six, &model, LEAVING, at->protocol, at, 1);
    }
    after = taken(table);
    CHECK(!is_joined(after, six, some.members[last].group, some.members[last].source));
    resumed = started(after, six, &walk);
    expect_behind(&model, six, &walk, &some.members[last], &expected);
    OK(groupscan_enumeration_resume_after(resumed, &position));
    check_rest(resumed, &expected, 0, 3);
    groupscan_enumeration_destroy(resumed);

    /* Positions of the caller's own. */
    keys[0] = member(0, 0, 0, 0);
    keys[1] = member(SOME_GROUP, 4, 0, 0);
    keys[2] = some.members[some.count / 3];
    keys[3] = member(65535, 65535, 0, 0);
    for (n = 0; n < COUNT(keys); n++) {
        position = position_behind(six, &keys[n], 0);
        for (view = 0; view < VIEWS; view++) {
            Member behind = keys[n];
            walk = walk_of(view);
            resumed = started(after, six, &walk);
            OK(groupscan_enumeration_resume_after(resumed, &position));
            /* Where a group is shown once, all of the position's is before it. */
            if (view == GROUPSCAN_VIEW_GROUPS || view == GROUPSCAN_VIEW_ANY_SOURCE)
                behind.source = 65536;
            expect_behind(&model, six, &walk, &behind, &expected);
            check_rest(resumed, &expected, 0, 3);
            groupscan_enumeration_destroy(resumed);
        }
    }
    groupscan_enumeration_destroy(stopped);
    groupscan_snapshot_destroy(before);
    groupscan_snapshot_destroy(after);
    groupscan_table_destroy(table);
}

/* Memberships of one join by several protocols, behind each of these and behind all. */
static void positions_among_memberships_count_protocols(int six)
{
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    groupscan_enumeration *enumeration;
    Walk walk = memberships_of(2);
    Model model;
    unsigned group, protocol, with_protocol;
    model.count = 0;
    for (group = 1; group <= 3; group++) {
        for (protocol = 3; protocol <= 9; protocol += 3) {
            Member one = member(group, 3, 2, protocol == 6 ? FORWARD : JOIN);
            change_both(table, six, &model, JOINING, protocol, &one, 1);
        }
    }
    snapshot = taken(table);
    enumeration = started(snapshot, six, &walk);
    for (protocol = 0; protocol <= 12; protocol++) {
        for (with_protocol = 0; with_protocol <= 2; with_protocol++) {
            Member behind = member(2, 3, 0, 0);
            groupscan_position position;
            behind.protocol = protocol;
            position = position_behind(six, &behind, (int)with_protocol);
            /* Without has_protocol the protocol does not count. */
            position.protocol = protocol;
            if (with_protocol == 0)
                behind.protocol = UINT_MAX;
            OK(groupscan_enumeration_resume_after(enumeration, &position));
            expect_behind(&model, six, &walk, &behind, &expected);
            CHECK(expected.count >= 3);
            check_rest(enumeration, &expected, 0, 2);
        }
    }
    groupscan_enumeration_destroy(enumeration);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static void positions_are_checked(int six)
{
    static const uint32_t bad_families[] = {1, 5, 7, 0x100, 0x104, 0x80000000u, 0xffffffffu};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t count = put_some_walks(six, walks), of, n;
    for (of = 0; of < count; of++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
        groupscan_position position = position_behind(six, &some.members[20], 0);
        expect(&some, six, &walks[of], &expected);
        skip(enumeration, &expected, 2);
        for (n = 0; n <= COUNT(bad_families); n++) {
            uint32_t other = six ? GROUPSCAN_IPV4 : GROUPSCAN_IPV6;
            position.family = n < COUNT(bad_families) ? bad_families[n] : other;
            REFUSED(groupscan_enumeration_resume_after(enumeration, &position), INVALID_FAMILY);
        }
        check_rest(enumeration, &expected, 2, 4);
        /* 0 is the place before all records, whatever else there is in the position. */
        position.family = 0;
        OK(groupscan_enumeration_resume_after(enumeration, &position));
        check_rest(enumeration, &expected, 0, 4);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* That the whole goes on with the record of a place where a part is, at its start or its end. */
static void check_position_of_part(const groupscan_enumeration *part,
                                   groupscan_enumeration *whole, size_t from)
{
    groupscan_position position = position_of(part);
    OK(groupscan_enumeration_resume_after(whole, &position));
    check_rest(whole, &expected, from, 7);
}

/* That parts, one after the other, give the rest from a place on; each of about as many keys. */
static void check_parts(groupscan_enumeration **parts, size_t count, groupscan_enumeration *whole,
                        size_t from, int is_even)
{
    size_t bytes = expected.record_bytes, rest = expected.count - from, n;
    uint8_t *memory = (uint8_t *)memory_of(rest * bytes + 1);
    for (n = 0; n < count; n++) {
        size_t got = NOWHERE, remaining = NOWHERE;
        bool more = true;
        OK(groupscan_enumeration_remaining(parts[n], &remaining, NULL));
        if (remaining > 0)
            check_position_of_part(parts[n], whole, from);
        OK(groupscan_enumeration_next(parts[n], memory, rest * bytes, &got, &more));
        CHECK(!more);
        CHECK(got <= expected.count - from);
        CHECK(memcmp(memory, record(&expected, from), got * bytes) == 0);
        if (is_even) {
            CHECK_EQ(remaining, got);
            CHECK(got == rest / count || got == rest / count + 1);
        }
        from += got;
        check_end(parts[n]);
        if (remaining > 0)
            check_position_of_part(parts[n], whole, from);
    }
    CHECK_EQ(from, expected.count);
    free(memory);
}

static void check_split(const groupscan_snapshot *snapshot, int six, const Walk *walk, size_t from,
                        size_t count)
{
    groupscan_enumeration *enumeration = started(snapshot, six, walk);
    groupscan_enumeration *whole = started(snapshot, six, walk);
    /* Its places, and one on each side that stay as they are. */
    size_t bytes = (count + 2) * sizeof(groupscan_enumeration *), n;
    groupscan_enumeration **parts = (groupscan_enumeration **)memory_of(bytes);
    groupscan_position position;
    memset(parts, CANARY, bytes);
    skip(enumeration, &expected, from);
    position = position_of(enumeration);
    OK(groupscan_enumeration_split(enumeration, parts + 1, count));
    CHECK(is_untouched(&parts[0], sizeof parts[0]));
    CHECK(is_untouched(&parts[count + 1], sizeof parts[0]));
    check_position(enumeration, position);
    check_parts(parts + 1, count, whole, from, is_counted(walk));
    check_rest(enumeration, &expected, from, 5);
    groupscan_enumeration_destroy(enumeration);
    /* A part begins anew where it began, and does not leave its bounds. */
    memset(&position, 0, sizeof position);
    for (n = 1; n <= count; n++)
        OK(groupscan_enumeration_resume_after(parts[n], &position));
    check_parts(parts + 1, count, whole, from, is_counted(walk));
    for (n = 1; n <= count; n++)
        groupscan_enumeration_destroy(parts[n]);
    groupscan_enumeration_destroy(whole);
    free(parts);
}

static void parts_are_the_whole(int six)
{
    static const size_t counts[] = {1, 2, 3, 7, 0};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t walks_count = put_some_walks(six, walks), of, from, n;
    for (of = 0; of < walks_count; of++) {
        expect(&some, six, &walks[of], &expected);
        for (from = 0; from <= expected.count; from += quick ? 5 : 1) {
            for (n = 0; n < COUNT(counts); n++)
                check_split(snapshot, six, &walks[of], from,
                            counts[n] > 0 ? counts[n] : expected.count + 5);
        }
    }
    groupscan_snapshot_destroy(snapshot);
}

static void there_are_parts_and_not_too_many(int six)
{
    static const size_t bad_counts[] = {0, (size_t)1 << 32, (size_t)1 << 60, (size_t)-1};
    groupscan_snapshot *snapshot = snapshot_of_some(six);
    Walk walks[8];
    size_t count = put_some_walks(six, walks), of, n;
    for (of = 0; of < count; of++) {
        groupscan_enumeration *enumeration = started(snapshot, six, &walks[of]);
        expect(&some, six, &walks[of], &expected);
        for (n = 0; n < COUNT(bad_counts); n++)
            REFUSED(groupscan_enumeration_split(enumeration, results.parts, bad_counts[n]),
                    INVALID_SIZE);
        check_rest(enumeration, &expected, 0, 5);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
}

/* ---- Cases: a table against its model ---- */

static uint32_t random_state;

static unsigned below(unsigned bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % bound;
}

#define RANDOM_GROUPS 60
#define RANDOM_SOURCES 6

static Member random_member(void)
{
    unsigned group = below(RANDOM_GROUPS) * 11, source = below(RANDOM_SOURCES) * 97;
    return member(group, source, below(INTERFACES), 1 + below(3));
}

/* Some of the joins that there may be, ascending. */
static size_t random_list(Member list[RANDOM_GROUPS])
{
    unsigned group;
    size_t count = 0;
    for (group = 0; group < RANDOM_GROUPS; group++) {
        if (below(6) == 0)
            list[count++] = member(group * 11, below(RANDOM_SOURCES) * 97, 0, 0);
    }
    return count;
}

static void random_change(groupscan_table *table, int six, Model *model)
{
    Member members[RANDOM_GROUPS];
    unsigned protocol = 10 + below(PROTOCOLS), kind = below(100);
    size_t count = 1 + below(30), n;
    if (kind < 2) {
        leave_all_both(table, six, model, protocol, below(INTERFACES));
        return;
    }
    if (kind < 7) {
        count = random_list(members);
        replace_both(table, six, model, protocol, below(INTERFACES), members, count);
        return;
    }
    for (n = 0; n < count; n++)
        members[n] = random_member();
    if (kind < 20) {
        size_t leaves = below((unsigned)count + 1);
        update_both(table, six, model, protocol, members, leaves, count - leaves);
        return;
    }
    change_both(table, six, model, kind % 2 == 0 ? JOINING : LEAVING, protocol, members, count);
}

/* Snapshots of old versions are checked when many changes have come after them. */
static void a_table_is_as_its_model(int six)
{
    static Model model, held_model;
    groupscan_table *table = new_table();
    groupscan_snapshot *held = taken(table);
    int turn, turns = quick ? 120 : 4000, between = quick ? 60 : 200;
    model.count = 0;
    held_model.count = 0;
    random_state = 0x9e3779b9u;
    for (turn = 1; turn <= turns; turn++) {
        random_change(table, six, &model);
        if (turn % between == 0) {
            check_table(table, six, &model);
            check_snapshot(held, six, &held_model);
            groupscan_snapshot_destroy(held);
            held = taken(table);
            held_model = model;
        }
    }
    CHECK(quick || model.count > 300);
    groupscan_table_destroy(table);
    check_snapshot(held, six, &model);
    groupscan_snapshot_destroy(held);
}

/* ---- Cases: threads ---- */

#define THREADS 4
#define MANY 3000

/* What a thread works with, and what it got. */
typedef struct Worker {
    pthread_t thread;
    pthread_barrier_t *barrier;
    groupscan_table *table;
    groupscan_enumeration *enumeration;
    groupscan_manager *manager;
    groupscan_enumeration_handle handle;
    groupscan_status status;
    int six;
    size_t record_bytes;
    size_t a_call;
    uint8_t seen[MANY + 1];
} Worker;

static Worker workers[THREADS];

/* Starts workers that are alike but for the records that they read a call. */
static void start_workers(void *(*work)(void *), int count, const Worker *alike,
                          pthread_barrier_t *barrier)
{
    int n;
    CHECK_EQ(pthread_barrier_init(barrier, NULL, (unsigned)count), 0);
    for (n = 0; n < count; n++) {
        workers[n] = *alike;
        workers[n].barrier = barrier;
        workers[n].a_call = (size_t)n * 3 + 1;
        CHECK_EQ(pthread_create(&workers[n].thread, NULL, work, &workers[n]), 0);
    }
}

static void join_workers(int count, pthread_barrier_t *barrier)
{
    int n;
    for (n = 0; n < count; n++)
        CHECK_EQ(pthread_join(workers[n].thread, NULL), 0);
    CHECK_EQ(pthread_barrier_destroy(barrier), 0);
}

/* The number of the group in a record, which is next to its mask. */
static unsigned group_in(int six, const uint8_t *of)
{
    const uint8_t *group = of + 2 * width(six);
    return group[six ? 7 : 2] * 256u + group[six ? 15 : 3];
}

/* Takes note of a batch, whose records ascend, and which nobody has got before. */
static void note_batch(Worker *worker, const uint8_t *batch, size_t count)
{
    unsigned last = 0;
    size_t n;
    CHECK(count <= worker->a_call);
    for (n = 0; n < count; n++) {
        unsigned group = group_in(worker->six, batch + n * worker->record_bytes);
        CHECK(group > last && group <= MANY);
        CHECK_EQ(worker->seen[group], 0);
        worker->seen[group] = 1;
        last = group;
    }
}

static void *read_to_the_end(void *argument)
{
    Worker *worker = (Worker *)argument;
    uint8_t batch[THREADS * 3 * sizeof(groupscan_membership_entry6)];
    bool more = true;
    pthread_barrier_wait(worker->barrier);
    while (more) {
        size_t bytes = worker->a_call * worker->record_bytes, count = NOWHERE;
        if (worker->enumeration != NULL)
            OK(groupscan_enumeration_next(worker->enumeration, batch, bytes, &count, &more));
        else
            OK(groupscan_manager_next(worker->manager, worker->handle, batch, bytes, &count,
                                      &more));
        note_batch(worker, batch, count);
    }
    return NULL;
}

/* That the workers together have got each group once. */
static void check_seen_once(void)
{
    unsigned group;
    int n;
    for (group = 1; group <= MANY; group++) {
        int seen = 0;
        for (n = 0; n < THREADS; n++)
            seen += workers[n].seen[group];
        CHECK_EQ(seen, 1);
    }
}

static void put_many(Member members[MANY])
{
    unsigned n;
    for (n = 0; n < MANY; n++)
        members[n] = member(n + 1, 0, 0, JOIN);
}

static void threads_share_an_enumeration(int six)
{
    static Member members[MANY];
    static Worker alike;
    groupscan_table *table = new_table();
    groupscan_snapshot *snapshot;
    Walk walks[4];
    int turn, turns = quick ? 4 : 100;
    put_many(members);
    OK(change(table, six, JOINING, 1, members, MANY, NULL));
    snapshot = taken(table);
    walks[0] = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    walks[1] = walk_of(GROUPSCAN_VIEW_GROUPS);
    walks[2] = memberships_of(0);
    walks[3] = walk_of(GROUPSCAN_VIEW_WILDCARD);
    walks[3].narrow.interface = 0;
    alike.six = six;
    for (turn = 0; turn < turns; turn++) {
        const Walk *walk = &walks[turn % 4];
        groupscan_enumeration *enumeration = started(snapshot, six, walk);
        pthread_barrier_t barrier;
        alike.enumeration = enumeration;
        alike.record_bytes = record_bytes_of(six, walk);
        start_workers(read_to_the_end, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        check_seen_once();
        check_end(enumeration);
        groupscan_enumeration_destroy(enumeration);
    }
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static int writers_at_work;

static void note_that_a_writer_is_done(void)
{
    CHECK_EQ(pthread_mutex_lock(&done_lock), 0);
    writers_at_work--;
    CHECK_EQ(pthread_mutex_unlock(&done_lock), 0);
}

/* Whether a reader is to go on after so many turns. Under valgrind readers may starve writers. */
static int writers_are_at_work(int turns)
{
    int at_work;
    sched_yield();
    CHECK_EQ(pthread_mutex_lock(&done_lock), 0);
    at_work = writers_at_work;
    CHECK_EQ(pthread_mutex_unlock(&done_lock), 0);
    return at_work > 0 && (!quick || turns < 100);
}

#define PAIRS 200

/* Joins and leaves groups in pairs of an odd one and the next, each with a protocol of its own. */
static void *write_pairs(void *argument)
{
    Worker *worker = (Worker *)argument;
    unsigned protocol = (unsigned)worker->a_call, turn, turns = quick ? 150 : 30000;
    pthread_barrier_wait(worker->barrier);
    for (turn = 0; turn < turns; turn++) {
        unsigned pair = turn * 37 % PAIRS;
        Member members[2];
        groupscan_outcome became;
        members[0] = member(2 * pair + 1, 0, 0, JOIN);
        members[1] = member(2 * pair + 2, 0, 1, JOIN);
        OK(change(worker->table, worker->six, turn / PAIRS % 2 == 0 ? JOINING : LEAVING, protocol,
                  members, 2, &became));
        CHECK_EQ(became.changed, 2);
        CHECK(became.version > 0);
    }
    note_that_a_writer_is_done();
    return NULL;
}

/* That a snapshot has both of each pair or neither, and counts of joins that are even. */
static void check_pairs(const groupscan_snapshot *snapshot, int six, size_t a_call)
{
    uint8_t batch[16 * sizeof(groupscan_source_group_entry6)];
    groupscan_snapshot_info info = info_of(snapshot);
    size_t joins = six ? info.ipv6.joins : info.ipv4.joins, total = 0;
    groupscan_enumeration *enumeration = NULL;
    unsigned last = 0;
    bool more = true;
    OK(enumerate(snapshot, six, GROUPSCAN_VIEW_ALL_SOURCES, NULL, &enumeration));
    while (more) {
        size_t record_bytes = six ? 64 : 16, count = 0, n;
        OK(groupscan_enumeration_next(enumeration, batch, a_call * record_bytes, &count, &more));
        for (n = 0; n < count; n++, total++) {
            unsigned group = group_in(six, batch + n * record_bytes);
            CHECK(group > last);
            CHECK_EQ(group % 2, (total + 1) % 2);
            if (group % 2 == 0)
                CHECK_EQ(group, last + 1);
            last = group;
        }
    }
    CHECK_EQ(total, joins);
    CHECK_EQ(total % 2, 0);
    groupscan_enumeration_destroy(enumeration);
}

static void *read_pairs(void *argument)
{
    Worker *worker = (Worker *)argument;
    uint64_t last = 0;
    int turns = 0;
    pthread_barrier_wait(worker->barrier);
    do {
        groupscan_snapshot *snapshot = taken(worker->table);
        groupscan_stats stats = stats_of(worker->table);
        groupscan_retained retained[8];
        size_t count = 0;
        bool more;
        CHECK(info_of(snapshot).version >= last);
        last = info_of(snapshot).version;
        check_pairs(snapshot, worker->six, worker->a_call);
        CHECK_EQ((worker->six ? stats.ipv6 : stats.ipv4).joins % 2, 0);
        /* The others hold two versions at most, and one is the current one. */
        OK(groupscan_table_retained(worker->table, retained, 8, sizeof retained[0], &count));
        CHECK(count >= 1 && count <= THREADS + 2);
        OK(groupscan_table_reclaim(worker->table, &more));
        groupscan_snapshot_destroy(snapshot);
        turns++;
    } while (writers_are_at_work(turns));
    return NULL;
}

static void *write_or_read_pairs(void *argument)
{
    Worker *worker = (Worker *)argument;
    return worker->a_call <= 4 ? write_pairs(argument) : read_pairs(argument);
}

#define HOSTS 20

/* Hosts that go from (*,G) to (S,G) and back, some at a time. */
static void *write_moves(Worker *worker)
{
    unsigned turn, turns = quick ? 100 : 10000, n;
    for (turn = 0; turn < turns; turn++) {
        unsigned first = turn % 7, count = 1 + turn % (HOSTS - 7);
        unsigned source = turn / 7 % 2 == 0 ? 3 : 0;
        Member members[2 * HOSTS];
        for (n = 0; n < count; n++) {
            members[2 * n] = member(1 + first + n, 0, 0, JOIN);
            members[2 * n + 1] = member(1 + first + n, 3, 0, JOIN);
            /* Both leave, one joins: the source is what it is to be then. */
            members[2 * count + n] = member(1 + first + n, source, 0, JOIN);
        }
        OK(update(worker->table, worker->six, 1, members, 2 * count, count, NULL));
    }
    note_that_a_writer_is_done();
    return NULL;
}

static void check_hosts(groupscan_table *table, int six)
{
    groupscan_snapshot *snapshot = taken(table);
    groupscan_snapshot_info info = info_of(snapshot);
    unsigned n;
    CHECK_EQ((six ? info.ipv6 : info.ipv4).joins, HOSTS);
    for (n = 1; n <= HOSTS; n++)
        CHECK_EQ(is_joined(snapshot, six, n, 0) + is_joined(snapshot, six, n, 3), 1);
    groupscan_snapshot_destroy(snapshot);
}

static void *write_moves_or_check_hosts(void *argument)
{
    Worker *worker = (Worker *)argument;
    int turns = 0;
    pthread_barrier_wait(worker->barrier);
    if (worker->a_call == 1)
        return write_moves(worker);
    do {
        check_hosts(worker->table, worker->six);
        turns++;
    } while (writers_are_at_work(turns));
    return NULL;
}

static void a_host_moves_without_a_gap(int six)
{
    static Worker alike;
    groupscan_table *table = new_table();
    pthread_barrier_t barrier;
    Member members[HOSTS];
    unsigned n;
    for (n = 0; n < HOSTS; n++)
        members[n] = member(1 + n, 0, 0, JOIN);
    OK(change(table, six, JOINING, 1, members, HOSTS, NULL));
    alike.table = table;
    alike.six = six;
    writers_at_work = 1;
    start_workers(write_moves_or_check_hosts, THREADS, &alike, &barrier);
    join_workers(THREADS, &barrier);
    check_hosts(table, six);
    groupscan_table_destroy(table);
}

static void readers_never_see_half_a_change(int six)
{
    static Worker alike;
    groupscan_table *table = new_table();
    pthread_barrier_t barrier;
    groupscan_snapshot *snapshot;
    memset(&alike, 0, sizeof alike);
    alike.table = table;
    alike.six = six;
    writers_at_work = 2;
    start_workers(write_or_read_pairs, THREADS, &alike, &barrier);
    join_workers(THREADS, &barrier);
    CHECK_EQ(writers_at_work, 0);
    snapshot = taken(table);
    check_pairs(snapshot, six, 16);
    groupscan_snapshot_destroy(snapshot);
    groupscan_table_destroy(table);
}

/* ---- Cases: managers ---- */

#define PIM 0x01370020u
#define IGMP 10u
#define VENDOR_IGMP 0x0137000au
/* Interfaces. */
#define LAN 0u
#define WAN 3u
#define NOBODYS 6u

/* What number of an interface is meant is put in where it is used. */
static groupscan_status take(groupscan_manager *manager, groupscan_protocol_handle protocol,
                             unsigned interface)
{
    groupscan_interface4 on = interface4_of(interface);
    return groupscan_manager_take_interface4(manager, protocol, &on);
}

static groupscan_status release(groupscan_manager *manager,
                                groupscan_protocol_handle protocol, unsigned interface)
{
    groupscan_interface4 on = interface4_of(interface);
    return groupscan_manager_release_interface4(manager, protocol, &on);
}

static groupscan_status change_managed(groupscan_manager *manager, Change what,
                                       groupscan_protocol_handle protocol, const Member *members,
                                       size_t count, groupscan_outcome *became)
{
    groupscan_membership4 memberships[40];
    size_t n;
    CHECK(count <= COUNT(memberships));
    for (n = 0; n < count; n++)
        memberships[n] = membership4_of(members[n]);
    if (what == JOINING)
        return groupscan_manager_join4(manager, protocol, memberships, count, became);
    return groupscan_manager_leave4(manager, protocol, memberships, count, became);
}

static groupscan_snapshot *taken_of(const groupscan_manager *manager)
{
    groupscan_snapshot *snapshot = NULL;
    OK(groupscan_manager_snapshot(manager, &snapshot));
    return snapshot;
}

static uint64_t managed_version(const groupscan_manager *manager)
{
    groupscan_snapshot *snapshot = taken_of(manager);
    uint64_t version = info_of(snapshot).version;
    groupscan_snapshot_destroy(snapshot);
    return version;
}

static void check_managed(const groupscan_manager *manager, const Model *model)
{
    groupscan_snapshot *snapshot = taken_of(manager);
    check_snapshot(snapshot, 0, model);
    groupscan_snapshot_destroy(snapshot);
}

static uint32_t number_of(const groupscan_manager *manager, groupscan_protocol_handle protocol)
{
    uint32_t number = 0;
    OK(groupscan_manager_protocol_number(manager, protocol, &number));
    return number;
}

/* Changes a manager's memberships and the model, and checks the outcome. */
static void change_managed_both(groupscan_manager *manager, Model *model, Change what,
                                groupscan_protocol_handle protocol, const Member *members,
                                size_t count)
{
    uint64_t before = managed_version(manager);
    size_t changed = change_model(model, what, number_of(manager, protocol), members, count);
    OK(change_managed(manager, what, protocol, members, count, &outcome));
    check_outcome(before + (changed > 0), changed, NOWHERE);
    CHECK_EQ(managed_version(manager), outcome.version);
}

static void check_owner(const groupscan_manager *manager, unsigned interface, uint32_t protocol_id,
                        uint32_t component_id)
{
    groupscan_interface4 on = interface4_of(interface);
    uint32_t protocol = 0, component = 0;
    OK(groupscan_manager_owner4(manager, &on, &protocol, &component));
    CHECK_EQ(protocol, protocol_id);
    CHECK_EQ(component, component_id);
}

static void check_no_owner(const groupscan_manager *manager, unsigned interface)
{
    groupscan_interface4 on = interface4_of(interface);
    REFUSED(groupscan_manager_owner4(manager, &on, &results.id, &results.other_id), NOT_FOUND);
}

static groupscan_enumeration_handle managed_start(groupscan_manager *manager,
                                                  groupscan_protocol_handle protocol, unsigned view)
{
    groupscan_enumeration_handle handle = 0;
    OK(groupscan_manager_start4(manager, protocol, view, NULL, &handle));
    CHECK(handle != 0 && handle != ~(uint64_t)0);
    return handle;
}

/* That a handle's enumeration has the expected records left, from one place of them on. */
static void check_managed_rest(groupscan_manager *manager,
                               groupscan_enumeration_handle handle, size_t from, size_t a_call)
{
    uint8_t memory[20 * sizeof(groupscan_source_group_entry4)];
    bool more;
    CHECK(a_call * 16 + 2 <= sizeof memory);
    do {
        size_t left = expected.count - from, count = NOWHERE;
        more = left == 0;
        OK(groupscan_manager_next(manager, handle, memory + 1, a_call * 16 + 1, &count, &more));
        CHECK_EQ(count, left < a_call ? left : a_call);
        CHECK(memcmp(memory + 1, record(&expected, from), count * 16) == 0);
        from += count;
        CHECK_EQ(more, from < expected.count);
    } while (more);
    for (from = 0; from < 20; from++) {
        size_t count = NOWHERE;
        OK(groupscan_manager_next(manager, handle, from % 2 ? NULL : memory, from, &count, NULL));
        CHECK_EQ(count, 0);
    }
}

static void clients_register_and_deregister_once(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0), second, other, namesake, again;
    REFUSED(groupscan_manager_register(manager, PIM, 0, &results.protocol), ALREADY_EXISTS);
    second = registered(manager, PIM, 1);
    other = registered(manager, PIM + 1, 0);
    CHECK(pim != second && second != other && pim != other);
    /* Records name clients by their protocol ids, and no two by the same number. */
    CHECK_EQ(number_of(manager, pim), PIM);
    CHECK_EQ(number_of(manager, other), PIM + 1);
    CHECK(number_of(manager, second) != PIM && number_of(manager, second) != PIM + 1);
    namesake = registered(manager, number_of(manager, second), 0);
    CHECK(number_of(manager, namesake) != number_of(manager, second));
    CHECK(number_of(manager, namesake) != PIM && number_of(manager, namesake) != PIM + 1);
    OK(groupscan_manager_deregister(manager, namesake));
    OK(groupscan_manager_deregister(manager, pim));
    REFUSED(groupscan_manager_deregister(manager, pim), INVALID_HANDLE);
    again = registered(manager, PIM, 0);
    CHECK(again != pim);
    CHECK_EQ(number_of(manager, again), PIM);
    OK(take(manager, again, LAN));
    REFUSED(groupscan_manager_deregister(manager, again), OWNS_INTERFACES);
    check_owner(manager, LAN, PIM, 0);
    OK(release(manager, again, LAN));
    OK(groupscan_manager_deregister(manager, again));
    OK(groupscan_manager_deregister(manager, second));
    OK(groupscan_manager_deregister(manager, other));
    groupscan_manager_destroy(manager);
}

static void an_interface_has_one_owner(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle other = registered(manager, PIM, 7);
    check_no_owner(manager, LAN);
    OK(take(manager, pim, LAN));
    /* It owns it already. */
    OK(take(manager, pim, LAN));
    REFUSED(take(manager, other, LAN), ALREADY_OWNED);
    check_owner(manager, LAN, PIM, 0);
    /* The next hop counts: the next number has the same index. */
    check_no_owner(manager, LAN + 1);
    OK(take(manager, other, LAN + 1));
    check_owner(manager, LAN + 1, PIM, 7);
    check_owner(manager, LAN, PIM, 0);
    REFUSED(release(manager, other, LAN), NOT_OWNER);
    REFUSED(release(manager, pim, NOBODYS), NOT_OWNER);
    OK(release(manager, pim, LAN));
    REFUSED(release(manager, pim, LAN), NOT_OWNER);
    check_no_owner(manager, LAN);
    OK(take(manager, other, LAN));
    OK(release(manager, other, LAN));
    OK(release(manager, other, LAN + 1));
    groupscan_manager_destroy(manager);
}

static void memberships_are_for_owners_and_igmp(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    groupscan_protocol_handle vendor_igmp = registered(manager, VENDOR_IGMP, 0);
    groupscan_protocol_handle second_igmp = registered(manager, IGMP, 1);
    Model model;
    Member on_lan = member(1, 3, LAN, JOIN), on_wan = member(2, 0, WAN, BOTH);
    Member nobodys = member(3, 0, NOBODYS, FORWARD);
    model.count = 0;
    OK(take(manager, pim, LAN));
    OK(take(manager, igmp, WAN));
    change_managed_both(manager, &model, JOINING, pim, &on_lan, 1);
    CHANGE_REFUSED(change_managed(manager, JOINING, pim, &on_wan, 1, &outcome), NOT_OWNER, 0);
    CHANGE_REFUSED(change_managed(manager, JOINING, pim, &nobodys, 1, &outcome), NOT_OWNER, 0);
    CHANGE_REFUSED(change_managed(manager, LEAVING, pim, &on_wan, 1, &outcome), NOT_OWNER, 0);
    CHANGE_REFUSED(change_managed(manager, LEAVING, pim, &nobodys, 1, &outcome), NOT_FOUND, 0);
    CHANGE_REFUSED(change_managed(manager, LEAVING, igmp, &nobodys, 1, &outcome), NOT_FOUND, 0);
    change_managed_both(manager, &model, JOINING, igmp, &on_lan, 1);
    change_managed_both(manager, &model, JOINING, igmp, &on_wan, 1);
    change_managed_both(manager, &model, JOINING, igmp, &nobodys, 1);
    change_managed_both(manager, &model, JOINING, vendor_igmp, &on_lan, 1);
    change_managed_both(manager, &model, JOINING, second_igmp, &on_lan, 1);
    change_managed_both(manager, &model, JOINING, second_igmp, &nobodys, 1);
    check_managed(manager, &model);
    CHECK_EQ(model.count, 7);
    /* Each leaves its own, and leaving what one has not got is no error where the interface is. */
    change_managed_both(manager, &model, LEAVING, vendor_igmp, &nobodys, 1);
    CHECK_EQ(outcome.changed, 0);
    change_managed_both(manager, &model, LEAVING, vendor_igmp, &on_lan, 1);
    CHECK_EQ(outcome.changed, 1);
    OK(change_managed(manager, LEAVING, pim, &nobodys, 1, &outcome));
    CHECK_EQ(outcome.changed, 0);
    /* A release takes the owner's along, a deregistration all that are left. */
    OK(release(manager, pim, LAN));
    replace_model(&model, PIM, LAN, NULL, 0);
    check_managed(manager, &model);
    OK(release(manager, igmp, WAN));
    replace_model(&model, IGMP, WAN, NULL, 0);
    check_managed(manager, &model);
    OK(groupscan_manager_deregister(manager, igmp));
    replace_model(&model, IGMP, LAN, NULL, 0);
    replace_model(&model, IGMP, NOBODYS, NULL, 0);
    CHECK_EQ(model.count, 2);
    check_managed(manager, &model);
    OK(groupscan_manager_deregister(manager, second_igmp));
    model.count = 0;
    check_managed(manager, &model);
    groupscan_manager_destroy(manager);
}

/* A membership that is refused, in memory order, and what for. */
typedef struct Bad {
    uint8_t group[4];
    uint8_t source[4];
    unsigned interface;
    uint32_t flags;
    groupscan_status join;
    groupscan_status leave;
} Bad;

static const Bad bad_memberships[] = {
    {{239, 1, 0, 9}, {10, 0, 0, 1}, LAN, 0, INVALID_FLAGS, INVALID_FLAGS},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, LAN, 4, INVALID_FLAGS, INVALID_FLAGS},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, LAN, 0x101, INVALID_FLAGS, INVALID_FLAGS},
    {{223, 255, 255, 255}, {0, 0, 0, 0}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{240, 0, 0, 0}, {10, 0, 0, 1}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{0, 0, 0, 239}, {10, 0, 0, 1}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{255, 255, 255, 255}, {0, 0, 0, 0}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{0, 0, 0, 0}, {10, 0, 0, 1}, LAN, 1, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{0, 0, 0, 0}, {0, 0, 0, 1}, LAN, 2, INVALID_MEMBERSHIP, INVALID_MEMBERSHIP},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, WAN, 1, NOT_OWNER, NOT_OWNER},
    {{239, 1, 0, 9}, {10, 0, 0, 1}, NOBODYS, 1, NOT_OWNER, NOT_FOUND},
};

static void a_refused_membership_changes_nothing(void)
{
    static const size_t places[] = {0, 1, 4};
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle other = registered(manager, PIM, 1);
    Model model;
    Member members[5];
    uint64_t before;
    size_t of, n, place;
    unsigned what;
    model.count = 0;
    OK(take(manager, pim, LAN));
    OK(take(manager, other, WAN));
    for (n = 0; n < 5; n++)
        members[n] = member((unsigned)n + 1, 3, LAN, JOIN);
    change_managed_both(manager, &model, JOINING, pim, members, 5);
    before = managed_version(manager);
    for (of = 0; of < COUNT(bad_memberships); of++) {
        const Bad *bad = &bad_memberships[of];
        for (place = 0; place < COUNT(places); place++) {
            for (what = 0; what < 2; what++) {
                groupscan_status status = what == 0 ? bad->join : bad->leave;
                groupscan_membership4 list[5];
                groupscan_membership4 *at = &list[places[place]];
                for (n = 0; n < 5; n++) {
                    list[n] = membership4_of(members[n]);
                    /* Joins around it would change something, too. */
                    list[n].flags = what == 0 ? BOTH : JOIN;
                }
                memcpy(at->group, bad->group, 4);
                memcpy(at->source, bad->source, 4);
                at->iface = interface4_of(bad->interface);
                at->flags = bad->flags;
                if (what == 0)
                    CHANGE_REFUSED(groupscan_manager_join4(manager, pim, list, 5, &outcome), status,
                                   places[place]);
                else
                    CHANGE_REFUSED(groupscan_manager_leave4(manager, pim, list, 5, &outcome),
                                   status, places[place]);
            }
        }
    }
    CHECK_EQ(managed_version(manager), before);
    check_managed(manager, &model);
    /* All groups, and the first and the last multicast group, are none of these. */
    members[0] = member(0, 0, LAN, JOIN);
    change_managed_both(manager, &model, JOINING, pim, members, 1);
    check_managed(manager, &model);
    groupscan_manager_destroy(manager);
}

static void multicast_groups_have_bounds(void)
{
    static const uint8_t groups[][4] = {{224, 0, 0, 0}, {239, 255, 255, 255}};
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    groupscan_membership4 membership = membership4_of(member(1, 3, LAN, JOIN));
    size_t n;
    for (n = 0; n < COUNT(groups); n++) {
        memcpy(membership.group, groups[n], 4);
        OK(groupscan_manager_join4(manager, igmp, &membership, 1, &outcome));
        CHECK_EQ(outcome.changed, 1);
    }
    groupscan_manager_destroy(manager);
}

/* The interface was there before the call, so it is for all of its memberships. */
static void an_interface_may_lose_its_last_membership_on_the_way(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Member twice[3];
    twice[0] = twice[1] = twice[2] = member(1, 3, NOBODYS, JOIN);
    twice[2].group = 2;
    OK(change_managed(manager, JOINING, igmp, twice, 1, NULL));
    OK(change_managed(manager, LEAVING, igmp, twice, 3, &outcome));
    check_outcome(2, 1, NOWHERE);
    CHANGE_REFUSED(change_managed(manager, LEAVING, igmp, twice, 3, &outcome), NOT_FOUND, 0);
    groupscan_manager_destroy(manager);
}

static groupscan_status leave_all_managed(groupscan_manager *manager,
                                          groupscan_protocol_handle protocol, unsigned interface,
                                          groupscan_outcome *became)
{
    groupscan_interface4 on = interface4_of(interface);
    return groupscan_manager_leave_all4(manager, protocol, &on, became);
}

static groupscan_status replace_managed(groupscan_manager *manager,
                                        groupscan_protocol_handle protocol, unsigned interface,
                                        const Member *members, size_t count,
                                        groupscan_outcome *became)
{
    groupscan_interface4 on = interface4_of(interface);
    groupscan_join4 joins[10];
    size_t n;
    CHECK(count <= COUNT(joins));
    for (n = 0; n < count; n++)
        joins[n] = join4_of(members[n].group, members[n].source);
    return groupscan_manager_replace4(manager, protocol, &on, joins, count, became);
}

static groupscan_status update_managed(groupscan_manager *manager,
                                       groupscan_protocol_handle protocol, const Member *members,
                                       size_t leave_count, size_t join_count,
                                       groupscan_outcome *became)
{
    groupscan_membership4 memberships[20];
    size_t n;
    CHECK(leave_count + join_count <= COUNT(memberships));
    for (n = 0; n < leave_count + join_count; n++)
        memberships[n] = membership4_of(members[n]);
    return groupscan_manager_update4(manager, protocol, memberships, leave_count,
                                     memberships + leave_count, join_count, became);
}

static void clients_leave_and_join_in_one_commit(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Model model;
    Member members[8], bad;
    unsigned n;
    model.count = 0;
    OK(take(manager, pim, LAN));
    for (n = 0; n < 8; n++)
        members[n] = member(1 + n, n / 4, LAN, JOIN);
    change_managed_both(manager, &model, JOINING, pim, members, 4);
    OK(update_managed(manager, pim, members, 4, 4, &outcome));
    change_model(&model, LEAVING, PIM, members, 4);
    change_model(&model, JOINING, PIM, members + 4, 4);
    check_outcome(2, 8, NOWHERE);
    check_managed(manager, &model);
    OK(update_managed(manager, pim, members, 4, 4, &outcome));
    check_outcome(2, 0, NOWHERE);
    /* Each may be refused, for what leaves and for what joins are. */
    bad = members[4];
    bad.interface = NOBODYS;
    for (n = 0; n < 8; n++) {
        Member list[8];
        memcpy(list, members, sizeof list);
        list[n] = bad;
        CHANGE_REFUSED(update_managed(manager, pim, list, 4, 4, &outcome),
                       n < 4 ? NOT_FOUND : NOT_OWNER, n);
        list[n].interface = LAN;
        list[n].flags = 0;
        CHANGE_REFUSED(update_managed(manager, pim, list, 4, 4, &outcome), INVALID_FLAGS, n);
        list[n] = member(0, 3, LAN, JOIN);
        CHANGE_REFUSED(update_managed(manager, pim, list, 4, 4, &outcome), INVALID_MEMBERSHIP, n);
    }
    check_managed(manager, &model);
    /* An interface that the joins of the call bring about was not there before it. */
    CHANGE_REFUSED(update_managed(manager, igmp, &bad, 1, 0, &outcome), NOT_FOUND, 0);
    OK(update_managed(manager, igmp, &bad, 0, 1, &outcome));
    check_outcome(3, 1, NOWHERE);
    groupscan_manager_destroy(manager);
}

static void clients_leave_and_replace_all_of_an_interface(void)
{
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Model model;
    Member members[10];
    uint64_t version;
    unsigned n;
    model.count = 0;
    for (n = 0; n < 10; n++)
        members[n] = member(n / 2, n == 0 ? 0 : n, LAN, n % 3 == 1 ? BOTH : JOIN);
    members[1] = member(1, 0, LAN, JOIN);
    OK(take(manager, pim, LAN));
    OK(take(manager, igmp, WAN));
    change_managed_both(manager, &model, JOINING, pim, members, 8);
    change_managed_both(manager, &model, JOINING, igmp, members + 2, 8);
    version = managed_version(manager);

    OK(replace_managed(manager, pim, LAN, members + 4, 6, &outcome));
    check_outcome(version + 1, replace_model(&model, PIM, LAN, members + 4, 6), NOWHERE);
    CHECK(outcome.changed > 6);
    check_managed(manager, &model);
    OK(replace_managed(manager, pim, LAN, members + 4, 6, &outcome));
    check_outcome(version + 1, 0, NOWHERE);
    OK(replace_managed(manager, igmp, NOBODYS, members, 3, &outcome));
    check_outcome(version + 2, replace_model(&model, IGMP, NOBODYS, members, 3), NOWHERE);
    check_managed(manager, &model);
    /* Who may, and on what. */
    CHANGE_REFUSED(replace_managed(manager, pim, WAN, members, 3, &outcome), NOT_OWNER, NOWHERE);
    CHANGE_REFUSED(replace_managed(manager, pim, NOBODYS, members, 3, &outcome), NOT_OWNER,
                   NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, pim, WAN, &outcome), NOT_OWNER, NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, igmp, ABSENT_INTERFACE, &outcome), NOT_FOUND,
                   NOWHERE);
    for (n = 1; n < 10; n++) {
        Member list[10];
        memcpy(list, members, sizeof list);
        list[n] = list[n - 1];
        CHANGE_REFUSED(replace_managed(manager, pim, LAN, list, 10, &outcome), NOT_ASCENDING, n);
        /* All groups, but from one source. */
        list[n] = member(0, 3, 0, 0);
        CHANGE_REFUSED(replace_managed(manager, pim, LAN, list, 10, &outcome), INVALID_MEMBERSHIP,
                       n);
    }
    check_managed(manager, &model);
    CHECK_EQ(managed_version(manager), version + 2);

    OK(leave_all_managed(manager, igmp, LAN, &outcome));
    check_outcome(version + 3, replace_model(&model, IGMP, LAN, NULL, 0), NOWHERE);
    CHECK_EQ(outcome.changed, 8);
    check_managed(manager, &model);
    /* Nothing of theirs is there, but the interface is: it is owned, or has others' memberships. */
    OK(leave_all_managed(manager, igmp, LAN, &outcome));
    check_outcome(version + 3, 0, NOWHERE);
    OK(leave_all_managed(manager, igmp, WAN, &outcome));
    OK(leave_all_managed(manager, pim, NOBODYS, &outcome));
    check_outcome(version + 3, 0, NOWHERE);
    OK(leave_all_managed(manager, igmp, NOBODYS, &outcome));
    check_outcome(version + 4, replace_model(&model, IGMP, NOBODYS, NULL, 0), NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, igmp, NOBODYS, &outcome), NOT_FOUND, NOWHERE);
    OK(replace_managed(manager, pim, LAN, NULL, 0, &outcome));
    check_outcome(version + 5, 6, NOWHERE);
    model.count = 0;
    check_managed(manager, &model);
    groupscan_manager_destroy(manager);
}

/* A manager with some memberships of multicast groups, by clients that are their protocols. */
static groupscan_manager *manager_of_some(groupscan_protocol_handle clients[PROTOCOLS])
{
    groupscan_manager *manager = new_manager();
    Model all;
    size_t n;
    unsigned of;
    put_some(&all);
    some.count = 0;
    /* Protocols 10, 10 + 2^16 and 10 + 2^17 are all IGMP. */
    for (of = 0; of < PROTOCOLS; of++)
        clients[of] = registered(manager, 10 + (of << 16), 0);
    for (n = 0; n < all.count; n++) {
        of = all.members[n].protocol - 10;
        change_managed_both(manager, &some, JOINING, clients[of], &all.members[n], 1);
    }
    CHECK_EQ(some.count, all.count);
    return manager;
}

static void handles_enumerate_as_snapshots_do(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    Narrow narrows[NARROWS];
    unsigned view, n;
    put_narrows(0, narrows);
    for (n = 0; n < NARROWS; n++) {
        for (view = 0; view < VIEWS; view++) {
            Walk walk = walk_of(view);
            groupscan_filter4 filter = filter4_of(&narrows[n]);
            groupscan_enumeration_handle handle;
            walk.narrow = narrows[n];
            expect(&some, 0, &walk, &expected);
            OK(groupscan_manager_start4(manager, clients[n % PROTOCOLS], view, &filter, &handle));
            check_managed_rest(manager, handle, 0, 1 + n);
            OK(groupscan_manager_end(manager, handle));
        }
    }
    check_managed(manager, &some);
    groupscan_manager_destroy(manager);
}

static void starts_are_checked(void)
{
    static const uint32_t bad_views[] = {VIEWS, 256, 0xffffffffu};
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    groupscan_enumeration_handle handle = managed_start(manager, clients[0], 0);
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    size_t n, bytes, from;
    for (n = 0; n < COUNT(bad_views); n++)
        REFUSED(groupscan_manager_start4(manager, clients[0], bad_views[n], NULL, &results.handle),
                INVALID_VIEW);
    filter.group.length = 33;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            INVALID_PREFIX);
    filter.group.length = 0;
    filter.source.address[3] = 1;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            INVALID_PREFIX);
    filter.source.length = 32;
    filter.has_interface = 2;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            UNKNOWN_OPTION);
    filter.has_interface = 1;
    filter.reserved = 1;
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, &filter, &results.handle),
            UNKNOWN_OPTION);
    /* A buffer that is too small leaves the enumeration in place. */
    expect(&some, 0, &walk, &expected);
    for (from = 0; from < 3; from++) {
        size_t count = 0;
        for (bytes = 0; bytes < 16; bytes++)
            REFUSED(groupscan_manager_next(manager, handle, results.buffer, bytes, &results.number,
                                           &results.is_so),
                    BUFFER_TOO_SMALL);
        OK(groupscan_manager_next(manager, handle, results.buffer, 31, &count, NULL));
        CHECK_EQ(count, 1);
        CHECK(memcmp(results.buffer, record(&expected, from), 16) == 0);
    }
    check_managed_rest(manager, handle, 3, 4);
    OK(groupscan_manager_end(manager, handle));
    groupscan_manager_destroy(manager);
}

static void an_enumeration_is_of_one_point_in_time(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_enumeration_handle handle = managed_start(manager, clients[1], 0);
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    size_t count = 0;
    expect(&some, 0, &walk, &expected);
    OK(groupscan_manager_next(manager, handle, results.buffer, 32, &count, NULL));
    CHECK_EQ(count, 2);
    OK(groupscan_manager_deregister(manager, clients[0]));
    OK(groupscan_manager_deregister(manager, clients[2]));
    check_managed_rest(manager, handle, 2, 6);
    /* A client takes its enumerations along. */
    OK(groupscan_manager_deregister(manager, clients[1]));
    REFUSED(groupscan_manager_end(manager, handle), INVALID_HANDLE);
    groupscan_manager_destroy(manager);
}

static void check_no_protocol(groupscan_manager *manager, groupscan_protocol_handle handle)
{
    Member one = member(1, 3, NOBODYS, JOIN);
    REFUSED(groupscan_manager_deregister(manager, handle), INVALID_HANDLE);
    REFUSED(take(manager, handle, NOBODYS), INVALID_HANDLE);
    REFUSED(release(manager, handle, LAN), INVALID_HANDLE);
    REFUSED(groupscan_manager_protocol_number(manager, handle, &results.id), INVALID_HANDLE);
    CHANGE_REFUSED(change_managed(manager, JOINING, handle, &one, 1, &outcome), INVALID_HANDLE,
                   NOWHERE);
    CHANGE_REFUSED(change_managed(manager, LEAVING, handle, &one, 1, &outcome), INVALID_HANDLE,
                   NOWHERE);
    CHANGE_REFUSED(update_managed(manager, handle, &one, 0, 1, &outcome), INVALID_HANDLE, NOWHERE);
    CHANGE_REFUSED(leave_all_managed(manager, handle, LAN, &outcome), INVALID_HANDLE, NOWHERE);
    CHANGE_REFUSED(replace_managed(manager, handle, LAN, &one, 1, &outcome), INVALID_HANDLE,
                   NOWHERE);
    REFUSED(groupscan_manager_start4(manager, handle, 0, NULL, &results.handle), INVALID_HANDLE);
}

static void check_no_enumeration(groupscan_manager *manager,
                                 groupscan_enumeration_handle handle)
{
    REFUSED(groupscan_manager_next(manager, handle, results.buffer, 64, &results.number,
                                   &results.is_so),
            INVALID_HANDLE);
    REFUSED(groupscan_manager_next(manager, handle, NULL, 0, &results.number, NULL),
            INVALID_HANDLE);
    REFUSED(groupscan_manager_end(manager, handle), INVALID_HANDLE);
}

/* Leaves out those that are live, which a forged one may happen to equal. */
static void check_forged(groupscan_manager *manager, uint64_t forged,
                         groupscan_protocol_handle protocol, groupscan_enumeration_handle running)
{
    if (forged != protocol)
        check_no_protocol(manager, forged);
    if (forged != running)
        check_no_enumeration(manager, forged);
}

static void handles_that_stand_for_nothing(void)
{
    groupscan_manager *manager = new_manager(), *other = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0), gone = registered(manager, PIM, 1);
    groupscan_protocol_handle elsewhere = registered(other, PIM, 0);
    groupscan_enumeration_handle running = managed_start(manager, pim, 0);
    groupscan_enumeration_handle ended = managed_start(manager, pim, 0);
    groupscan_enumeration_handle running_elsewhere = managed_start(other, elsewhere, 0);
    uint64_t forged[6];
    size_t n;
    int bit;
    OK(take(manager, pim, LAN));
    OK(groupscan_manager_deregister(manager, gone));
    OK(groupscan_manager_end(manager, ended));
    check_forged(manager, 0, pim, running);
    check_forged(manager, ~(uint64_t)0, pim, running);
    forged[0] = pim;
    forged[1] = running;
    forged[2] = gone;
    forged[3] = ended;
    forged[4] = elsewhere;
    forged[5] = running_elsewhere;
    for (n = 0; n < COUNT(forged); n++) {
        check_forged(manager, forged[n], pim, running);
        check_forged(other, forged[n], elsewhere, running_elsewhere);
        check_forged(manager, ~forged[n], pim, running);
        for (bit = 0; bit < 64; bit++)
            check_forged(manager, forged[n] ^ (uint64_t)1 << bit, pim, running);
    }
    check_owner(manager, LAN, PIM, 0);
    check_no_owner(manager, NOBODYS);
    expected.count = 0;
    check_managed_rest(manager, running, 0, 1);
    check_managed_rest(other, running_elsewhere, 0, 1);
    groupscan_manager_destroy(manager);
    groupscan_manager_destroy(other);
}

static void managers_have_limits(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle clients[3];
    groupscan_enumeration_handle running[4];
    Member one = member(1, 0, LAN, JOIN);
    unsigned n;
    options.protocols = 3;
    options.owned_interfaces = 2;
    options.enumerations = 4;
    options.live_versions = 3;
    OK(groupscan_manager_create(&options, &manager));
    for (n = 0; n < 3; n++)
        clients[n] = registered(manager, IGMP, n);
    REFUSED(groupscan_manager_register(manager, IGMP, 3, &results.protocol), TOO_MANY);
    /* There is room again for as many as go. */
    OK(groupscan_manager_deregister(manager, clients[1]));
    clients[1] = registered(manager, IGMP, 3);
    REFUSED(groupscan_manager_register(manager, IGMP, 4, &results.protocol), TOO_MANY);
    OK(take(manager, clients[0], 0));
    OK(take(manager, clients[1], 1));
    REFUSED(take(manager, clients[2], 2), TOO_MANY);
    check_no_owner(manager, 2);
    /* What it owns already it still has. */
    OK(take(manager, clients[0], 0));
    OK(release(manager, clients[1], 1));
    OK(take(manager, clients[2], 2));
    for (n = 0; n < 4; n++)
        running[n] = managed_start(manager, clients[0], 0);
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, NULL, &results.handle), TOO_MANY);
    OK(groupscan_manager_end(manager, running[1]));
    running[1] = managed_start(manager, clients[0], 0);
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, NULL, &results.handle), TOO_MANY);
    for (n = 1; n < 4; n++)
        OK(groupscan_manager_end(manager, running[n]));
    /* Versions: two that are held, and a current one that is not and cannot be. */
    OK(change_managed(manager, JOINING, clients[0], &one, 1, NULL));
    running[1] = managed_start(manager, clients[0], 0);
    OK(change_managed(manager, LEAVING, clients[0], &one, 1, NULL));
    REFUSED(groupscan_manager_start4(manager, clients[0], 0, NULL, &results.handle), TOO_MANY);
    REFUSED(groupscan_manager_snapshot(manager, &results.snapshot), TOO_MANY);
    OK(groupscan_manager_end(manager, running[0]));
    managed_start(manager, clients[0], 0);
    groupscan_manager_destroy(manager);
}

/* By default 256 clients, 1024 enumerations and 65,536 interfaces that are owned. */
static void managers_have_default_limits(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle pim;
    unsigned n;
    OK(groupscan_manager_create(&options, &manager));
    pim = registered(manager, PIM, 0);
    for (n = 1; n < 256; n++)
        registered(manager, PIM, n);
    REFUSED(groupscan_manager_register(manager, PIM, 256, &results.protocol), TOO_MANY);
    for (n = 0; n < 1024; n++)
        managed_start(manager, pim, 0);
    REFUSED(groupscan_manager_start4(manager, pim, 0, NULL, &results.handle), TOO_MANY);
    for (n = 0; n < 65536; n++)
        OK(take(manager, pim, 2 * n));
    REFUSED(take(manager, pim, 2 * n), TOO_MANY);
    groupscan_manager_destroy(manager);
}

/* More than the live versions of a manager that has default options. */
#define VERSIONS 2500

/* Each enumeration may be of a version of its own, however many of them there may be. */
static void managers_keep_a_version_for_each_enumeration(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    Member one = member(1, 0, LAN, JOIN);
    unsigned n;
    options.enumerations = VERSIONS;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    for (n = 0; n < VERSIONS; n++) {
        OK(change_managed(manager, n % 2 == 0 ? JOINING : LEAVING, igmp, &one, 1, NULL));
        managed_start(manager, igmp, 0);
    }
    REFUSED(groupscan_manager_start4(manager, igmp, 0, NULL, &results.handle), TOO_MANY);
    groupscan_manager_destroy(manager);
}

/* Limits may be any numbers; enumerations are 65,536 at most. */
static void limits_may_be_any_numbers(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    Member one = member(1, 0, LAN, JOIN);
    unsigned n;
    options.node_bytes = options.live_versions = options.protocols = (size_t)-1;
    options.owned_interfaces = options.enumerations = (size_t)-1;
    options.idle_ms = ~(uint64_t)0;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    OK(take(manager, igmp, LAN));
    OK(change_managed(manager, JOINING, igmp, &one, 1, NULL));
    groupscan_snapshot_destroy(taken_of(manager));
    for (n = 0; n < 65536; n++)
        managed_start(manager, igmp, 0);
    REFUSED(groupscan_manager_start4(manager, igmp, 0, NULL, &results.handle), TOO_MANY);
    groupscan_manager_destroy(manager);
    groupscan_table_destroy(bounded_table((size_t)-1, (size_t)-1));
}

static void node_bytes_bound_managers(void)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    groupscan_protocol_handle igmp;
    groupscan_enumeration_handle held;
    groupscan_stats stats;
    Member two[2];
    unsigned count, n, refused = 0;
    bool more = true;
    options.node_bytes = NODE_BYTES;
    OK(groupscan_manager_create(&options, &manager));
    igmp = registered(manager, IGMP, 0);
    two[0] = scattered(0);
    OK(change_managed(manager, JOINING, igmp, two, 1, NULL));
    for (count = 1;; count++) {
        groupscan_status status;
        CHECK(count < FULL_MOST);
        two[1] = scattered(count);
        status = change_managed(manager, JOINING, igmp, two, 2, &outcome);
        if (status == OUT_OF_CAPACITY)
            break;
        OK(status);
    }
    check_refused_at(1);
    held = managed_start(manager, igmp, 0);
    for (n = 0; n < count; n++) {
        two[0] = scattered(n);
        OK(change_managed(manager, LEAVING, igmp, two, 1, NULL));
        OK(groupscan_manager_stats(manager, &stats, sizeof stats));
        if (stats.in_use_bytes > NODE_BYTES) {
            refused++;
            REFUSED(groupscan_manager_start4(manager, igmp, 0, NULL, &results.handle),
                    OUT_OF_CAPACITY);
            REFUSED(groupscan_manager_snapshot(manager, &results.snapshot), OUT_OF_CAPACITY);
        }
    }
    CHECK(refused > 0);
    OK(groupscan_manager_end(manager, held));
    while (more)
        OK(groupscan_manager_reclaim(manager, &more));
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK_EQ(stats.in_use_bytes, 0);
    managed_start(manager, igmp, 0);
    groupscan_manager_destroy(manager);
}

static void sleep_for_some_ticks(void)
{
    struct timespec time;
    time.tv_sec = 0;
    time.tv_nsec = 30 * 1000 * 1000;
    while (nanosleep(&time, &time) != 0)
        continue;
}

static groupscan_manager *idle_manager(uint64_t idle_ms, size_t enumerations)
{
    groupscan_manager_options options = GROUPSCAN_MANAGER_OPTIONS_INIT;
    groupscan_manager *manager = NULL;
    options.idle_ms = idle_ms;
    options.enumerations = enumerations;
    OK(groupscan_manager_create(&options, &manager));
    return manager;
}

static size_t expired(groupscan_manager *manager)
{
    size_t ended = NOWHERE;
    OK(groupscan_manager_expire_idle(manager, &ended));
    return ended;
}

static void unused_enumerations_expire(void)
{
    static const uint64_t for_long[] = {0, 3600000, (uint64_t)1 << 32, ~(uint64_t)0};
    groupscan_manager *manager = idle_manager(1, 0);
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_enumeration_handle running[3];
    size_t n;
    CHECK_EQ(expired(manager), 0);
    for (n = 0; n < 3; n++)
        running[n] = managed_start(manager, pim, 0);
    OK(groupscan_manager_end(manager, running[1]));
    sleep_for_some_ticks();
    CHECK_EQ(expired(manager), 2);
    for (n = 0; n < 3; n++)
        check_no_enumeration(manager, running[n]);
    CHECK_EQ(expired(manager), 0);
    OK(groupscan_manager_end(manager, managed_start(manager, pim, 0)));
    groupscan_manager_destroy(manager);
    /* Not yet, or never. */
    for (n = 0; n < COUNT(for_long); n++) {
        manager = idle_manager(for_long[n], 0);
        pim = registered(manager, PIM, 0);
        running[0] = managed_start(manager, pim, 0);
        sleep_for_some_ticks();
        CHECK_EQ(expired(manager), 0);
        OK(groupscan_manager_end(manager, running[0]));
        groupscan_manager_destroy(manager);
    }
}

/* A start that finds as many as may be ends them, and has room. */
static void starts_make_room_for_themselves(void)
{
    groupscan_manager *manager = idle_manager(1, 3);
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    groupscan_enumeration_handle running[3], started_last;
    size_t n;
    for (n = 0; n < 3; n++)
        running[n] = managed_start(manager, pim, 0);
    sleep_for_some_ticks();
    started_last = managed_start(manager, pim, 0);
    for (n = 0; n < 3; n++)
        check_no_enumeration(manager, running[n]);
    OK(groupscan_manager_end(manager, started_last));
    groupscan_manager_destroy(manager);
}

static size_t list_of(const groupscan_manager *manager, groupscan_manager_enumeration4 *list,
                      size_t capacity)
{
    size_t count = NOWHERE;
    memset(list, CANARY, capacity * sizeof *list);
    OK(groupscan_manager_enumerations4(manager, list, capacity, sizeof *list, &count));
    return count;
}

static void running_enumerations_are_listed(void)
{
    static groupscan_position start;
    static groupscan_prefix4 all;
    static groupscan_interface4 none;
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_manager_enumeration4 list[4];
    groupscan_enumeration_handle running[3];
    groupscan_filter4 filter = GROUPSCAN_FILTER4_INIT;
    Walk walk = walk_of(GROUPSCAN_VIEW_ALL_SOURCES);
    Member first = some.members[0], new_one = member(ABSENT_GROUP, 0, LAN, JOIN);
    groupscan_position behind;
    uint64_t version = managed_version(manager);
    size_t n, count = 0;
    CHECK_EQ(list_of(manager, list, 4), 0);
    running[0] = managed_start(manager, clients[0], GROUPSCAN_VIEW_ALL_SOURCES);
    put_prefix(0, GROUP, FAR_GROUP, 24, filter.group.address);
    filter.group.length = 24;
    put_prefix(0, SOURCE, 256 + 3, 32, filter.source.address);
    filter.source.length = 32;
    filter.has_interface = 1;
    filter.iface = interface4_of(3);
    OK(groupscan_manager_start4(manager, clients[2], GROUPSCAN_VIEW_SOURCE_SPECIFIC, &filter,
                               &running[1]));
    OK(change_managed(manager, JOINING, clients[1], &new_one, 1, NULL));
    running[2] = managed_start(manager, clients[1], GROUPSCAN_VIEW_GROUPS);

    CHECK_EQ(list_of(manager, list, 4), 3);
    CHECK(is_untouched(&list[3], sizeof list[3]));
    for (n = 0; n < 3; n++) {
        static const unsigned client_of[] = {0, 2, 1};
        static const unsigned views[] = {0, 2, 4};
        CHECK_EQ(list[n].handle, running[n]);
        CHECK_EQ(list[n].version, version + (n == 2));
        CHECK_EQ(list[n].protocol_id, 10 + (client_of[n] << 16));
        CHECK_EQ(list[n].component_id, 0);
        CHECK_EQ(list[n].view, views[n]);
        CHECK_EQ(list[n].reserved, 0);
        CHECK(list[n].idle_ms <= list[n].age_ms && list[n].age_ms < 3600000);
        if (n == 1)
            continue;
        CHECK(memcmp(&list[n].position, &start, sizeof start) == 0);
        CHECK(memcmp(&list[n].group, &all, sizeof all) == 0);
        CHECK(memcmp(&list[n].source, &all, sizeof all) == 0);
        CHECK_EQ(list[n].has_interface, 0);
        CHECK(memcmp(&list[n].iface, &none, sizeof none) == 0);
    }
    CHECK(memcmp(&list[1].group, &filter.group, sizeof filter.group) == 0);
    CHECK(memcmp(&list[1].source, &filter.source, sizeof filter.source) == 0);
    CHECK_EQ(list[1].has_interface, 1);
    CHECK(memcmp(&list[1].iface, &filter.iface, sizeof filter.iface) == 0);
    expect(&some, 0, &walk, &expected);
    CHECK_EQ(list[0].remaining, expected.count);
    CHECK(list[2].remaining > 0);
    /* The first two hold one old version, the third holds the current one. */
    CHECK(list[0].retained_bytes > 0);
    CHECK_EQ(list[1].retained_bytes, list[0].retained_bytes);
    CHECK_EQ(list[2].retained_bytes, 0);

    sleep_for_some_ticks();
    OK(groupscan_manager_next(manager, running[0], results.buffer, 16, &count, NULL));
    CHECK_EQ(list_of(manager, list, 3), 3);
    CHECK_EQ(list[0].remaining, expected.count - 1);
    memset(&behind, 0, sizeof behind);
    put_address(0, GROUP, first.group, behind.group);
    put_address(0, SOURCE, first.source, behind.source);
    behind.family = GROUPSCAN_IPV4;
    CHECK(memcmp(&list[0].position, &behind, sizeof behind) == 0);
    /* It was used when the time had gone by, and the others were not since. */
    CHECK(list[0].age_ms >= list[0].idle_ms + 15);
    CHECK(list[1].idle_ms >= 15 && list[1].idle_ms == list[1].age_ms);
    for (n = 0; n < 3; n++) {
        OK(groupscan_manager_end(manager, running[n]));
        CHECK_EQ(list_of(manager, list, 3), 2 - n);
        CHECK_EQ(list[0].handle, n < 2 ? running[n + 1] : 0xa5a5a5a5a5a5a5a5u);
    }
    groupscan_manager_destroy(manager);
}

static void managers_tell_how_their_memory_is_spent(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_enumeration_handle held = managed_start(manager, clients[0], 0);
    groupscan_retained retained[3];
    groupscan_stats stats;
    size_t count = 0;
    bool more = true;
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    check_counts(&stats.ipv4, &some);
    CHECK_EQ(stats.ipv6.joins + stats.ipv6.memberships + stats.ipv6.interfaces, 0);
    CHECK_EQ(stats.live_versions, 1);
    OK(groupscan_manager_deregister(manager, clients[1]));
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK(stats.ipv4.memberships < some.count);
    CHECK_EQ(stats.live_versions, 2);
    CHECK(stats.retained_bytes > 0);
    OK(groupscan_manager_retained(manager, retained, 3, sizeof retained[0], &count));
    CHECK_EQ(count, 2);
    CHECK_EQ(retained[0].holders, 1);
    CHECK_EQ(retained[1].holders, 0);
    CHECK_EQ(retained[1].version, retained[0].version + 1);
    CHECK(retained[0].retained_bytes > 0);
    OK(groupscan_manager_end(manager, held));
    while (more)
        OK(groupscan_manager_reclaim(manager, &more));
    OK(groupscan_manager_stats(manager, &stats, sizeof stats));
    CHECK_EQ(stats.live_versions, 1);
    CHECK_EQ(stats.retained_bytes, 0);
    groupscan_manager_destroy(manager);
}

static void managers_have_nothing_in_common(void)
{
    groupscan_manager *managers[3];
    groupscan_protocol_handle igmp[3];
    Member one = member(SOME_GROUP, 0, LAN, JOIN);
    size_t n;
    managers[0] = new_manager();
    managers[1] = new_manager();
    OK(groupscan_manager_of_process(NULL, &managers[2]));
    for (n = 0; n < 3; n++) {
        igmp[n] = registered(managers[n], IGMP, 0);
        OK(take(managers[n], igmp[n], LAN));
    }
    OK(change_managed(managers[0], JOINING, igmp[0], &one, 1, NULL));
    for (n = 0; n < 3; n++) {
        groupscan_snapshot *snapshot = taken_of(managers[n]);
        CHECK_EQ(is_joined(snapshot, 0, SOME_GROUP, 0), n == 0);
        groupscan_snapshot_destroy(snapshot);
    }
    groupscan_manager_destroy(managers[0]);
    check_owner(managers[1], LAN, IGMP, 0);
    check_owner(managers[2], LAN, IGMP, 0);
    groupscan_manager_destroy(managers[1]);
    OK(release(managers[2], igmp[2], LAN));
    OK(groupscan_manager_deregister(managers[2], igmp[2]));
}

static void a_manager_goes_with_all_that_runs(void)
{
    groupscan_protocol_handle clients[PROTOCOLS];
    groupscan_manager *manager = manager_of_some(clients);
    groupscan_snapshot *snapshot = taken_of(manager);
    size_t count = 0;
    unsigned n;
    OK(take(manager, clients[0], LAN));
    for (n = 0; n < 100; n++) {
        groupscan_enumeration_handle handle = managed_start(manager, clients[n % PROTOCOLS], n % 5);
        OK(groupscan_manager_next(manager, handle, results.buffer, 16 * (n % 7 + 1), &count, NULL));
        CHECK(count > 0);
    }
    groupscan_manager_destroy(manager);
    check_snapshot(snapshot, 0, &some);
    groupscan_snapshot_destroy(snapshot);
}

static void threads_share_a_handle(void)
{
    static Member members[MANY];
    static Worker alike;
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    int turn, turns = quick ? 4 : 50;
    unsigned n;
    put_many(members);
    for (n = 0; n < MANY; n += 30)
        OK(change_managed(manager, JOINING, igmp, members + n, 30, NULL));
    alike.manager = manager;
    alike.record_bytes = sizeof(groupscan_source_group_entry4);
    for (turn = 0; turn < turns; turn++) {
        pthread_barrier_t barrier;
        alike.handle = managed_start(manager, igmp, turn % 2 == 0 ? 0 : GROUPSCAN_VIEW_WILDCARD);
        start_workers(read_to_the_end, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        check_seen_once();
        OK(groupscan_manager_end(manager, alike.handle));
    }
    groupscan_manager_destroy(manager);
}

static void *read_until_ended(void *argument)
{
    Worker *worker = (Worker *)argument;
    uint8_t batch[THREADS * 3 * sizeof(groupscan_source_group_entry4)];
    size_t bytes = worker->a_call * worker->record_bytes;
    pthread_barrier_wait(worker->barrier);
    do {
        size_t count = NOWHERE;
        worker->status = groupscan_manager_next(worker->manager, worker->handle, batch, bytes,
                                                &count, NULL);
        if (worker->status == GROUPSCAN_OK)
            note_batch(worker, batch, count);
        if (count == 0)
            sched_yield();
    } while (worker->status == GROUPSCAN_OK);
    return NULL;
}

static void *read_or_end(void *argument)
{
    Worker *worker = (Worker *)argument;
    if (worker->a_call > 1)
        return read_until_ended(argument);
    pthread_barrier_wait(worker->barrier);
    worker->status = groupscan_manager_end(worker->manager, worker->handle);
    return NULL;
}

/* A call that has found the enumeration completes, and all others are told that it is gone. */
static void an_end_while_threads_read(void)
{
    static Worker alike;
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle igmp = registered(manager, IGMP, 0);
    Member members[30];
    int turn, turns = quick ? 10 : 300, n;
    for (n = 0; n < 30; n++)
        members[n] = member(1 + (unsigned)n * 90, 0, 0, JOIN);
    OK(change_managed(manager, JOINING, igmp, members, 30, NULL));
    alike.manager = manager;
    alike.record_bytes = sizeof(groupscan_source_group_entry4);
    for (turn = 0; turn < turns; turn++) {
        pthread_barrier_t barrier;
        unsigned group;
        alike.handle = managed_start(manager, igmp, 0);
        start_workers(read_or_end, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        CHECK_EQ(workers[0].status, GROUPSCAN_OK);
        for (n = 1; n < THREADS; n++)
            CHECK_EQ(workers[n].status, INVALID_HANDLE);
        for (group = 1; group <= MANY; group++)
            CHECK(workers[1].seen[group] + workers[2].seen[group] + workers[3].seen[group] <= 1);
    }
    groupscan_manager_destroy(manager);
}

static void *end_once(void *argument)
{
    Worker *worker = (Worker *)argument;
    pthread_barrier_wait(worker->barrier);
    worker->status = groupscan_manager_end(worker->manager, worker->handle);
    return NULL;
}

static void of_threads_that_end_one_is_told_so(void)
{
    static Worker alike;
    groupscan_manager *manager = new_manager();
    groupscan_protocol_handle pim = registered(manager, PIM, 0);
    int turn, turns = quick ? 10 : 500, n;
    alike.manager = manager;
    for (turn = 0; turn < turns; turn++) {
        pthread_barrier_t barrier;
        int told = 0;
        alike.handle = managed_start(manager, pim, 0);
        start_workers(end_once, THREADS, &alike, &barrier);
        join_workers(THREADS, &barrier);
        for (n = 0; n < THREADS; n++) {
            CHECK(workers[n].status == GROUPSCAN_OK || workers[n].status == INVALID_HANDLE);
            told += workers[n].status == GROUPSCAN_OK;
        }
        CHECK_EQ(told, 1);
    }
    groupscan_manager_destroy(manager);
}

/* It is the last one: all that a caller can bring about have been met by now. */
static void every_status_was_met(void)
{
    int status;
    for (status = 1; status < STATUSES; status++) {
        int never = status == GROUPSCAN_ERROR_OUT_OF_MEMORY || status == GROUPSCAN_ERROR_INTERNAL;
        CHECK_EQ(met[status], !never);
    }
}

typedef void (*Case)(void);
typedef void (*FamilyCase)(int six);

static const Case first_cases[] = {
    the_process_has_one_manager,
    the_versions_agree,
    every_status_has_a_message,
    null_pointers_of_table_calls,
    null_pointers_of_snapshot_calls,
    null_pointers_of_manager_calls,
    options_may_be_longer_and_not_shorter,
    structs_that_are_given_may_be_longer_and_not_shorter,
    elements_of_lists_may_be_longer_and_not_shorter,
    structs_need_not_be_aligned,
    families_have_nothing_in_common_but_versions,
    counts_beyond_memory,
    live_versions_bound_snapshots,
    reclaiming_says_whether_there_is_more,
    records_are_in_network_byte_order,
};

static const FamilyCase family_cases[] = {
    null_pointers_of_enumeration_calls,
    a_bulk_change_is_one_commit,
    a_refused_element_changes_nothing,
    flags_come_and_go_one_by_one,
    memberships_without_joins_are_not_enumerated_as_joins,
    leave_all_is_of_one_protocol_on_one_interface,
    a_replacement_is_exactly_its_list,
    a_replacement_joins_and_no_more,
    an_update_leaves_and_then_joins,
    a_list_has_to_ascend,
    node_bytes_bound_joins_and_snapshots,
    memory_is_told,
    a_snapshot_never_changes,
    each_object_outlives_those_that_it_came_from,
    a_snapshot_answers_by_the_model,
    an_empty_snapshot_has_answers_too,
    a_clone_is_another_holder_of_the_version,
    keys_are_good_as_long_as_the_snapshot,
    prefixes_of_every_length,
    prefixes_and_views_are_checked,
    fields_of_filters_are_checked,
    every_size_and_alignment_of_buffer,
    a_buffer_that_is_too_small_leaves_everything_in_place,
    an_exact_rest_comes_with_the_word_that_there_is_no_more,
    positions_name_what_was_given,
    positions_count_what_was_passed_over,
    an_enumeration_resumes_where_another_stopped,
    an_enumeration_resumes_in_another_version,
    positions_among_memberships_count_protocols,
    positions_are_checked,
    parts_are_the_whole,
    there_are_parts_and_not_too_many,
    a_table_is_as_its_model,
    threads_share_an_enumeration,
    readers_never_see_half_a_change,
    a_host_moves_without_a_gap,
};

static const Case last_cases[] = {
    clients_register_and_deregister_once,
    an_interface_has_one_owner,
    memberships_are_for_owners_and_igmp,
    a_refused_membership_changes_nothing,
    multicast_groups_have_bounds,
    an_interface_may_lose_its_last_membership_on_the_way,
    clients_leave_and_join_in_one_commit,
    clients_leave_and_replace_all_of_an_interface,
    handles_enumerate_as_snapshots_do,
    starts_are_checked,
    an_enumeration_is_of_one_point_in_time,
    handles_that_stand_for_nothing,
    managers_have_limits,
    managers_have_default_limits,
    managers_keep_a_version_for_each_enumeration,
    limits_may_be_any_numbers,
    node_bytes_bound_managers,
    unused_enumerations_expire,
    starts_make_room_for_themselves,
    running_enumerations_are_listed,
    managers_tell_how_their_memory_is_spent,
    managers_have_nothing_in_common,
    a_manager_goes_with_all_that_runs,
    threads_share_a_handle,
    an_end_while_threads_read,
    of_threads_that_end_one_is_told_so,
    every_status_was_met,
};

int main(void)
{
    size_t n;
    quick = getenv("MGM_QUICK") != NULL;
    for (n = 0; n < COUNT(first_cases); n++)
        first_cases[n]();
    for (n = 0; n < COUNT(family_cases); n++) {
        family_cases[n](0);
        family_cases[n](1);
    }
    for (n = 0; n < COUNT(last_cases); n++)
        last_cases[n]();
    printf("%lu cases passed\n",
           (unsigned long)(COUNT(first_cases) + 2 * COUNT(family_cases) + COUNT(last_cases)));
    return 0;
}
