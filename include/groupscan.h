/*
 * groupscan.h - a table of the multicast groups that hosts have joined, which any reader enumerates at
 * one point in time, in as many calls as it likes, while protocols go on changing it.
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
 * Manager are in mgm.h, and may be used side by side with these. docs/ffi.md has the conventions at length.
 *
 * Results. Calls return a groupscan_status, and what they find out goes where their last parameters point.
 * Unless a call says otherwise, a call that fails changes nothing and writes nothing. Each call may return
 *   GROUPSCAN_ERROR_NULL_POINTER    a pointer is null and is not said to be optional here,
 *   GROUPSCAN_ERROR_OUT_OF_MEMORY   the system gives no memory; trying again may help (where it has not even
 *                                   some bytes for bookkeeping, the process ends),
 *   GROUPSCAN_ERROR_INTERNAL        a fault of the library's own; nothing was changed,
 * besides those that are named at the call. No parameter is both read and written.
 *
 * Ownership. What a ..._create, ..._snapshot, ..._clone, ..._enumerate... or ..._split call gives is the
 * caller's, who destroys it once. A snapshot needs its table no longer, nor an enumeration its snapshot:
 * they may be destroyed in any order. Memory that is passed to a call is used during the call only, and
 * must not be changed by others meanwhile; the one pointer into the library's memory is that of
 * groupscan_snapshot_keys4 and keys6, good as long as the snapshot.
 *
 * Threads. Any object may be used by any number of threads at a time, from wherever it came. Two calls want
 * an object for themselves: its ..._destroy, and groupscan_enumeration_resume_after. Taking and reading
 * snapshots and enumerations never waits for writers, nor do writers for that; calls on a table or a
 * manager that change it, or that list who holds or owns what, wait for each other. Nothing is kept per
 * thread that a caller must know of, but for a thread whose first call is in a destructor of a pthread_key:
 * it leaves some 3 KiB behind and makes later changes a little slower, for the C library runs no
 * destructors of thread-local storage after those. No call may be made from a signal handler.
 *
 * Fork. A child may only exec, unless the process had one thread when it forked. What that had made is then
 * there in both, as copies.
 *
 * Addresses are byte arrays in network byte order, as in a struct in_addr or in6_addr; the address 0 stands
 * for any source, and as a group together with the source 0 for all groups. Other numbers are in the byte
 * order of the machine. A pointer to a struct need not be aligned.
 *
 * Growth. Structs that may get more fields in later versions have their size as their first field, or are
 * passed together with it: say sizeof. A program that was compiled against another version of this header,
 * of a library of the same soname, works: what the library does not know of options must be 0, and what the
 * program does not know is taken as 0. All other structs, numbers and functions stay as they are.
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
#define GROUPSCAN_VERSION_MINOR 1
#define GROUPSCAN_VERSION_PATCH 0
#define GROUPSCAN_VERSION_STRING "0.1.0"

/* A version as a number that compares as versions do. */
#define GROUPSCAN_MAKE_VERSION(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#define GROUPSCAN_VERSION_NUMBER                                                                        \
    GROUPSCAN_MAKE_VERSION(GROUPSCAN_VERSION_MAJOR, GROUPSCAN_VERSION_MINOR, GROUPSCAN_VERSION_PATCH)

/* The version of the library that runs, such as "0.1.0". The string lives for ever. */
const char *groupscan_version(void);

/* The same as a number. A program asks whether it is at least GROUPSCAN_VERSION_NUMBER, or the version that it
 * needs, GROUPSCAN_MAKE_VERSION(...). */
uint32_t groupscan_version_number(void);

/* ---- Statuses ---- */

