/*
 * groupscan.h - a table of multicast group memberships. A reader enumerates one version of it, in as many
 * calls as it likes, while protocols keep changing the table.
 *
 *     groupscan_table *table = NULL;
 *     groupscan_snapshot *snapshot = NULL;
 *     groupscan_enumeration *enumeration = NULL;
 *     groupscan_source_group_entry4 entries[256];
 *     size_t count;
 *     bool more = true;
 *
 *     if (groupscan_table_create(NULL, &table) != GROUPSCAN_OK ||
 *         groupscan_table_join4(table, protocol, memberships, 1000, NULL) != GROUPSCAN_OK ||
 *         groupscan_table_snapshot(table, &snapshot) != GROUPSCAN_OK ||
 *         groupscan_snapshot_enumerate4(snapshot, GROUPSCAN_VIEW_ALL_SOURCES, NULL, &enumeration) !=
 *             GROUPSCAN_OK)
 *         more = false;
 *     while (more && groupscan_enumeration_next(enumeration, entries, sizeof entries, &count, &more) ==
 *                        GROUPSCAN_OK)
 *         show(entries, count);
 *     groupscan_enumeration_destroy(enumeration);
 *     groupscan_snapshot_destroy(snapshot);
 *     groupscan_table_destroy(table);
 *
 * Compile and link with what `pkg-config --cflags --libs groupscan` prints. The calls of the Multicast Group
 * Manager are in mgm.h; a program may use both. docs/ffi.md explains the conventions at length.
 *
 * Results. Calls return a groupscan_status, and write results to where their last parameters point. A call
 * that fails changes nothing and writes nothing, unless it says otherwise. Each call may return
 *   GROUPSCAN_ERROR_NULL_POINTER    a pointer is null that is not documented as optional,
 *   GROUPSCAN_ERROR_OUT_OF_MEMORY   the system refused memory; a retry may help,
 *   GROUPSCAN_ERROR_INTERNAL        an internal error; nothing was changed,
 * and the errors listed at the call. Only the place of a step (groupscan_place4) is both input and output.
 *
 * Memory. Some requests cannot be refused; if the system does so, the process ends. A thread's first call
 * takes some 2.6 KiB, and the first call of a process as much again: let each thread make a call, such as
 * groupscan_table_snapshot, while there is memory. Every 64th change, or handle that ends, of a thread takes
 * 2,072 bytes. A table keeps memory for one commit of leaves, which joins cannot take.
 *
 * Ownership. The caller owns the result of a ..._create, ..._snapshot, ..._clone, ..._enumerate... or
 * ..._split call and destroys it once. A snapshot does not need its table, nor an enumeration its snapshot:
 * they may be destroyed in any order. A call uses memory passed to it only until it returns, and no other
 * thread may change that memory meanwhile. The only pointers into the library's memory are those of
 * groupscan_snapshot_keys4 and keys6, which are valid as long as the snapshot.
 *
 * Threads. Any number of threads may use an object at the same time, whichever thread created it. Two calls
 * need exclusive use of an object: its ..._destroy, and groupscan_enumeration_resume_after. Taking and
 * reading snapshots and enumerations never waits for writers, and writers never wait for readers. Calls that
 * change a table or a manager, or list its holders or owners, wait for each other. They take turns, first
 * come, first served, and groupscan_table_set_timeout bounds the wait. Threads need no set-up.
 * One case to avoid: a thread whose first call is in a destructor of a pthread_key leaks some 3 KiB and makes
 * later changes a little slower, because the C library runs no destructors of thread-local storage after
 * those. No call may be made from a signal handler.
 *
 * Fork. A child may only exec, unless the process had one thread when it forked. In that case parent and
 * child each have a copy of all objects.
 *
 * Addresses are byte arrays in network byte order, as in struct in_addr and in6_addr. The source 0 means any
 * source; the group 0 together with the source 0 means all groups. Other numbers are in host byte order.
 * Pointers to structs need not be aligned.
 *
 * Compatibility. A struct to which later versions may add fields has its size as the first field, or is
 * passed together with its size: use sizeof. A program that was compiled against another version of this
 * header works with any library of the same soname. Option fields that the library does not know must be 0,
 * and those that the program does not know are taken as 0. All other structs, numbers and functions never
 * change.
 */
#ifndef GROUPSCAN_H
#define GROUPSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. */
#define GROUPSCAN_VERSION_MAJOR 0
#define GROUPSCAN_VERSION_MINOR 2
#define GROUPSCAN_VERSION_PATCH 0
#define GROUPSCAN_VERSION_STRING "0.2.0"

/* A version as a number. Numbers compare as versions do. */
#define GROUPSCAN_MAKE_VERSION(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#define GROUPSCAN_VERSION_NUMBER                                                                        \
    GROUPSCAN_MAKE_VERSION(GROUPSCAN_VERSION_MAJOR, GROUPSCAN_VERSION_MINOR, GROUPSCAN_VERSION_PATCH)

/* The version of the running library, such as "0.2.0". A static string. */
const char *groupscan_version(void);

/* The same as a number, to compare with GROUPSCAN_VERSION_NUMBER or GROUPSCAN_MAKE_VERSION(...). */
uint32_t groupscan_version_number(void);

/* ---- Statuses ---- */

/* What a call returns. A number never changes its meaning. */
typedef enum groupscan_status {
    GROUPSCAN_OK = 0,
    /* A required pointer is null. */
    GROUPSCAN_ERROR_NULL_POINTER = 1,
    /* A size is less than that of the struct's first version, not a multiple of 8, or more than 4096; or a
     * number of elements is 0 where it must not be, or too large for any memory. */
    GROUPSCAN_ERROR_INVALID_SIZE = 2,
    /* An option is unknown to this version of the library, or a reserved field is not 0. */
    GROUPSCAN_ERROR_UNKNOWN_OPTION = 3,
    /* The view is not in groupscan_view. */
    GROUPSCAN_ERROR_INVALID_VIEW = 4,
    /* The flags of a membership are 0 or have unknown bits. */
    GROUPSCAN_ERROR_INVALID_FLAGS = 5,
    /* A prefix is longer than an address, or its address has bits set beyond its length. */
    GROUPSCAN_ERROR_INVALID_PREFIX = 6,
    /* A position is of another address family than the enumeration, or of an unknown one. */
    GROUPSCAN_ERROR_INVALID_FAMILY = 7,
    /* A client of a manager joins an address that is not a multicast group, or all groups from one source. */
    GROUPSCAN_ERROR_INVALID_MEMBERSHIP = 8,
    /* A handle was ended, is of another kind or another manager, or was never issued. */
    GROUPSCAN_ERROR_INVALID_HANDLE = 9,
    /* A list of joins is not in strictly ascending order. */
    GROUPSCAN_ERROR_NOT_ASCENDING = 10,
    /* The buffer is too small for one record, or the list for all elements. */
    GROUPSCAN_ERROR_BUFFER_TOO_SMALL = 11,
    /* The system refused memory. A retry may help. */
    GROUPSCAN_ERROR_OUT_OF_MEMORY = 12,
    /* The table's limit on bytes of nodes or of memory is reached. Removing memberships and destroying
     * snapshots helps. */
    GROUPSCAN_ERROR_OUT_OF_CAPACITY = 13,
    /* A limit is reached; the call says which. A retry may help later. */
    GROUPSCAN_ERROR_TOO_MANY = 14,
    /* It already exists. */
    GROUPSCAN_ERROR_ALREADY_EXISTS = 15,
    /* It does not exist, or none follows. */
    GROUPSCAN_ERROR_NOT_FOUND = 16,
    /* The client neither owns the interface nor is IGMP. */
    GROUPSCAN_ERROR_NOT_OWNER = 17,
    /* Another client owns the interface. */
    GROUPSCAN_ERROR_ALREADY_OWNED = 18,
    /* The client must release its interfaces first. */
    GROUPSCAN_ERROR_OWNS_INTERFACES = 19,
    /* Internal error. */
    GROUPSCAN_ERROR_INTERNAL = 20,
    /* The order is not in groupscan_membership_order. */
    GROUPSCAN_ERROR_INVALID_ORDER = 21,
    /* The turn of the call did not come in time. A retry may help. */
    GROUPSCAN_ERROR_TIMEOUT = 22
} groupscan_status;

