/* The calls of groupscan.h for either family, with small numbers for addresses. A part of native.c. */

#define JOIN GROUPSCAN_JOIN
#define FORWARD GROUPSCAN_FORWARD
#define BOTH (JOIN | FORWARD)
#define NOWHERE GROUPSCAN_NOWHERE
#define CANARY 0xa5

/* Short names of the statuses. */
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
#define INVALID_ORDER GROUPSCAN_ERROR_INVALID_ORDER
#define TIMEOUT GROUPSCAN_ERROR_TIMEOUT

#define STATUSES 23

/* A place for every kind of result, for calls that must fail. */
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

/* The outcome of the last change, which calls that fail also write. */
static groupscan_outcome outcome;

/* The statuses that have occurred. */
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

/* Checks that a call fails with a status, and writes no result. */
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

/* As REFUSED, for a change, with the index of the refused element. */
#define CHANGE_REFUSED(call, status, place)                                                     \
    do {                                                                                        \
        REFUSED(call, status);                                                                  \
        check_refused_at(place);                                                                \
    } while (0)

/* Memory of exactly this size, so that valgrind sees accesses beyond it. */
static void *memory_of(size_t bytes)
{
    void *memory = malloc(bytes);
    CHECK(memory != NULL);
    return memory;
}

/* ---- Addresses by numbers ---- */

typedef enum Kind { GROUP, SOURCE, NEXT_HOP } Kind;

/* A membership in numbers: the source 0 means any, and together with it the group 0 all groups. */
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

/* The address of a number. Addresses have the order of their numbers, and bits of them in each half. */
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

/* The address of a number, with zeros after the first `bits` bits. */
static void put_prefix(int six, Kind kind, unsigned number, unsigned length, uint8_t *address)
{
    unsigned bit;
    put_address(six, kind, number, address);
    for (bit = length; bit < bits(six); bit++)
        address[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

/* Interfaces come in pairs with one index: even numbers have no next hop, odd ones have one. */
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

/* A filter: prefixes of the addresses of numbers, and an interface, if any. */
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

/* A bulk change of a table. The memberships are at an odd address. */
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

/* Replaces memberships by the joins of some members. The list is at an odd address. */
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

/* An enumeration of joins, with a null filter if it admits everything. */
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

static groupscan_status enumerate_all_memberships(const groupscan_snapshot *snapshot, int six,
                                                  unsigned order, const Narrow *narrow,
                                                  groupscan_enumeration **enumeration)
{
    groupscan_filter4 filter4;
    groupscan_filter6 filter6;
    if (narrow == NULL && six)
        return groupscan_snapshot_enumerate_all_memberships6(snapshot, order, NULL, enumeration);
    if (narrow == NULL)
        return groupscan_snapshot_enumerate_all_memberships4(snapshot, order, NULL, enumeration);
    filter4 = filter4_of(narrow);
    filter6 = filter6_of(narrow);
    if (six)
        return groupscan_snapshot_enumerate_all_memberships6(snapshot, order, &filter6,
                                                             enumeration);
    return groupscan_snapshot_enumerate_all_memberships4(snapshot, order, &filter4, enumeration);
}

/* ---- Walks: the enumerations of a snapshot ---- */

/* A view of joins, VIEW_MEMBERSHIPS for the memberships of an interface, or VIEW_BY_GROUP or VIEW_BY_INTERFACE
 * for all memberships; and a filter. */
typedef struct Walk {
    unsigned view;
    unsigned interface;
    Narrow narrow;
} Walk;

#define VIEWS 5
#define VIEW_MEMBERSHIPS VIEWS
#define VIEW_BY_GROUP (VIEWS + 1)
#define VIEW_BY_INTERFACE (VIEWS + 2)

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

static int is_of_all_memberships(const Walk *walk)
{
    return walk->view == VIEW_BY_GROUP || walk->view == VIEW_BY_INTERFACE;
}

static groupscan_enumeration *started(const groupscan_snapshot *snapshot, int six, const Walk *walk)
{
    groupscan_enumeration *enumeration = NULL;
    if (walk->view == VIEW_MEMBERSHIPS)
        OK(enumerate_memberships(snapshot, six, walk->interface, &walk->narrow, &enumeration));
    else if (walk->view == VIEW_BY_GROUP)
        OK(enumerate_all_memberships(snapshot, six, GROUPSCAN_BY_GROUP, &walk->narrow,
                                     &enumeration));
    else if (walk->view == VIEW_BY_INTERFACE)
        OK(enumerate_all_memberships(snapshot, six, GROUPSCAN_BY_INTERFACE, &walk->narrow,
                                     &enumeration));
    else
        OK(enumerate(snapshot, six, walk->view, &walk->narrow, &enumeration));
    CHECK(enumeration != NULL);
    return enumeration;
}

static size_t record_bytes_of(int six, const Walk *walk)
{
    if (walk->view >= VIEW_MEMBERSHIPS)
        return six ? sizeof(groupscan_membership_entry6) : sizeof(groupscan_membership_entry4);
    return six ? sizeof(groupscan_source_group_entry6) : sizeof(groupscan_source_group_entry4);
}

/* Whether the number of remaining records is exact. */
static int is_counted(const Walk *walk)
{
    if (walk->narrow.source_length > 0)
        return 0;
    /* An interface of the filter makes a walk over all memberships one over those of the interface. */
    if (is_of_all_memberships(walk))
        return walk->narrow.interface != NO_INTERFACE;
    return walk->view == VIEW_MEMBERSHIPS || (walk->view == GROUPSCAN_VIEW_ALL_SOURCES &&
                                              walk->narrow.interface == NO_INTERFACE);
}