/* What a call returns. The numbers are fixed, and none is ever used for another meaning. */
typedef enum groupscan_status {
    GROUPSCAN_OK = 0,
    /* A pointer is null that must not be. */
    GROUPSCAN_ERROR_NULL_POINTER = 1,
    /* A size is below that of the struct's first version, no multiple of 8 or beyond 4096; or a number of
     * elements is 0 that must not be, or beyond all memory. */
    GROUPSCAN_ERROR_INVALID_SIZE = 2,
    /* Options say something that this version of the library does not know, or a reserved field is not 0. */
    GROUPSCAN_ERROR_UNKNOWN_OPTION = 3,
    /* The view is none of groupscan_view. */
    GROUPSCAN_ERROR_INVALID_VIEW = 4,
    /* The flags of a membership are 0 or have unknown bits. */
    GROUPSCAN_ERROR_INVALID_FLAGS = 5,
    /* A prefix is longer than an address, or its address has bits set beyond its length. */
    GROUPSCAN_ERROR_INVALID_PREFIX = 6,
    /* A position is of the other address family than the enumeration, or of none. */
    GROUPSCAN_ERROR_INVALID_FAMILY = 7,
    /* A client of a manager joins what is no multicast group, or all groups from one source. */
    GROUPSCAN_ERROR_INVALID_MEMBERSHIP = 8,
    /* A handle was ended, is of the other kind or of another manager, or was never given. */
    GROUPSCAN_ERROR_INVALID_HANDLE = 9,
    /* A list of joins does not ascend strictly. */
    GROUPSCAN_ERROR_NOT_ASCENDING = 10,
    /* The buffer does not take even one record, or the list not all elements. */
    GROUPSCAN_ERROR_BUFFER_TOO_SMALL = 11,
    /* The system gives no memory. Trying again may help. */
    GROUPSCAN_ERROR_OUT_OF_MEMORY = 12,
    /* The table's limit of bytes leaves no room. Leaving, and letting go of snapshots, helps. */
    GROUPSCAN_ERROR_OUT_OF_CAPACITY = 13,
    /* As many as may be are there already: of what, is said at the call. Trying later may help. */
    GROUPSCAN_ERROR_TOO_MANY = 14,
    /* It exists already. */
    GROUPSCAN_ERROR_ALREADY_EXISTS = 15,
    /* There is no such thing. */
    GROUPSCAN_ERROR_NOT_FOUND = 16,
    /* The client does not own the interface, and is not IGMP. */
    GROUPSCAN_ERROR_NOT_OWNER = 17,
    /* Another client owns the interface. */
    GROUPSCAN_ERROR_ALREADY_OWNED = 18,
    /* The client must release its interfaces first. */
    GROUPSCAN_ERROR_OWNS_INTERFACES = 19,
    /* The library has a fault. */
    GROUPSCAN_ERROR_INTERNAL = 20
} groupscan_status;

/* What a status says, in English, for any number. The string lives for ever. */
const char *groupscan_strerror(int status);

/* ---- What tables are about ---- */

/* Flags of a membership: what it stands for, one or both. Only those with the first are joins. */
#define GROUPSCAN_JOIN 1
#define GROUPSCAN_FORWARD 2

/* An interface: its index, and on point-to-multipoint interfaces (NBMA, dial-in) the next hop, else 0. */
typedef struct groupscan_interface4 {
    uint32_t index;
    uint8_t next_hop[4];
} groupscan_interface4;

typedef struct groupscan_interface6 {
    uint32_t index;
    uint8_t next_hop[16];
} groupscan_interface6;

/* A join: (*,G) where the source is 0, else (S,G). */
typedef struct groupscan_join4 {
    uint8_t group[4];
    uint8_t source[4];
} groupscan_join4;

typedef struct groupscan_join6 {
    uint8_t group[16];
    uint8_t source[16];
} groupscan_join6;

/* A membership, as it comes and goes: a join on an interface. Whose it is, the call says. */
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

/* The record of a join, as enumerations give it. A mask is 0 where its address is, else all ones. That of
 * IPv4 has the layout of SOURCE_GROUP_ENTRY in mgm.h. */
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

/* The record of a membership, as enumerations give it. */
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

/* A walk over a snapshot. */
typedef struct groupscan_enumeration groupscan_enumeration;

/* How a table is made: 0 stands for the default. */
typedef struct groupscan_table_options {
    /* sizeof(groupscan_table_options) */
    size_t size;
    /* The most bytes of nodes in use; at the bound joins and new snapshots are refused, leaves are not. By
     * default there is no bound. */
    size_t node_bytes;
    /* The most versions that live at a time, the current one included; by default 1024. 1 is taken as 2. */
    size_t live_versions;
} groupscan_table_options;

#define GROUPSCAN_TABLE_OPTIONS_INIT                                                                    \
    { sizeof(groupscan_table_options), 0, 0 }

/*
 * What became of a change. It is written whether the call fails or not.
 *
 * A change is made wholly or not at all: one element that is refused has all refused. Where the element
 * itself is at fault (INVALID_FLAGS, INVALID_MEMBERSHIP, NOT_OWNER, NOT_FOUND, NOT_ASCENDING), the caller
 * takes it out and tries the rest. For OUT_OF_CAPACITY, TOO_MANY and OUT_OF_MEMORY the place is just where
 * the room ran out.
 */
typedef struct groupscan_outcome {
    /* The version that has the changes; where no element changed anything, the one before; after a failure
     * 0. */
    uint64_t version;
    /* How many memberships came, went, or changed their flags; one that is named twice may count twice. */
    size_t changed;
    /* The place of the element at which the call failed, or GROUPSCAN_NOWHERE. */
    size_t refused_at;
} groupscan_outcome;

#define GROUPSCAN_NOWHERE ((size_t)-1)

/*
 * Makes an empty table. Options may be null.
 *
 * An empty table takes some kilobytes, one with a join 128 KiB, so a router may have one for each VRF.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status.
 */
groupscan_status groupscan_table_create(const groupscan_table_options *options,
                                        groupscan_table **table);

/* Destroys a table. Its snapshots and enumerations live on, and its memory as long as they do. Null does
 * nothing. */
void groupscan_table_destroy(groupscan_table *table);