/* The message of a status, in English, for any number. A static string. */
const char *groupscan_strerror(int status);

/* ---- Joins and memberships ---- */

/* Flags of a membership, one or both. A membership is a join if it has the first. */
#define GROUPSCAN_JOIN 1
#define GROUPSCAN_FORWARD 2

/* Added to the flags of a replacement in steps: memberships that exist keep their other flags. */
#define GROUPSCAN_KEEP_FLAGS 256

/* An interface: its index, and on point-to-multipoint interfaces (NBMA, dial-in) the next hop, otherwise
 * 0. Interfaces order by index, then by next hop, as in RFC 5519. */
typedef struct groupscan_interface4 {
    uint32_t index;
    uint8_t next_hop[4];
} groupscan_interface4;

typedef struct groupscan_interface6 {
    uint32_t index;
    uint8_t next_hop[16];
} groupscan_interface6;

/* A join: any-source, (*,G), if the source is 0, otherwise source-specific, (S,G). */
typedef struct groupscan_join4 {
    uint8_t group[4];
    uint8_t source[4];
} groupscan_join4;

typedef struct groupscan_join6 {
    uint8_t group[16];
    uint8_t source[16];
} groupscan_join6;

/* A membership to add or to remove: a join on an interface. The call names the protocol. */
typedef struct groupscan_membership4 {
    uint8_t group[4];
    uint8_t source[4];
    groupscan_interface4 iface;
    uint32_t flags;
} groupscan_membership4;

typedef struct groupscan_membership6 {
    uint8_t group[16];
    uint8_t source[16];
    groupscan_interface6 iface;
    uint32_t flags;
} groupscan_membership6;

/* The record of a join in enumerations. A mask is 0 if its address is 0, otherwise all ones. The IPv4 record
 * has the layout of SOURCE_GROUP_ENTRY in mgm.h. */
typedef struct groupscan_source_group_entry4 {
    uint8_t source[4];
    uint8_t source_mask[4];
    uint8_t group[4];
    uint8_t group_mask[4];
} groupscan_source_group_entry4;

typedef struct groupscan_source_group_entry6 {
    uint8_t source[16];
    uint8_t source_mask[16];
    uint8_t group[16];
    uint8_t group_mask[16];
} groupscan_source_group_entry6;

/* The record of a membership in enumerations. */
typedef struct groupscan_membership_entry4 {
    groupscan_source_group_entry4 entry;
    uint8_t next_hop[4];
    uint32_t interface_index;
    uint32_t protocol;
    uint32_t flags;
} groupscan_membership_entry4;

typedef struct groupscan_membership_entry6 {
    groupscan_source_group_entry6 entry;
    uint8_t next_hop[16];
    uint32_t interface_index;
    uint32_t protocol;
    uint32_t flags;
    uint32_t reserved;
} groupscan_membership_entry6;

/* ---- Tables ---- */

/* A table of IPv4 and IPv6 memberships. */
typedef struct groupscan_table groupscan_table;

/* One version of a table, which never changes. */
typedef struct groupscan_snapshot groupscan_snapshot;

/* A walk over a snapshot through the caller's buffers. */
typedef struct groupscan_enumeration groupscan_enumeration;

/* Options of a table; 0 means the default. */
typedef struct groupscan_table_options {
    /* sizeof(groupscan_table_options) */
    size_t size;
    /* The limit on bytes of nodes in use. At the limit joins and new snapshots are refused, and leaves are
     * not. Unlimited by default. */
    size_t node_bytes;
    /* The limit on live versions, including the current one; by default 1024, at least 2. */
    size_t live_versions;
    /* The limit on bytes of memory that the system provides for nodes: those in use, those that are free for
     * later changes, and the remainders of chunks, which have up to 2 MiB. At the limit joins are refused. So
     * are leaves that copy more nodes than are free, because snapshots hold the old ones. One leave always
     * works while no snapshot holds an older version. Unlimited by default. */
    size_t mapped_bytes;
} groupscan_table_options;

#define GROUPSCAN_TABLE_OPTIONS_INIT                                                                    \
    { sizeof(groupscan_table_options), 0, 0, 0 }

/*
 * The outcome of a change. Written whether the call fails or not.
 *
 * A change is made completely or not at all, except where a call says otherwise: if one element is refused,
 * all are. If the element itself is at fault (INVALID_FLAGS, INVALID_MEMBERSHIP, NOT_OWNER, NOT_FOUND,
 * NOT_ASCENDING), the caller can remove it and retry with the rest. For OUT_OF_CAPACITY, TOO_MANY and
 * OUT_OF_MEMORY the index only says where the limit was reached.
 */
typedef struct groupscan_outcome {
    /* The version that has the changes; the previous one if no element changed anything; 0 after a
     * failure. */
    uint64_t version;
    /* The number of memberships that were added, removed, or had their flags changed. A membership that is
     * named twice may count twice. */
    size_t changed;
    /* The index of the element that was refused, or GROUPSCAN_NOWHERE. */
    size_t refused_at;
} groupscan_outcome;

#define GROUPSCAN_NOWHERE ((size_t)-1)

/*
 * Creates an empty table. Options may be null.
 *
 * An empty table takes a few kilobytes, and one with a join 128 KiB, so a router can have one for each VRF.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status.
 */
groupscan_status groupscan_table_create(const groupscan_table_options *options,
                                        groupscan_table **table);

/* Waits without limit, in place of a number of milliseconds. */
#define GROUPSCAN_WAIT_FOREVER ((uint32_t)-1)

/*
 * Sets how many milliseconds each later call on a table waits for other writers: 0 does not wait, and
 * GROUPSCAN_WAIT_FOREVER, the default, waits without limit. All changes and their steps, retained, reclaim
 * and trim then also return GROUPSCAN_ERROR_TIMEOUT, if their turn did not come in time; nothing was changed,
 * and the caller may retry. A call that waits already keeps the old timeout. Never waits.
 *
 * The timeout bounds the wait, not the work: a change of many memberships takes as long as before.
 */
groupscan_status groupscan_table_set_timeout(groupscan_table *table, uint32_t milliseconds);

/* Destroys a table. Its snapshots and enumerations stay valid, and retain its memory. Null does nothing. */
void groupscan_table_destroy(groupscan_table *table);

/*
 * Adds memberships of a protocol, or the flags that they lack, in one commit: readers see all of them or
 * none. Adding an existing membership changes nothing. The caller chooses the numbers of protocols. The
 * outcome may be null; memberships may be null if the count is 0.
 *
 * Waits for other writers. A membership costs O(log n): in a batch, about a microsecond at a million joins.
 * Batches are cheaper than single memberships, and sorted batches cheapest.
 *
 * GROUPSCAN_ERROR_INVALID_FLAGS     of the membership at refused_at; nothing was changed.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY   options.node_bytes or mapped_bytes is reached; nothing was changed.
 * GROUPSCAN_ERROR_TOO_MANY          the family has 4,294,967,295 memberships; nothing was changed.
 * GROUPSCAN_ERROR_INVALID_SIZE      the count is too large for any memory.
 */