/*
 * Adds memberships of a protocol, or the flags that they lack, all in one commit: readers see all of them
 * or none. Adding what is there changes nothing. Protocols are numbers of the caller's choosing. The outcome
 * may be null; memberships may be null where the count is 0.
 *
 * Waits for other writers. A membership costs O(log n), and many in one call less than one by one: some
 * microsecond at a million joins. Sorted memberships cost least.
 *
 * GROUPSCAN_ERROR_INVALID_FLAGS     of the membership at refused_at; nothing was changed.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY   options.node_bytes leaves no room; nothing was changed.
 * GROUPSCAN_ERROR_TOO_MANY          4,294,967,295 memberships or 16,777,216 interfaces of the family are
 *                                   there; nothing was changed.
 * GROUPSCAN_ERROR_INVALID_SIZE      the count is beyond all memory.
 */
groupscan_status groupscan_table_join4(groupscan_table *table, uint32_t protocol,
                                       const groupscan_membership4 *memberships, size_t count,
                                       groupscan_outcome *outcome);
groupscan_status groupscan_table_join6(groupscan_table *table, uint32_t protocol,
                                       const groupscan_membership6 *memberships, size_t count,
                                       groupscan_outcome *outcome);

/*
 * Removes flags of memberships of a protocol, and the memberships with their last flags, all in one commit.
 * Removing what is not there changes nothing. A leave may go beyond options.node_bytes, so that a full table
 * can shrink. Else as joins.
 *
 * GROUPSCAN_ERROR_INVALID_FLAGS, GROUPSCAN_ERROR_INVALID_SIZE   as for joins.
 */
groupscan_status groupscan_table_leave4(groupscan_table *table, uint32_t protocol,
                                        const groupscan_membership4 *memberships, size_t count,
                                        groupscan_outcome *outcome);
groupscan_status groupscan_table_leave6(groupscan_table *table, uint32_t protocol,
                                        const groupscan_membership6 *memberships, size_t count,
                                        groupscan_outcome *outcome);

/*
 * Removes memberships as leaves do, and then adds others as joins do, all in one commit: no reader sees the
 * one without the other, as when a host goes from (*,G) to (S,G). The places of joins are counted on from
 * those of leaves: refused_at is leave_count for the first join. Each array may be null where its count is
 * 0.
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
 * Removes all memberships of a protocol on an interface, as when it went down, in one commit. Costs those,
 * not the table. The outcome may be null.
 */
groupscan_status groupscan_table_leave_all4(groupscan_table *table, uint32_t protocol,
                                            const groupscan_interface4 *iface,
                                            groupscan_outcome *outcome);
groupscan_status groupscan_table_leave_all6(groupscan_table *table, uint32_t protocol,
                                            const groupscan_interface6 *iface,
                                            groupscan_outcome *outcome);

/*
 * Makes the memberships of a protocol on an interface exactly those of a list, as when the protocol
 * synchronised anew, in one commit. They get GROUPSCAN_JOIN and no other flag. The list ascends strictly by
 * (group, source), as bytes compare. The outcome may be null; joins may be null where the count is 0.
 *
 * Costs what is there and what is to be there; the list is copied on its way.
 *
 * GROUPSCAN_ERROR_NOT_ASCENDING     at refused_at, which is not greater than the one before.
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

/*
 * Takes a snapshot: the version that was published last. It has every change of calls that have returned.
 *
 * Lock-free; some ten nanoseconds, and an allocation.
 *
 * GROUPSCAN_ERROR_TOO_MANY          options.live_versions live.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY   leaves have gone beyond options.node_bytes.
 */
groupscan_status groupscan_table_snapshot(const groupscan_table *table, groupscan_snapshot **snapshot);

/* What the current version has of a family. */
typedef struct groupscan_family_stats {
    /* Distinct (source, group) pairs that are joined. */
    size_t joins;
    /* Memberships, those without GROUPSCAN_JOIN included. */
    size_t memberships;
    /* Interfaces that memberships name. */
    size_t interfaces;
} groupscan_family_stats;

/* How a table's memory is spent. */
typedef struct groupscan_stats {
    groupscan_family_stats ipv4;
    groupscan_family_stats ipv6;
    /* The versions that live: the current one, and older ones that are held. */
    size_t live_versions;
    /* The nodes of all versions: what options.node_bytes bounds. */
    size_t in_use_bytes;
    /* Those that the current version does not reach: older versions do, or they wait to be reclaimed. */
    size_t retained_bytes;
    /* Those that a writer has still to look at, because versions died. */
    size_t pending_bytes;
    /* Memory for nodes that has none. */
    size_t free_bytes;
    /* The memory that the system gave for nodes. */
    size_t mapped_bytes;
} groupscan_stats;

/*
 * Tells how a table's memory is spent. Wait-free; while writers are at work, numbers of one call may be of
 * neighbouring versions. stats_bytes is sizeof *stats.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE   see groupscan_status.
 */