groupscan_status groupscan_table_join4(groupscan_table *table, uint32_t protocol,
                                       const groupscan_membership4 *memberships, size_t count,
                                       groupscan_outcome *outcome);
groupscan_status groupscan_table_join6(groupscan_table *table, uint32_t protocol,
                                       const groupscan_membership6 *memberships, size_t count,
                                       groupscan_outcome *outcome);

/*
 * Removes flags of memberships of a protocol, and memberships without remaining flags, in one commit.
 * Removing a membership that does not exist changes nothing. A leave may exceed options.node_bytes, so that a
 * full table can shrink. Otherwise as joins.
 *
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY   options.mapped_bytes is reached, and the leaves copy more nodes than are
 *                                   free; nothing was changed. Fewer leaves in a call, and fewer snapshots of
 *                                   older versions, need fewer nodes.
 * GROUPSCAN_ERROR_INVALID_FLAGS, GROUPSCAN_ERROR_INVALID_SIZE   as for joins.
 */
groupscan_status groupscan_table_leave4(groupscan_table *table, uint32_t protocol,
                                        const groupscan_membership4 *memberships, size_t count,
                                        groupscan_outcome *outcome);
groupscan_status groupscan_table_leave6(groupscan_table *table, uint32_t protocol,
                                        const groupscan_membership6 *memberships, size_t count,
                                        groupscan_outcome *outcome);

/*
 * Removes memberships and then adds others in one commit, as when a host changes from (*,G) to (S,G): readers
 * see both or neither. The indices of joins follow those of leaves: refused_at is leave_count for the first
 * join. Each array may be null if its count is 0.
 *
 * GROUPSCAN_ERROR_INVALID_FLAGS, GROUPSCAN_ERROR_OUT_OF_CAPACITY, GROUPSCAN_ERROR_TOO_MANY,
 * GROUPSCAN_ERROR_INVALID_SIZE   as for joins.
 */
groupscan_status groupscan_table_update4(groupscan_table *table, uint32_t protocol,
                                         const groupscan_membership4 *leaves, size_t leave_count,
                                         const groupscan_membership4 *joins, size_t join_count,
                                         groupscan_outcome *outcome);
groupscan_status groupscan_table_update6(groupscan_table *table, uint32_t protocol,
                                         const groupscan_membership6 *leaves, size_t leave_count,
                                         const groupscan_membership6 *joins, size_t join_count,
                                         groupscan_outcome *outcome);

/*
 * Removes all memberships of a protocol on an interface, as when the interface goes down. The cost is that of
 * these memberships, not of the table: some 0.2 microseconds for each. The outcome may be null.
 *
 * The call makes one version if there is memory for it. Otherwise it makes several, which free what they
 * replace, so that it works wherever removing the memberships one by one would. Between these versions other
 * writers get their turn, and the call waits for them without limit, whatever the timeout. The outcome has
 * the last version, and the number of changes of all of them. groupscan_table_leave_all4_step makes steps of
 * a size that the caller chooses.
 *
 * GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_OUT_OF_CAPACITY   there is no memory to remove even one more
 *                             membership, because snapshots hold older versions. Some memberships may be
 *                             gone. A retry when these snapshots are destroyed removes the others.
 */
groupscan_status groupscan_table_leave_all4(groupscan_table *table, uint32_t protocol,
                                            const groupscan_interface4 *iface,
                                            groupscan_outcome *outcome);
groupscan_status groupscan_table_leave_all6(groupscan_table *table, uint32_t protocol,
                                            const groupscan_interface6 *iface,
                                            groupscan_outcome *outcome);

/*
 * Removes all memberships of a protocol on all interfaces, as when the protocol ends: those of one family.
 * Otherwise as groupscan_table_leave_all4. The call also passes over the memberships of other protocols, at
 * some nanoseconds each.
 *
 * GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for leave_all.
 */
groupscan_status groupscan_table_leave_everywhere4(groupscan_table *table, uint32_t protocol,
                                                   groupscan_outcome *outcome);
groupscan_status groupscan_table_leave_everywhere6(groupscan_table *table, uint32_t protocol,
                                                   groupscan_outcome *outcome);

/*
 * Replaces the memberships of a protocol on an interface by those of a list, in one commit, as when the
 * protocol resynchronises. They get the flag GROUPSCAN_JOIN and no other. The list is in strictly ascending
 * order of (group, source), compared as bytes. The outcome may be null; joins may be null if the count is 0.
 *
 * The cost is that of the old and the new memberships. The call copies the list.
 *
 * GROUPSCAN_ERROR_NOT_ASCENDING     the join at refused_at is not greater than the previous one.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY, GROUPSCAN_ERROR_TOO_MANY, GROUPSCAN_ERROR_INVALID_SIZE   as for joins.
 */
groupscan_status groupscan_table_replace4(groupscan_table *table, uint32_t protocol,
                                          const groupscan_interface4 *iface,
                                          const groupscan_join4 *joins, size_t count,
                                          groupscan_outcome *outcome);
groupscan_status groupscan_table_replace6(groupscan_table *table, uint32_t protocol,
                                          const groupscan_interface6 *iface,
                                          const groupscan_join6 *joins, size_t count,
                                          groupscan_outcome *outcome);

/* ---- Long changes in steps ---- */

/*
 * A call ..._step makes one step of a long change and commits it. Between steps other writers get their turn,
 * and readers see the version of each step. The call without _step makes other writers wait for all of it:
 * joins, leaves, updates and replace are always one version; leave_all, leave_everywhere, and the release and
 * deregister of managers are one version, or several if there is too little memory for one.
 *
 *     groupscan_place4 place = GROUPSCAN_PLACE4_INIT;
 *     bool more = true;
 *
 *     while (more && groupscan_table_leave_all4_step(table, protocol, &iface, 10000, &place, &more, NULL) ==
 *                        GROUPSCAN_OK)
 *         continue;
 *
 * A step looks at `most` memberships that exist or should exist, at some 0.2 to 1 microseconds for each. It
 * begins at the place, and moves the place to where the next step begins; the other arguments stay the same.
 * *more tells whether more steps remain. After the last one the place is the start again. The steps do not
 * see what other writers change before the place; what they change behind it is found. The caller may stop
 * after any step.
 *
 * After an error the step has changed nothing, and the place and *more are as before. The caller may retry,
 * also with a lower `most`, which needs less memory. The outcome is that of the step, and may be null.
 *
 * Each step may return
 *   GROUPSCAN_ERROR_INVALID_SIZE      `most` is 0,
 *   GROUPSCAN_ERROR_UNKNOWN_OPTION    has_begun of the place is neither 0 nor 1,
 *   GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for joins if the step adds memberships, otherwise as for leaves.
 */

/* Where the next step begins. All zeros are the start. The caller sets a place to zeros, and then only passes
 * it on to steps of the same change. */
typedef struct groupscan_place4 {
    groupscan_interface4 iface;
    groupscan_join4 join;
    /* 0 at the start, where the other fields do not matter, and then 1. */
    uint32_t has_begun;
} groupscan_place4;

typedef struct groupscan_place6 {
    groupscan_interface6 iface;
    groupscan_join6 join;
    uint32_t has_begun;
} groupscan_place6;

#define GROUPSCAN_PLACE4_INIT                                                                           \
    { { 0, { 0 } }, { { 0 }, { 0 } }, 0 }
#define GROUPSCAN_PLACE6_INIT                                                                           \
    { { 0, { 0 } }, { { 0 }, { 0 } }, 0 }