groupscan_status groupscan_table_stats(const groupscan_table *table, groupscan_stats *stats,
                                       size_t stats_bytes);

/* What a version retains that lives. */
typedef struct groupscan_retained {
    uint64_t version;
    /* The snapshots and enumerations that hold it. */
    size_t holders;
    /* The nodes that it alone reaches: what would be free without it. */
    size_t retained_bytes;
} groupscan_retained;

/*
 * Tells which versions live, and what each retains, from the oldest to the current one. element_bytes is
 * sizeof *retained; the list may be null where the capacity is 0. Waits for other writers and makes them
 * wait, for it visits what old versions retain.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   there are more: the list is full, and *count says how many there are.
 * GROUPSCAN_ERROR_INVALID_SIZE       see groupscan_status.
 */
groupscan_status groupscan_table_retained(const groupscan_table *table, groupscan_retained *retained,
                                          size_t capacity, size_t element_bytes, size_t *count);

/*
 * Frees some of what dead versions left behind, and says whether there is more. Changes do this on their
 * way; an idle table keeps it until this is called until there is no more. Takes some hundred microseconds
 * at most, and waits for other writers.
 */
groupscan_status groupscan_table_reclaim(groupscan_table *table, bool *more);

/* ---- Snapshots ---- */

/* Lets go of a snapshot. What only its version can reach is free for the writers' next work when the last
 * snapshot and enumeration of it are gone. Null does nothing. */
void groupscan_snapshot_destroy(groupscan_snapshot *snapshot);

/*
 * Gives another snapshot of the same version, for somebody who destroys it in his own time. Lock-free; some
 * nanoseconds, and an allocation.
 */
groupscan_status groupscan_snapshot_clone(const groupscan_snapshot *snapshot, groupscan_snapshot **clone);

/* Which version a snapshot is, and how much it has. */
typedef struct groupscan_snapshot_info {
    uint64_t version;
    groupscan_family_stats ipv4;
    groupscan_family_stats ipv6;
} groupscan_snapshot_info;

/*
 * Tells which version a snapshot is. O(1). info_bytes is sizeof *info.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE   see groupscan_status.
 */
groupscan_status groupscan_snapshot_get_info(const groupscan_snapshot *snapshot,
                                             groupscan_snapshot_info *info, size_t info_bytes);

/* Tells whether a group is joined from a source; the source 0 asks for the (*,G) itself. O(log n). */
groupscan_status groupscan_snapshot_contains4(const groupscan_snapshot *snapshot,
                                              const groupscan_join4 *join, bool *contains);
groupscan_status groupscan_snapshot_contains6(const groupscan_snapshot *snapshot,
                                              const groupscan_join6 *join, bool *contains);

/* Tells how many joins come before one, whether or not that is there. O(log n). */
groupscan_status groupscan_snapshot_rank4(const groupscan_snapshot *snapshot,
                                          const groupscan_join4 *join, size_t *rank);
groupscan_status groupscan_snapshot_rank6(const groupscan_snapshot *snapshot,
                                          const groupscan_join6 *join, size_t *rank);

/*
 * Tells the interfaces on which a group is joined from a source, each once, in no particular order. The
 * source 0 asks for the (*,G), whose interfaces are not repeated under other sources. The list may be null
 * where the capacity is 0. Costs a search and the memberships of the join.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   there are more: the list is full, and *count says how many there are.
 * GROUPSCAN_ERROR_INVALID_SIZE       the capacity is beyond all memory.
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
 * Tells the interfaces that memberships name, also those without GROUPSCAN_JOIN, each once, in no particular
 * order. The list may be null where the capacity is 0. Costs the interfaces.
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
 * Tells the memberships of a group, of every source, interface and protocol, also those without
 * GROUPSCAN_JOIN, ascending by source. The group is an address of 4 (or 16) bytes. The list may be null where
 * the capacity is 0. Costs a search and the memberships.
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

/* The key of an IPv6 join: the group's two words and the source's, the most significant first. */
typedef struct groupscan_key6 {
    uint64_t words[4];
} groupscan_key6;

/*
 * Gives keys of joins as they lie in the library's memory, without a copy: those from a rank on that are next
 * to each other, one at least and none behind the last. How many that are is the library's choice, hence the
 * loop of a walk:
 *
 *     for (rank = 0; groupscan_snapshot_keys4(snapshot, rank, &keys, &count) == GROUPSCAN_OK && count > 0;
 *          rank += count)
 *
 * The key of an IPv4 join is a number with the group in the high half and the source in the low one, both
 * in the byte order of the machine (htonl makes addresses of them). Keys ascend. They must not be written,
 * and may be read as long as the snapshot is there. A call costs a search.
 */
groupscan_status groupscan_snapshot_keys4(const groupscan_snapshot *snapshot, size_t rank,
                                          const uint64_t **keys, size_t *count);
groupscan_status groupscan_snapshot_keys6(const groupscan_snapshot *snapshot, size_t rank,
                                          const groupscan_key6 **keys, size_t *count);