/*
 * Makes a step of groupscan_table_replace4. The flags are those that the memberships get: GROUPSCAN_JOIN,
 * GROUPSCAN_FORWARD or both. With GROUPSCAN_KEEP_FLAGS added, memberships that exist keep their other flags;
 * without it, they lose them.
 *
 * Each step gets the whole list, of which it copies and checks the joins that it looks at.
 *
 * GROUPSCAN_ERROR_INVALID_FLAGS    the flags of memberships are 0 or have unknown bits.
 * GROUPSCAN_ERROR_NOT_ASCENDING, GROUPSCAN_ERROR_TOO_MANY, GROUPSCAN_ERROR_INVALID_SIZE   as for replace.
 */
groupscan_status groupscan_table_replace4_step(groupscan_table *table, uint32_t protocol,
                                               const groupscan_interface4 *iface,
                                               const groupscan_join4 *joins, size_t count,
                                               uint32_t flags, size_t most, groupscan_place4 *place,
                                               bool *more, groupscan_outcome *outcome);
groupscan_status groupscan_table_replace6_step(groupscan_table *table, uint32_t protocol,
                                               const groupscan_interface6 *iface,
                                               const groupscan_join6 *joins, size_t count,
                                               uint32_t flags, size_t most, groupscan_place6 *place,
                                               bool *more, groupscan_outcome *outcome);

/* Makes a step of groupscan_table_leave_all4, always of one version. */
groupscan_status groupscan_table_leave_all4_step(groupscan_table *table, uint32_t protocol,
                                                 const groupscan_interface4 *iface, size_t most,
                                                 groupscan_place4 *place, bool *more,
                                                 groupscan_outcome *outcome);
groupscan_status groupscan_table_leave_all6_step(groupscan_table *table, uint32_t protocol,
                                                 const groupscan_interface6 *iface, size_t most,
                                                 groupscan_place6 *place, bool *more,
                                                 groupscan_outcome *outcome);

/* Makes a step of groupscan_table_leave_everywhere4, always of one version. An interface without memberships
 * of the protocol counts as one membership. */
groupscan_status groupscan_table_leave_everywhere4_step(groupscan_table *table, uint32_t protocol,
                                                        size_t most, groupscan_place4 *place,
                                                        bool *more, groupscan_outcome *outcome);
groupscan_status groupscan_table_leave_everywhere6_step(groupscan_table *table, uint32_t protocol,
                                                        size_t most, groupscan_place6 *place,
                                                        bool *more, groupscan_outcome *outcome);

/*
 * Takes a snapshot of the current version. It has the changes of all calls that have returned.
 *
 * Lock-free; some ten nanoseconds and an allocation.
 *
 * GROUPSCAN_ERROR_TOO_MANY          options.live_versions is reached.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY   leaves have exceeded options.node_bytes.
 */
groupscan_status groupscan_table_snapshot(const groupscan_table *table, groupscan_snapshot **snapshot);

/* The contents of a version in one family. */
typedef struct groupscan_family_stats {
    /* Joins: distinct (source, group) pairs. */
    size_t joins;
    /* Memberships, including those without GROUPSCAN_JOIN. */
    size_t memberships;
    /* Interfaces that have memberships. */
    size_t interfaces;
} groupscan_family_stats;

/* How a table's memory is used. */
typedef struct groupscan_stats {
    groupscan_family_stats ipv4;
    groupscan_family_stats ipv6;
    /* Live versions: the current one, and older ones that are held. */
    size_t live_versions;
    /* The nodes of all versions, which options.node_bytes limits. */
    size_t in_use_bytes;
    /* The nodes that only older versions reach, or that wait to be reclaimed. */
    size_t retained_bytes;
    /* The retained nodes that a writer must still examine because versions died. */
    size_t pending_bytes;
    /* Unused memory for nodes. */
    size_t free_bytes;
    /* The memory that the system provided for nodes, which options.mapped_bytes limits. */
    size_t mapped_bytes;
} groupscan_stats;

/*
 * Returns how a table's memory is used. Wait-free. During changes, the numbers of one call may be of
 * neighbouring versions. stats_bytes is sizeof *stats.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE   see groupscan_status.
 */
groupscan_status groupscan_table_stats(const groupscan_table *table, groupscan_stats *stats,
                                       size_t stats_bytes);

/* What a live version retains. */
typedef struct groupscan_retained {
    uint64_t version;
    /* The snapshots and enumerations that hold it. */
    size_t holders;
    /* The nodes that only it reaches: without it they would be free. */
    size_t retained_bytes;
} groupscan_retained;

/*
 * Lists the live versions and what each retains, from the oldest to the current one. element_bytes is
 * sizeof *retained; the list may be null if the capacity is 0. Waits for other writers, and makes them wait
 * for some microseconds for every 64 versions. It visits what old versions retain, and holds these versions
 * meanwhile, as a snapshot does.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   the list is full, and *count is the number of all elements.
 * GROUPSCAN_ERROR_INVALID_SIZE       see groupscan_status.
 */
groupscan_status groupscan_table_retained(const groupscan_table *table, groupscan_retained *retained,
                                          size_t capacity, size_t element_bytes, size_t *count);

/*
 * Frees some of what dead versions left behind, and returns whether more remains. Changes reclaim as well; in
 * an idle table, call this until nothing remains. Takes a few hundred microseconds at most, and waits for
 * other writers.
 */
groupscan_status groupscan_table_reclaim(groupscan_table *table, bool *more);

/*
 * Gives some memory that is free back to the system, chunks of up to 2 MiB without nodes, and returns whether
 * more remains. A reserve for the next leave stays. Call it until nothing remains, and
 * groupscan_table_reclaim before it. Changes do this as well while more than three quarters of the memory are
 * free. Takes a few hundred microseconds at most, and waits for other writers.
 */
groupscan_status groupscan_table_trim(groupscan_table *table, bool *more);

/* ---- Snapshots ---- */

/* Destroys a snapshot. What only its version reaches becomes free for later changes when the last snapshot
 * and enumeration of that version is destroyed. Null does nothing. */
void groupscan_snapshot_destroy(groupscan_snapshot *snapshot);

/*
 * Returns another snapshot of the same version, which is destroyed independently. Lock-free; some nanoseconds
 * and an allocation.
 */
groupscan_status groupscan_snapshot_clone(const groupscan_snapshot *snapshot, groupscan_snapshot **clone);

/* The version of a snapshot, and its contents. */
typedef struct groupscan_snapshot_info {
    uint64_t version;
    groupscan_family_stats ipv4;
    groupscan_family_stats ipv6;
} groupscan_snapshot_info;

/*
 * Returns the version of a snapshot and its contents. O(1). info_bytes is sizeof *info.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE   see groupscan_status.
 */
groupscan_status groupscan_snapshot_get_info(const groupscan_snapshot *snapshot,
                                             groupscan_snapshot_info *info, size_t info_bytes);

/* Returns whether there is a join; the source 0 means the any-source join. O(log n). */
groupscan_status groupscan_snapshot_contains4(const groupscan_snapshot *snapshot,
                                              const groupscan_join4 *join, bool *contains);
groupscan_status groupscan_snapshot_contains6(const groupscan_snapshot *snapshot,
                                              const groupscan_join6 *join, bool *contains);

/* Returns the number of joins that are less than a join, whether or not it exists. O(log n). */
groupscan_status groupscan_snapshot_rank4(const groupscan_snapshot *snapshot,
                                          const groupscan_join4 *join, size_t *rank);
groupscan_status groupscan_snapshot_rank6(const groupscan_snapshot *snapshot,
                                          const groupscan_join6 *join, size_t *rank);

/*
 * Lists the interfaces on which a join is joined, each once, ascending by index and next hop. The interfaces
 * of a source-specific join do not include those of its group's any-source join. The list may be null if the
 * capacity is 0. The cost is a search and the memberships of the join.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   the list is full, and *count is the number of all elements.
 * GROUPSCAN_ERROR_INVALID_SIZE       the capacity is too large for any memory.
 */
groupscan_status groupscan_snapshot_outgoing4(const groupscan_snapshot *snapshot,
                                              const groupscan_join4 *join,
                                              groupscan_interface4 *interfaces, size_t capacity,
                                              size_t *count);
groupscan_status groupscan_snapshot_outgoing6(const groupscan_snapshot *snapshot,
                                              const groupscan_join6 *join,
                                              groupscan_interface6 *interfaces, size_t capacity,
                                              size_t *count);

/*
 * Lists the interfaces that have memberships, including those without GROUPSCAN_JOIN, each once, ascending by
 * index and next hop. The list may be null if the capacity is 0. Each interface costs O(log n).
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL, GROUPSCAN_ERROR_INVALID_SIZE   as for outgoing.
 */
groupscan_status groupscan_snapshot_interfaces4(const groupscan_snapshot *snapshot,
                                                groupscan_interface4 *interfaces, size_t capacity,
                                                size_t *count);
groupscan_status groupscan_snapshot_interfaces6(const groupscan_snapshot *snapshot,
                                                groupscan_interface6 *interfaces, size_t capacity,
                                                size_t *count);

/*
 * Lists the memberships of a group, of all sources, interfaces and protocols, including those without
 * GROUPSCAN_JOIN, ascending by source, interface and protocol. The group is an address of 4 (or 16) bytes.
 * The list may be null if the capacity is 0. The cost is a search and the memberships.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL, GROUPSCAN_ERROR_INVALID_SIZE   as for outgoing.
 */
groupscan_status groupscan_snapshot_memberships4(const groupscan_snapshot *snapshot,
                                                 const uint8_t *group,
                                                 groupscan_membership_entry4 *memberships,
                                                 size_t capacity, size_t *count);
groupscan_status groupscan_snapshot_memberships6(const groupscan_snapshot *snapshot,
                                                 const uint8_t *group,
                                                 groupscan_membership_entry6 *memberships,
                                                 size_t capacity, size_t *count);

/* Orders of all memberships of a family. */
typedef enum groupscan_membership_order {
    /* By group, source, interface and protocol. */
    GROUPSCAN_BY_GROUP = 0,
    /* By interface, group, source and protocol. */
    GROUPSCAN_BY_INTERFACE = 1
} groupscan_membership_order;

/*
 * The next calls are the steps of a walk: each returns one element, as GETNEXT of SNMP does. `after` is the
 * element before it, or null for the first one. It need not exist, and may come from another version.
 *
 *     after = NULL;
 *     while (groupscan_snapshot_next_interface4(snapshot, after, &iface) == GROUPSCAN_OK)
 *         after = &iface;
 *
 * Both may be the same place, as here: a step reads `after` before it writes `next`. Wait-free; allocates
 * nothing.
 *
 * Returns the next of the interfaces that have memberships, including those without GROUPSCAN_JOIN. O(log n).
 *
 * GROUPSCAN_ERROR_NOT_FOUND   no interface follows.
 */
groupscan_status groupscan_snapshot_next_interface4(const groupscan_snapshot *snapshot,
                                                    const groupscan_interface4 *after,
                                                    groupscan_interface4 *next);
groupscan_status groupscan_snapshot_next_interface6(const groupscan_snapshot *snapshot,
                                                    const groupscan_interface6 *after,
                                                    groupscan_interface6 *next);

/*
 * Returns the next of the interfaces on which a join is joined. O(log n), and a look at each membership
 * without GROUPSCAN_JOIN on the way.
 *
 * GROUPSCAN_ERROR_NOT_FOUND   no interface follows.
 */
groupscan_status groupscan_snapshot_next_outgoing4(const groupscan_snapshot *snapshot,
                                                   const groupscan_join4 *join,
                                                   const groupscan_interface4 *after,
                                                   groupscan_interface4 *next);
groupscan_status groupscan_snapshot_next_outgoing6(const groupscan_snapshot *snapshot,
                                                   const groupscan_join6 *join,
                                                   const groupscan_interface6 *after,
                                                   groupscan_interface6 *next);

/*
 * Returns the next of all memberships, including those without GROUPSCAN_JOIN, in an order: one of
 * groupscan_membership_order. The masks and the flags of `after` do not count. O(log n).
 *
 * GROUPSCAN_ERROR_NOT_FOUND       no membership follows.
 * GROUPSCAN_ERROR_INVALID_ORDER   see groupscan_status.
 */
groupscan_status groupscan_snapshot_next_membership4(const groupscan_snapshot *snapshot, uint32_t order,
                                                     const groupscan_membership_entry4 *after,
                                                     groupscan_membership_entry4 *next);
groupscan_status groupscan_snapshot_next_membership6(const groupscan_snapshot *snapshot, uint32_t order,
                                                     const groupscan_membership_entry6 *after,
                                                     groupscan_membership_entry6 *next);

/* The key of an IPv6 join: the two words of the group and those of the source, most significant first. */
typedef struct groupscan_key6 {
    uint64_t words[4];
} groupscan_key6;

/*
 * Returns keys of joins as they lie in the library's memory, without a copy: some that are adjacent, from a
 * rank on. There is at least one, unless the rank is past the last join. To walk over all keys:
 *
 *     for (rank = 0; groupscan_snapshot_keys4(snapshot, rank, &keys, &count) == GROUPSCAN_OK && count > 0;
 *          rank += count)
 *
 * The key of an IPv4 join is a number with the group in the high half and the source in the low half, both in
 * host byte order (htonl converts them to addresses). Keys ascend. They are read-only, and valid as long as
 * the snapshot. A call costs a search.
 */
groupscan_status groupscan_snapshot_keys4(const groupscan_snapshot *snapshot, size_t rank,
                                          const uint64_t **keys, size_t *count);
groupscan_status groupscan_snapshot_keys6(const groupscan_snapshot *snapshot, size_t rank,
                                          const groupscan_key6 **keys, size_t *count);

/* ---- Enumerations ---- */

/* What an enumeration shows of the joins that its filter admits. */
typedef enum groupscan_view {
    /* All joins, (*,G) and (S,G): ALL_SOURCES of mgm.h. */
    GROUPSCAN_VIEW_ALL_SOURCES = 0,
    /* One record for each group that has source-specific joins: the one with the lowest source. This is
     * ANY_SOURCE of mgm.h. */
    GROUPSCAN_VIEW_ONE_PER_GROUP = 1,
    /* The source-specific joins, (S,G). */
    GROUPSCAN_VIEW_SOURCE_SPECIFIC = 2,
    /* The any-source joins, (*,G). */
    GROUPSCAN_VIEW_ANY_SOURCE = 3,
    /* Each group once, with source and source mask 0; (*,*) is the group 0. */
    GROUPSCAN_VIEW_GROUPS = 4
} groupscan_view;

/* A prefix of `length` bits. Bits of the address beyond them are 0. The length 0 means all addresses. */
typedef struct groupscan_prefix4 {
    uint8_t address[4];
    uint32_t length;
} groupscan_prefix4;

typedef struct groupscan_prefix6 {
    uint8_t address[16];
    uint32_t length;
} groupscan_prefix6;

/* A filter of an enumeration. It admits everything if all fields except the size are 0. */
typedef struct groupscan_filter4 {
    /* sizeof(groupscan_filter4) */
    size_t size;
    /* The groups. Costs nothing but searches. */
    groupscan_prefix4 group;
    /* The sources. A length other than 0 excludes any-source joins. Costs a look at each join of the
     * groups. */
    groupscan_prefix4 source;
    /* 1 for a single interface, otherwise 0, and the interface. Costs nothing but searches. */
    uint32_t has_interface;
    groupscan_interface4 iface;
    /* Must be 0. */
    uint32_t reserved;
} groupscan_filter4;