/* ---- Enumerations ---- */

/* What an enumeration shows of what its filter leaves. */
typedef enum groupscan_view {
    /* Every join, (*,G) and (S,G): ALL_SOURCES of mgm.h. */
    GROUPSCAN_VIEW_ALL_SOURCES = 0,
    /* Of each group with a source-specific join the one of the lowest source: ANY_SOURCE of mgm.h. */
    GROUPSCAN_VIEW_ANY_SOURCE = 1,
    /* The (S,G). */
    GROUPSCAN_VIEW_SOURCE_SPECIFIC = 2,
    /* The (*,G). */
    GROUPSCAN_VIEW_WILDCARD = 3,
    /* Each group once, with the source and its mask 0; (*,*) is the group 0. */
    GROUPSCAN_VIEW_GROUPS = 4
} groupscan_view;

/* The addresses that share their first bits with one, whose other bits are 0. The length 0 is every
 * address. */
typedef struct groupscan_prefix4 {
    uint8_t address[4];
    uint32_t length;
} groupscan_prefix4;

typedef struct groupscan_prefix6 {
    uint8_t address[16];
    uint32_t length;
} groupscan_prefix6;

/* What an enumeration is narrowed to; 0 everywhere but in the size is everything. */
typedef struct groupscan_filter4 {
    /* sizeof(groupscan_filter4) */
    size_t size;
    /* The groups. They cost what they leave. */
    groupscan_prefix4 group;
    /* The sources; any prefix but the length 0 drops (*,G). Costs a look at every join of the groups. */
    groupscan_prefix4 source;
    /* 1 where there is an interface, else 0, and which. It costs what it leaves. */
    uint32_t has_interface;
    groupscan_interface4 iface;
    /* 0. */
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
 * Starts an enumeration of a snapshot's joins, which gives groupscan_source_group_entry4 (or 6). The view is
 * one of groupscan_view; the filter may be null.
 *
 * Costs two searches and an allocation; a narrowed one also looks for its first record.
 *
 * GROUPSCAN_ERROR_INVALID_VIEW, GROUPSCAN_ERROR_INVALID_PREFIX,
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status; the latter two of
 *                                                                the filter.
 */
groupscan_status groupscan_snapshot_enumerate4(const groupscan_snapshot *snapshot, uint32_t view,
                                               const groupscan_filter4 *filter,
                                               groupscan_enumeration **enumeration);
groupscan_status groupscan_snapshot_enumerate6(const groupscan_snapshot *snapshot, uint32_t view,
                                               const groupscan_filter6 *filter,
                                               groupscan_enumeration **enumeration);

/*
 * Starts an enumeration of the memberships of an interface, of every protocol, also those without
 * GROUPSCAN_JOIN; it gives groupscan_membership_entry4 (or 6). The filter may be null; an interface that it
 * has itself gives way. Else as enumerations of joins.
 */
groupscan_status groupscan_snapshot_enumerate_memberships4(const groupscan_snapshot *snapshot,
                                                           const groupscan_interface4 *iface,
                                                           const groupscan_filter4 *filter,
                                                           groupscan_enumeration **enumeration);
groupscan_status groupscan_snapshot_enumerate_memberships6(const groupscan_snapshot *snapshot,
                                                           const groupscan_interface6 *iface,
                                                           const groupscan_filter6 *filter,
                                                           groupscan_enumeration **enumeration);

/* Ends an enumeration. Null does nothing. */
void groupscan_enumeration_destroy(groupscan_enumeration *enumeration);

/*
 * Puts the next records into a buffer: as many whole ones as fit, ascending by (group, source), and where
 * they are memberships by the protocol's number. *count says how many; *more, which may be null, whether
 * records remain. A buffer that takes exactly the rest gets it together with the word that there is no more.
 * After the end every call gives 0 records.
 *
 * buffer_bytes may be any number. Nothing is written at or beyond its largest multiple of a record's size;
 * bytes between the last record and there are unspecified. At the end the buffer may be null.
 *
 * Threads that share an enumeration get different records, which together are all of them. That there are
 * no more for one thread does not say that the others have finished with theirs.
 *
 * Lock-free, and allocates nothing. Costs a search, the records, and the joins that a view or a source
 * prefix passes over.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   records remain, and not even one fits. The enumeration stays where it
 *                                    is.
 */
groupscan_status groupscan_enumeration_next(groupscan_enumeration *enumeration, void *buffer,
                                            size_t buffer_bytes, size_t *count, bool *more);

/*
 * Tells how many records remain. *exact, which may be null, tells whether it is exactly so many; else, where
 * a view, a source prefix or, of joins, an interface narrows the enumeration, at most. 0 is always exact.
 * Wait-free.
 */
groupscan_status groupscan_enumeration_remaining(const groupscan_enumeration *enumeration,
                                                 size_t *remaining, bool *exact);

/* The families of positions. */
#define GROUPSCAN_IPV4 4
#define GROUPSCAN_IPV6 6

/* A place behind a record, in words that other versions of the table understand, too. */
typedef struct groupscan_position {
    /* The group and the source; those of IPv4 have the first 4 bytes. */
    uint8_t group[16];
    uint8_t source[16];
    /* GROUPSCAN_IPV4 or GROUPSCAN_IPV6; 0 is the place before all records. */
    uint32_t family;
    /* Whether it is behind the membership of a protocol, or behind all of (group, source). */
    uint32_t has_protocol;
    uint32_t protocol;
} groupscan_position;

/*
 * Tells how far an enumeration has got: behind what it has given, and behind what it has passed over since,
 * up to the next record. A part of a split has the parts before it behind it. O(log n).
 */
groupscan_status groupscan_enumeration_position(const groupscan_enumeration *enumeration,
                                                groupscan_position *position);

/*
 * Moves an enumeration behind a position, be it of this enumeration, of one of another version, or one that
 * the caller made: it goes on with the first record behind that, whether or not the record at the position
 * is there. Where a group is shown once, all of the position's group is before it. A part of a split stays
 * within that part. No other thread may use the enumeration meanwhile. O(log n), and for a narrowed one a
 * look for its next record.
 *
 * GROUPSCAN_ERROR_INVALID_FAMILY   the position is of the other family, or its family is no number of
 *                                  one; 0 is the place before all records, where it begins anew.
 */
groupscan_status groupscan_enumeration_resume_after(groupscan_enumeration *enumeration,
                                                    const groupscan_position *position);

/*
 * Cuts what remains of an enumeration into so many others, of about as many keys each, for as many threads:
 * one after the other they give what this one would give. Each is the caller's to destroy. This one stays
 * as it is. O(log n) for each, and for a narrowed one a look for its first record.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE   the count is 0, or beyond 4,294,967,295.
 */
groupscan_status groupscan_enumeration_split(const groupscan_enumeration *enumeration,
                                             groupscan_enumeration **parts, size_t count);

/* ---- Managers ---- */

/* A manager: a table of IPv4 memberships that several protocols keep which know nothing of each other, with
 * the contract of mgm.h. Its clients own interfaces, and enumerate by handles. */
typedef struct groupscan_manager groupscan_manager;

/* Handles are numbers, not pointers, and are checked at each use. 0 and all ones are none. Of two threads
 * that end one, one is told so. */
typedef uint64_t groupscan_protocol_handle;
typedef uint64_t groupscan_enumeration_handle;

/* How a manager is made: 0 stands for the default. */
typedef struct groupscan_manager_options {
    /* sizeof(groupscan_manager_options) */
    size_t size;
    /* As in groupscan_table_options. */
    size_t node_bytes;
    /* As in groupscan_table_options; by default twice as many as enumerations. */
    size_t live_versions;
    /* The most clients at a time; by default 256. More than 65,536 are taken as 65,536. */
    size_t protocols;
    /* The most interfaces that are owned at a time; by default 65,536. */
    size_t owned_interfaces;
    /* The most enumerations at a time; by default 1024. More than 65,536 are taken as 65,536. Each takes 24
     * bytes from the start. */
    size_t enumerations;
    /* The milliseconds for which an enumeration may go unused; by default for ever. Those that do are ended by
     * groupscan_manager_expire_idle, and by a start that finds as many enumerations as may be. */
    uint64_t idle_ms;
} groupscan_manager_options;

#define GROUPSCAN_MANAGER_OPTIONS_INIT                                                                  \
    { sizeof(groupscan_manager_options), 0, 0, 0, 0, 0, 0 }

/*
 * Makes a manager. Options may be null.
 *
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status.
 */
groupscan_status groupscan_manager_create(const groupscan_manager_options *options,
                                          groupscan_manager **manager);

/*
 * Gives the one manager that the calls of mgm.h are made on. It is there from the first call of mgm.h or of
 * this function on, and never goes. Options other than null have to come first. A HANDLE of mgm.h is, as a
 * number, a handle of the calls here.
 *
 * GROUPSCAN_ERROR_ALREADY_EXISTS   there are options, and the manager is there already.
 * GROUPSCAN_ERROR_INVALID_SIZE, GROUPSCAN_ERROR_UNKNOWN_OPTION   see groupscan_status.
 */
groupscan_status groupscan_manager_of_process(const groupscan_manager_options *options,
                                              groupscan_manager **manager);

/* Destroys a manager and ends what its handles stand for; snapshots live on. Null, and the manager of the
 * process, stay as they are. */
void groupscan_manager_destroy(groupscan_manager *manager);

/*
 * The calls from here to groupscan_manager_replace4 wait for each other, and for changes of the table.
 *
 * Registers a client: a protocol, and one of its instances (components). IGMP is the one with 10 in the low
 * 16 bits of its protocol id; it may change memberships on any interface, others on those that they own.
 *
 * GROUPSCAN_ERROR_ALREADY_EXISTS   a client with these ids is registered.
 * GROUPSCAN_ERROR_TOO_MANY         options.protocols clients are.
 */
groupscan_status groupscan_manager_register(groupscan_manager *manager, uint32_t protocol_id,
                                            uint32_t component_id,
                                            groupscan_protocol_handle *protocol);

/*
 * Deregisters a client: removes the memberships that it has left, and ends its enumerations. For IGMP this
 * looks at every membership.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE    see groupscan_status.
 * GROUPSCAN_ERROR_OWNS_INTERFACES   the client must release them first.
 */
groupscan_status groupscan_manager_deregister(groupscan_manager *manager,
                                              groupscan_protocol_handle protocol);

/*
 * Makes a client the owner of an interface. Taking what one owns changes nothing.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 * GROUPSCAN_ERROR_ALREADY_OWNED    another client owns it.
 * GROUPSCAN_ERROR_TOO_MANY         options.owned_interfaces are owned.
 */
groupscan_status groupscan_manager_take_interface4(groupscan_manager *manager,
                                                  groupscan_protocol_handle protocol,
                                                  const groupscan_interface4 *iface);

/*
 * Gives up an interface, and removes the memberships that the client has there.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 * GROUPSCAN_ERROR_NOT_OWNER        the client does not own it.
 */
groupscan_status groupscan_manager_release_interface4(groupscan_manager *manager,
                                                     groupscan_protocol_handle protocol,
                                                     const groupscan_interface4 *iface);

/*
 * Tells who owns an interface.
 *
 * GROUPSCAN_ERROR_NOT_FOUND   nobody does.
 */
groupscan_status groupscan_manager_owner4(const groupscan_manager *manager,
                                         const groupscan_interface4 *iface,
                                         uint32_t *protocol_id, uint32_t *component_id);

/*
 * Tells the number by which records of memberships name a client: its protocol id, unless another client
 * goes by that number. Does not wait.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 */
groupscan_status groupscan_manager_protocol_number(const groupscan_manager *manager,
                                                   groupscan_protocol_handle protocol,
                                                   uint32_t *number);

/*
 * Adds memberships of a client, or the flags that they lack, all in one commit. Groups are 224.0.0.0/4, or
 * 0 with the source 0. Else as groupscan_table_join4. After a failure nothing was changed.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE       see groupscan_status.
 * GROUPSCAN_ERROR_INVALID_MEMBERSHIP, GROUPSCAN_ERROR_INVALID_FLAGS   of the one at refused_at.
 * GROUPSCAN_ERROR_NOT_OWNER            the client does not own the interface of the one at refused_at, and is
 *                                      not IGMP.
 * GROUPSCAN_ERROR_OUT_OF_CAPACITY, GROUPSCAN_ERROR_TOO_MANY, GROUPSCAN_ERROR_INVALID_SIZE   as there.
 */
groupscan_status groupscan_manager_join4(groupscan_manager *manager,
                                        groupscan_protocol_handle protocol,
                                        const groupscan_membership4 *memberships, size_t count,
                                        groupscan_outcome *outcome);

/*
 * Removes flags of memberships of a client, and the memberships with their last flags, all in one commit.
 * Removing what is not there changes nothing, on an interface that is there before the call: one with an
 * owner or memberships. After a failure nothing was changed.
 *
 * GROUPSCAN_ERROR_NOT_FOUND   the interface of the one at refused_at is not there.
 * GROUPSCAN_ERROR_NOT_OWNER   another client owns the interface, and the caller is not IGMP.
 * GROUPSCAN_ERROR_INVALID_HANDLE, GROUPSCAN_ERROR_INVALID_MEMBERSHIP, GROUPSCAN_ERROR_INVALID_FLAGS,
 * GROUPSCAN_ERROR_INVALID_SIZE   as for joins.
 */
groupscan_status groupscan_manager_leave4(groupscan_manager *manager,
                                         groupscan_protocol_handle protocol,
                                         const groupscan_membership4 *memberships, size_t count,
                                         groupscan_outcome *outcome);

/*
 * Removes memberships as leaves do, and then adds others as joins do, all in one commit, with places as in
 * groupscan_table_update4.
 *
 * The errors of leaves and of joins.
 */
groupscan_status groupscan_manager_update4(groupscan_manager *manager,
                                           groupscan_protocol_handle protocol,
                                           const groupscan_membership4 *leaves, size_t leave_count,
                                           const groupscan_membership4 *joins, size_t join_count,
                                           groupscan_outcome *outcome);

/*
 * Removes all memberships of a client on an interface, as when it went down, in one commit. Costs those. The
 * outcome may be null.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE, GROUPSCAN_ERROR_NOT_FOUND, GROUPSCAN_ERROR_NOT_OWNER   as for leaves.
 */
groupscan_status groupscan_manager_leave_all4(groupscan_manager *manager,
                                             groupscan_protocol_handle protocol,
                                             const groupscan_interface4 *iface,
                                             groupscan_outcome *outcome);

/*
 * Makes the memberships of a client on an interface exactly those of a list, as when the client synchronised
 * anew, in one commit. As groupscan_table_replace4.
 *
 * GROUPSCAN_ERROR_INVALID_MEMBERSHIP, GROUPSCAN_ERROR_NOT_ASCENDING   of the one at refused_at: of the first
 *                              that is none, and where there is none of those, of the first out of order.
 * GROUPSCAN_ERROR_NOT_OWNER    the client does not own the interface, and is not IGMP.
 * GROUPSCAN_ERROR_INVALID_HANDLE, GROUPSCAN_ERROR_OUT_OF_CAPACITY, GROUPSCAN_ERROR_TOO_MANY,
 * GROUPSCAN_ERROR_INVALID_SIZE                                        as for joins.
 */
groupscan_status groupscan_manager_replace4(groupscan_manager *manager,
                                           groupscan_protocol_handle protocol,
                                           const groupscan_interface4 *iface,
                                           const groupscan_join4 *joins, size_t count,
                                           groupscan_outcome *outcome);

/*
 * Starts an enumeration of joins for a client, of the version that was published last. The filter may be
 * null. Lock-free; allocates. One that finds as many enumerations as may be first ends those that went
 * unused for options.idle_ms, be it refused afterwards or not.
 *
 * GROUPSCAN_ERROR_INVALID_HANDLE   see groupscan_status.
 * GROUPSCAN_ERROR_TOO_MANY         options.enumerations run, or options.live_versions live.
 * GROUPSCAN_ERROR_INVALID_VIEW, GROUPSCAN_ERROR_INVALID_PREFIX, GROUPSCAN_ERROR_INVALID_SIZE,
 * GROUPSCAN_ERROR_UNKNOWN_OPTION, GROUPSCAN_ERROR_OUT_OF_CAPACITY   as for groupscan_snapshot_enumerate4
 *                                                                   and groupscan_table_snapshot.
 */
groupscan_status groupscan_manager_start4(groupscan_manager *manager,
                                         groupscan_protocol_handle protocol, uint32_t view,
                                         const groupscan_filter4 *filter,
                                         groupscan_enumeration_handle *enumeration);

/*
 * Puts the next records of an enumeration into a buffer, as groupscan_enumeration_next. A call that found its
 * handle before another thread ended that completes.
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
 * Ends the enumerations that went unused for options.idle_ms, and says how many: to be called now and then,
 * so that a client which forgets its enumerations does not hold their versions for ever. Lock-free.
 */
groupscan_status groupscan_manager_expire_idle(groupscan_manager *manager, size_t *ended);

/* Who enumerates what, how far it has got, and what that costs. */
typedef struct groupscan_manager_enumeration4 {
    groupscan_enumeration_handle handle;
    /* The version that it holds. */
    uint64_t version;
    /* As groupscan_enumeration_remaining. */
    size_t remaining;
    /* What its version alone retains, shared by all that hold the version; 0 while it is the current one. */
    size_t retained_bytes;
    /* Since it was started, and since it was started or read last. */
    uint64_t age_ms;
    uint64_t idle_ms;
    /* Who started it. */
    uint32_t protocol_id;
    uint32_t component_id;
    groupscan_position position;
    /* What it shows, and what it is narrowed to. */
    uint32_t view;
    groupscan_prefix4 group;
    groupscan_prefix4 source;
    uint32_t has_interface;
    groupscan_interface4 iface;
    uint32_t reserved;
} groupscan_manager_enumeration4;

/*
 * Lists the enumerations that run, in about the order of their starts. element_bytes is sizeof
 * *enumerations; the list may be null where the capacity is 0. Waits for writers, and makes them wait, for
 * it visits what old versions retain; O(n log n) of the enumerations besides.
 *
 * GROUPSCAN_ERROR_BUFFER_TOO_SMALL   there are more: the list is full, and *count says how many there are.
 * GROUPSCAN_ERROR_INVALID_SIZE       see groupscan_status.
 */
groupscan_status groupscan_manager_enumerations4(const groupscan_manager *manager,
                                                groupscan_manager_enumeration4 *enumerations,
                                                size_t capacity, size_t element_bytes,
                                                size_t *count);

/* As the calls on tables of the same names, on the manager's table. A snapshot has what handles have no calls
 * for: memberships, positions, parts. */
groupscan_status groupscan_manager_snapshot(const groupscan_manager *manager,
                                            groupscan_snapshot **snapshot);
groupscan_status groupscan_manager_stats(const groupscan_manager *manager, groupscan_stats *stats,
                                         size_t stats_bytes);
groupscan_status groupscan_manager_retained(const groupscan_manager *manager,
                                            groupscan_retained *retained, size_t capacity,
                                            size_t element_bytes, size_t *count);
groupscan_status groupscan_manager_reclaim(groupscan_manager *manager, bool *more);

#ifdef __cplusplus
}
#endif

#endif