typedef struct groupscan_filter6 {
    /* sizeof(groupscan_filter6) */
    size_t size;
    groupscan_prefix6 group;
    groupscan_prefix6 source;
    uint32_t has_interface;
    groupscan_interface6 iface;
} groupscan_filter6;

#define GROUPSCAN_FILTER4_INIT                                                                          \
    { sizeof(groupscan_filter4), { { 0, 0, 0, 0 }, 0 }, { { 0, 0, 0, 0 }, 0 }, 0,                       \
      { 0, { 0, 0, 0, 0 } }, 0 }
#define GROUPSCAN_FILTER6_INIT                                                                          \
    { sizeof(groupscan_filter6), { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0 },             \
      { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0 }, 0,                                     \
      { 0, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } } }

/*
 * Starts an enumeration of a snapshot's joins, with records groupscan_source_group_entry4 (or 6). The view is
 * one of groupscan_view; the filter may be null.
 *
 * Costs two searches and an allocation. A view or filter that skips joins also looks for its first record.
 *
 * GROUPSCAN_ERROR_INVALID_VIEW, GROUPSCAN_ERROR_INVALID_PREFIX,
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status; the last two concern
 *                                                                the filter.
 */
groupscan_status groupscan_snapshot_enumerate4(const groupscan_snapshot *snapshot, uint32_t view,
                                               const groupscan_filter4 *filter,
                                               groupscan_enumeration **enumeration);
groupscan_status groupscan_snapshot_enumerate6(const groupscan_snapshot *snapshot, uint32_t view,
                                               const groupscan_filter6 *filter,
                                               groupscan_enumeration **enumeration);

/*
 * Starts an enumeration of the memberships of an interface, of all protocols, including those without
 * GROUPSCAN_JOIN, with records groupscan_membership_entry4 (or 6). The filter may be null; its interface is
 * ignored. Otherwise as enumerations of joins.
 */
groupscan_status groupscan_snapshot_enumerate_memberships4(const groupscan_snapshot *snapshot,
                                                           const groupscan_interface4 *iface,
                                                           const groupscan_filter4 *filter,
                                                           groupscan_enumeration **enumeration);
groupscan_status groupscan_snapshot_enumerate_memberships6(const groupscan_snapshot *snapshot,
                                                           const groupscan_interface6 *iface,
                                                           const groupscan_filter6 *filter,
                                                           groupscan_enumeration **enumeration);

/*
 * Starts an enumeration of all memberships, of all interfaces and protocols, including those without
 * GROUPSCAN_JOIN, in an order: one of groupscan_membership_order. The records are
 * groupscan_membership_entry4 (or 6). The filter may be null; with an interface, this is the enumeration of
 * the memberships of that interface. In the order by interface, a group prefix costs a look at each
 * membership. Otherwise as enumerations of joins.
 *
 * GROUPSCAN_ERROR_INVALID_ORDER   see groupscan_status.
 */
groupscan_status groupscan_snapshot_enumerate_all_memberships4(const groupscan_snapshot *snapshot,
                                                               uint32_t order,
                                                               const groupscan_filter4 *filter,
                                                               groupscan_enumeration **enumeration);
groupscan_status groupscan_snapshot_enumerate_all_memberships6(const groupscan_snapshot *snapshot,
                                                               uint32_t order,
                                                               const groupscan_filter6 *filter,
                                                               groupscan_enumeration **enumeration);

/* Ends an enumeration. Null does nothing. */
void groupscan_enumeration_destroy(groupscan_enumeration *enumeration);

/*
 * Puts the next records into a buffer: as many whole records as fit, in ascending order: of (group, source),
 * for memberships of an interface of (group, source, protocol), and for all memberships in the order of the
 * enumeration. *count is their number; *more, which may be null, says whether records remain. If the
 * remaining records fit exactly, the same call reports that none remain. After the end every call returns 0
 * records.
 *
 * buffer_bytes may be any number up to the size of the buffer. With n the records that fit into it, nothing
 * is written beyond n times the size of a record; up to there, bytes after the last record are unspecified.
 * At the end the buffer may be null.
 *
 * Threads that share an enumeration get disjoint batches, which together are all records. If a thread gets no
 * more records, others may still be using theirs.
 *
 * Lock-free; allocates nothing. Costs a search, the records, and the joins that the view or a source prefix
 * skips.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   records remain, and the buffer is too small for one. The enumeration
 *                                    does not move.
 */
groupscan_status groupscan_enumeration_next(groupscan_enumeration *enumeration, void *buffer,
                                            size_t buffer_bytes, size_t *count, bool *more);

/*
 * Returns the number of records that remain. *exact, which may be null, says whether the number is exact or
 * an upper bound. It is a bound if the view, a source prefix or, for joins, an interface skips records, and
 * in enumerations of all memberships. 0 is always exact. Wait-free.
 */
groupscan_status groupscan_enumeration_remaining(const groupscan_enumeration *enumeration,
                                                 size_t *remaining, bool *exact);

/* The families of positions. */
#define GROUPSCAN_IPV4 4
#define GROUPSCAN_IPV6 6

/* A place behind a record, whether or not there is such a record. Valid in all versions of a table. */
typedef struct groupscan_position {
    /* The group and the source. IPv4 addresses are in the first 4 bytes, here and in next_hop. */
    uint8_t group[16];
    uint8_t source[16];
    /* GROUPSCAN_IPV4 or GROUPSCAN_IPV6; 0 means before all records. */
    uint32_t family;
    /* Not 0 if the place is behind the membership of `protocol`; 0 if it is behind all of (group, source), on
     * the interface if there is one. */
    uint32_t has_protocol;
    uint32_t protocol;
    /* Not 0 if the place is behind a membership on this interface. If it is 0, an enumeration of all
     * memberships by group begins behind those of (group, source), and one by interface begins with the first
     * membership. Enumerations of one interface ignore it. */
    uint32_t has_interface;
    uint32_t interface_index;
    uint8_t next_hop[16];
} groupscan_position;

/*
 * Returns the position of an enumeration: behind the records that it has returned, and behind what it has
 * skipped since, up to the next record. A part of a split is behind the parts before it. O(log n).
 */
groupscan_status groupscan_enumeration_position(const groupscan_enumeration *enumeration,
                                                groupscan_position *position);

/*
 * Moves an enumeration to the first record behind a position. The position may come from this enumeration,
 * from one of another version, or from the caller. If a group is shown once, all of the position's group
 * counts as passed. A part of a split stays within that part. No other thread may use the enumeration during
 * the call. O(log n); a view or filter that skips joins also looks for its next record.
 *
 * GROUPSCAN_ERROR_INVALID_FAMILY   the position is of the other family or an unknown one. With the family 0
 *                                  the enumeration restarts.
 */
groupscan_status groupscan_enumeration_resume_after(groupscan_enumeration *enumeration,
                                                    const groupscan_position *position);

/*
 * Splits what remains of an enumeration into `count` enumerations of about equal size, for as many threads.
 * One after the other they return what this one would. The caller destroys each. This one does not change.
 * O(log n) for each; a view or filter that skips joins also looks for the first record of each.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE   the count is 0 or more than 4,294,967,295.
 */
groupscan_status groupscan_enumeration_split(const groupscan_enumeration *enumeration,
                                             groupscan_enumeration **parts, size_t count);

/* ---- Managers ---- */

/* A manager: a table of IPv4 memberships for several independent protocols, with the contract of mgm.h. Its
 * clients own interfaces, and enumerate by handles. */
typedef struct groupscan_manager groupscan_manager;

/* Handles are numbers, not pointers, and are checked at each use. 0 and all ones are never valid. If two
 * threads end the same one, one of them gets GROUPSCAN_ERROR_INVALID_HANDLE. */
typedef uint64_t groupscan_protocol_handle;
typedef uint64_t groupscan_enumeration_handle;

/* Options of a manager; 0 means the default. */
typedef struct groupscan_manager_options {
    /* sizeof(groupscan_manager_options) */
    size_t size;
    /* As in groupscan_table_options. */
    size_t node_bytes;
    /* As in groupscan_table_options; by default twice `enumerations`. */
    size_t live_versions;
    /* The limit on clients; by default 256, at most 65,536. */
    size_t protocols;
    /* The limit on owned interfaces; by default 65,536. */
    size_t owned_interfaces;
    /* The limit on running enumerations; by default 1024, at most 65,536. Each takes 24 bytes from the
     * start. */
    size_t enumerations;
    /* The milliseconds after which an unused enumeration is idle; by default never. Idle enumerations are
     * ended by groupscan_manager_expire_idle, and by a start at the limit. */
    uint64_t idle_ms;
    /* As in groupscan_table_options. */
    size_t mapped_bytes;
} groupscan_manager_options;

#define GROUPSCAN_MANAGER_OPTIONS_INIT                                                                  \
    { sizeof(groupscan_manager_options), 0, 0, 0, 0, 0, 0, 0 }

/*
 * Creates a manager. Options may be null.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status.
 */
groupscan_status groupscan_manager_create(const groupscan_manager_options *options,
                                          groupscan_manager **manager);

/*
 * Returns the manager that the calls of mgm.h act on. The first call of mgm.h or of this function creates it,
 * and it exists until the process ends. Options must be null if it already exists. A HANDLE of mgm.h, as a
 * number, is a handle of the calls here.
 *
 * GROUPSCAN_ERROR_ALREADY_EXISTS   options are not null, and the manager already exists.
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status.
 */
groupscan_status groupscan_manager_of_process(const groupscan_manager_options *options,
                                              groupscan_manager **manager);

/* Destroys a manager. Its handles become invalid; its snapshots stay valid. Does nothing for null and for the
 * manager of the process. */
void groupscan_manager_destroy(groupscan_manager *manager);

/*
 * Sets how many milliseconds each later call on a manager waits for other calls, as
 * groupscan_table_set_timeout does for a table. All calls on a manager that wait then also return
 * GROUPSCAN_ERROR_TIMEOUT, and those of mgm.h on the manager of the process ERROR_CAN_NOT_COMPLETE.
 */
groupscan_status groupscan_manager_set_timeout(groupscan_manager *manager, uint32_t milliseconds);

/*
 * The calls from here to groupscan_manager_deregister_step wait for each other and for changes of the table,
 * except groupscan_manager_protocol_number.
 *
 * Registers a client: a protocol and one of its instances (components). IGMP is the client with 10 in the low
 * 16 bits of its protocol id. It may change memberships on any interface, other clients on those that they
 * own.
 *
 * GROUPSCAN_ERROR_ALREADY_EXISTS   a client with these ids is registered.
 * GROUPSCAN_ERROR_TOO_MANY         options.protocols is reached.
 */
groupscan_status groupscan_manager_register(groupscan_manager *manager, uint32_t protocol_id,
                                            uint32_t component_id,
                                            groupscan_protocol_handle *protocol);

/*
 * Deregisters a client: removes its remaining memberships, and ends its enumerations. For IGMP this looks at
 * every membership, and makes one version or several, as groupscan_table_leave_everywhere4. After an error
 * the client is still registered.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE    see groupscan_status.
 * GROUPSCAN_ERROR_OWNS_INTERFACES   the client must release them first.
 * GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for groupscan_table_leave_everywhere4:
 *                                                                  some memberships may be gone.
 */
groupscan_status groupscan_manager_deregister(groupscan_manager *manager,
                                              groupscan_protocol_handle protocol);

/*
 * Makes a client the owner of an interface. Taking an interface that it owns changes nothing.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 * GROUPSCAN_ERROR_ALREADY_OWNED    another client owns it.
 * GROUPSCAN_ERROR_TOO_MANY         options.owned_interfaces is reached.
 */
groupscan_status groupscan_manager_take_interface4(groupscan_manager *manager,
                                                  groupscan_protocol_handle protocol,
                                                  const groupscan_interface4 *iface);

/*
 * Releases an interface, and removes the memberships that the client has there, in one version or several, as
 * groupscan_table_leave_all4. After an error the client still owns the interface.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 * GROUPSCAN_ERROR_NOT_OWNER        the client does not own it.
 * GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for groupscan_table_leave_all4: some
 *                                                                  memberships may be gone.
 */
groupscan_status groupscan_manager_release_interface4(groupscan_manager *manager,
                                                     groupscan_protocol_handle protocol,
                                                     const groupscan_interface4 *iface);

/*
 * Returns the owner of an interface.
 *
 * GROUPSCAN_ERROR_NOT_FOUND   it has no owner.
 */
groupscan_status groupscan_manager_owner4(const groupscan_manager *manager,
                                         const groupscan_interface4 *iface,
                                         uint32_t *protocol_id, uint32_t *component_id);

/*
 * Returns the number of a client in records of memberships: its protocol id, unless another client has that
 * number. Does not wait.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 */
groupscan_status groupscan_manager_protocol_number(const groupscan_manager *manager,
                                                   groupscan_protocol_handle protocol,
                                                   uint32_t *number);

/*
 * Adds memberships of a client, or the flags that they lack, in one commit. Groups are in 224.0.0.0/4, or 0
 * with the source 0. Otherwise as groupscan_table_join4. After a failure nothing was changed.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE       see groupscan_status.
 * GROUPSCAN_ERROR_INVALID_MEMBERSHIP, GROUPSCAN_ERROR_INVALID_FLAGS   of the membership at refused_at.
 * GROUPSCAN_ERROR_NOT_OWNER            the client neither owns the interface of the membership at refused_at
 *                                      nor is IGMP.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY, GROUPSCAN_ERROR_TOO_MANY, GROUPSCAN_ERROR_INVALID_SIZE   as there.
 */
groupscan_status groupscan_manager_join4(groupscan_manager *manager,
                                        groupscan_protocol_handle protocol,
                                        const groupscan_membership4 *memberships, size_t count,
                                        groupscan_outcome *outcome);

/*
 * Removes flags of memberships of a client, and memberships without remaining flags, in one commit. Removing
 * a membership that does not exist changes nothing if its interface existed before the call: an interface
 * exists while it has an owner or memberships. After a failure nothing was changed.
 *
 * GROUPSCAN_ERROR_NOT_FOUND   the interface of the membership at refused_at does not exist.
 * GROUPSCAN_ERROR_NOT_OWNER   another client owns the interface, and the caller is not IGMP.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for groupscan_table_leave4.
 * GROUPSCAN_ERROR_INVALID_HANDLE, GROUPSCAN_ERROR_INVALID_MEMBERSHIP, GROUPSCAN_ERROR_INVALID_FLAGS,
 * GROUPSCAN_ERROR_INVALID_SIZE   as for joins.
 */
groupscan_status groupscan_manager_leave4(groupscan_manager *manager,
                                         groupscan_protocol_handle protocol,
                                         const groupscan_membership4 *memberships, size_t count,
                                         groupscan_outcome *outcome);

/*
 * Removes memberships and then adds others in one commit, with indices as in groupscan_table_update4.
 *
 * The errors of leaves and of joins.
 */
groupscan_status groupscan_manager_update4(groupscan_manager *manager,
                                           groupscan_protocol_handle protocol,
                                           const groupscan_membership4 *leaves, size_t leave_count,
                                           const groupscan_membership4 *joins, size_t join_count,
                                           groupscan_outcome *outcome);

/*
 * Removes all memberships of a client on an interface, as when the interface goes down, in one version or
 * several, as groupscan_table_leave_all4. The outcome may be null.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE, GROUPSCAN_ERROR_NOT_FOUND, GROUPSCAN_ERROR_NOT_OWNER   as for leaves.
 * GROUPSCAN_ERROR_OUT_OF_MEMORY, GROUPSCAN_ERROR_OUT_OF_CAPACITY   as there: some memberships may be gone.
 */
groupscan_status groupscan_manager_leave_all4(groupscan_manager *manager,
                                             groupscan_protocol_handle protocol,
                                             const groupscan_interface4 *iface,
                                             groupscan_outcome *outcome);

/*
 * Replaces the memberships of a client on an interface by those of a list, in one commit. As
 * groupscan_table_replace4.
 *
 * GROUPSCAN_ERROR_INVALID_MEMBERSHIP, GROUPSCAN_ERROR_NOT_ASCENDING   of the join at refused_at: the first
 *                              invalid one, or if all are valid, the first out of order.
 * GROUPSCAN_ERROR_NOT_OWNER    the client neither owns the interface nor is IGMP.
 * GROUPSCAN_ERROR_INVALID_HANDLE, GROUPSCAN_ERROR_OUT_OF_CAPACITY, GROUPSCAN_ERROR_TOO_MANY,
 * GROUPSCAN_ERROR_INVALID_SIZE                                        as for joins.
 */
groupscan_status groupscan_manager_replace4(groupscan_manager *manager,
                                           groupscan_protocol_handle protocol,
                                           const groupscan_interface4 *iface,
                                           const groupscan_join4 *joins, size_t count,
                                           groupscan_outcome *outcome);

/*
 * Make a step of the calls of these names without _step, as the steps of changes of tables. The flags are as
 * in groupscan_table_replace4_step. Each step checks that the client may still change the interface. Only the
 * first step of groupscan_manager_leave_all4_step returns GROUPSCAN_ERROR_NOT_FOUND.
 *
 * The last step of groupscan_manager_release_interface4_step gives up the ownership. The last step of
 * groupscan_manager_deregister_step deregisters the client. Until then the client can be used. These last
 * steps also remove what was added before the place meanwhile.
 *
 * The errors of the calls without _step, and those of steps. After an error the step has changed nothing.
 */
groupscan_status groupscan_manager_replace4_step(groupscan_manager *manager,
                                                groupscan_protocol_handle protocol,
                                                const groupscan_interface4 *iface,
                                                const groupscan_join4 *joins, size_t count,
                                                uint32_t flags, size_t most,
                                                groupscan_place4 *place, bool *more,
                                                groupscan_outcome *outcome);
groupscan_status groupscan_manager_leave_all4_step(groupscan_manager *manager,
                                                  groupscan_protocol_handle protocol,
                                                  const groupscan_interface4 *iface, size_t most,
                                                  groupscan_place4 *place, bool *more,
                                                  groupscan_outcome *outcome);
groupscan_status groupscan_manager_release_interface4_step(groupscan_manager *manager,
                                                          groupscan_protocol_handle protocol,
                                                          const groupscan_interface4 *iface,
                                                          size_t most, groupscan_place4 *place,
                                                          bool *more, groupscan_outcome *outcome);
groupscan_status groupscan_manager_deregister_step(groupscan_manager *manager,
                                                   groupscan_protocol_handle protocol, size_t most,
                                                   groupscan_place4 *place, bool *more,
                                                   groupscan_outcome *outcome);

/*
 * Starts an enumeration of the joins of the current version for a client. The filter may be null. Lock-free;
 * allocates. At the limit on enumerations it first ends the idle ones, even if it is then refused.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 * GROUPSCAN_ERROR_TOO_MANY         options.enumerations or options.live_versions is reached.
 * GROUPSCAN_ERROR_INVALID_VIEW, GROUPSCAN_ERROR_INVALID_PREFIX, GROUPSCAN_ERROR_INVALID_SIZE,
 * GROUPSCAN_ERROR_UNKNOWN_OPTION, GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for groupscan_snapshot_enumerate4
 *                                                                   and groupscan_table_snapshot.
 */
groupscan_status groupscan_manager_start4(groupscan_manager *manager,
                                         groupscan_protocol_handle protocol, uint32_t view,
                                         const groupscan_filter4 *filter,
                                         groupscan_enumeration_handle *enumeration);

/*
 * Puts the next records of an enumeration into a buffer, as groupscan_enumeration_next. If another thread
 * ends the enumeration during the call, the call completes.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE     see groupscan_status.
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   as there.
 */
groupscan_status groupscan_manager_next(groupscan_manager *manager,
                                        groupscan_enumeration_handle enumeration, void *buffer,
                                        size_t buffer_bytes, size_t *count, bool *more);

/*
 * Ends an enumeration. Lock-free.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 */
groupscan_status groupscan_manager_end(groupscan_manager *manager,
                                       groupscan_enumeration_handle enumeration);

/*
 * Ends the enumerations that have been idle for options.idle_ms, and returns how many. Call it periodically,
 * so that a client that forgets its enumerations does not retain their versions for ever. Lock-free.
 */
groupscan_status groupscan_manager_expire_idle(groupscan_manager *manager, size_t *ended);

/* A running enumeration: its client, view and filter, its position, and what it retains. */
typedef struct groupscan_manager_enumeration4 {
    groupscan_enumeration_handle handle;
    /* The version that it holds. */
    uint64_t version;
    /* As groupscan_enumeration_remaining. */
    size_t remaining;
    /* What only its version retains, shared by all holders of that version; 0 while it is the current one. */
    size_t retained_bytes;
    /* The time since it was started, and since it was last started or read. */
    uint64_t age_ms;
    uint64_t idle_ms;
    /* The client that started it. */
    uint32_t protocol_id;
    uint32_t component_id;
    groupscan_position position;
    /* Its view and its filter. */
    uint32_t view;
    groupscan_prefix4 group;
    groupscan_prefix4 source;
    uint32_t has_interface;
    groupscan_interface4 iface;
    uint32_t reserved;
} groupscan_manager_enumeration4;

/*
 * Lists the running enumerations, in about the order of their starts. element_bytes is sizeof *enumerations;
 * the list may be null if the capacity is 0. Waits as groupscan_manager_retained does; beyond that O(n log n)
 * in the number of enumerations.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   the list is full, and *count is the number of all elements.
 * GROUPSCAN_ERROR_INVALID_SIZE       see groupscan_status.
 */
groupscan_status groupscan_manager_enumerations4(const groupscan_manager *manager,
                                                groupscan_manager_enumeration4 *enumerations,
                                                size_t capacity, size_t element_bytes,
                                                size_t *count);

/* As the calls on tables of the same names, on the manager's table. A snapshot answers what handles cannot:
 * memberships, positions, parts. */
groupscan_status groupscan_manager_snapshot(const groupscan_manager *manager,
                                            groupscan_snapshot **snapshot);
groupscan_status groupscan_manager_stats(const groupscan_manager *manager, groupscan_stats *stats,
                                         size_t stats_bytes);
groupscan_status groupscan_manager_retained(const groupscan_manager *manager,
                                            groupscan_retained *retained, size_t capacity,
                                            size_t element_bytes, size_t *count);
groupscan_status groupscan_manager_reclaim(groupscan_manager *manager, bool *more);
groupscan_status groupscan_manager_trim(groupscan_manager *manager, bool *more);

#ifdef __cplusplus
}
#endif

#endif
